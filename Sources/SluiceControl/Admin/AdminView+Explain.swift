import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceProxy

/// `/explain?method=GET&url=...&header=name: value&listener=...&client=...`
extension AdminView {
    func explain(_ request: BuiltInRequest) -> LocalReply {
        guard let running = facts.now.running else { return LocalReply(.noRoute) }
        do {
            let described = try Self.described(request.query ?? "")
            return .json(200, try Explainer(running).explain(described).json)
        } catch let problem as ExplainProblem {
            return Self.bad(problem.message)
        } catch {
            return Self.bad("\(error)")
        }
    }

    private static func described(_ query: String) throws -> ExplainRequest {
        var described = ExplainRequest("GET", "")
        for (name, value) in QueryText.parameters(query) {
            switch name {
            case "method": described.method = value
            case "url": described.url = value
            case "header": described.headers.append(try ExplainRequest.header(value))
            case "listener": described.listener = value
            case "client": described.client = try ExplainRequest.client(value)
            default: throw AdminProblem("there is no parameter '\(Printable.short(name))'")
            }
        }
        guard !described.url.isEmpty else { throw AdminProblem("the parameter 'url' is missing") }
        return described
    }

    private static func bad(_ message: String) -> LocalReply {
        var json = JSONWriter()
        json.object { json in
            json.field("status", 400)
            json.field("code", "bad_parameter")
            json.field("message", message)
        }
        return .json(400, json.text + "\n")
    }
}

/// What is wrong with a parameter, for people.
struct AdminProblem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// The parameters of a query, decoded.
enum QueryText {
    /// `application/x-www-form-urlencoded` (WHATWG URL, section 5.1): `+` is a space, escapes are bytes of UTF-8.
    static func parameters(_ query: String) -> [(name: String, value: String)] {
        query.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (decode(parts[0]), parts.count > 1 ? decode(parts[1]) : "")
        }
    }

    private static func decode(_ text: Substring) -> String {
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var i = 0
        while i < bytes.count {
            if bytes[i] == UInt8(ascii: "%"), i + 2 < bytes.count, let high = ASCII.hexValue(bytes[i + 1]),
                let low = ASCII.hexValue(bytes[i + 2])
            {
                out.append(UInt8(high) << 4 | UInt8(low))
                i += 3
            } else {
                out.append(bytes[i] == UInt8(ascii: "+") ? UInt8(ascii: " ") : bytes[i])
                i += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
