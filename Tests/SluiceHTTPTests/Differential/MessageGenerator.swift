import SluiceCore

/// Random connections that keep every rule, with all the freedom that the rules leave.
struct MessageGenerator {
    var random: RandomSource

    init(seed: UInt64) { random = RandomSource(seed: seed) }

    mutating func below(_ bound: Int) -> Int { Int(random.below(UInt64(bound))) }

    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }

    mutating func string(_ most: Int, _ parts: [String]) -> String {
        (0..<below(most + 1)).map { _ in pick(parts) }.joined()
    }

    // MARK: - Connections

    /// One to three requests.
    mutating func requests() -> [UInt8] {
        wire((0...below(3)).map { _ in request() }.joined())
    }

    /// The answers to these requests.
    mutating func responses(to methods: [String]) -> [UInt8] {
        wire(methods.map { response(to: $0) }.joined())
    }

    private mutating func request() -> String {
        let method =
            chance(90)
            ? pick(["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"])
            : pick(["PURGE", "M-SEARCH", "PROPFIND", "X", "get", "FOO"])
        let minor = chance(90) ? 1 : 0
        let lead = chance(5) ? "\r\n" : ""
        var lines = fields(5)
        lines.append(
            (pick(["Host", "host", "HOST"]), pick(["a", "Api.Example.com", "a:8080", "[::1]:80", "10.0.0.1"]))
        )
        if chance(30) { lines.append(("Connection", pick(["keep-alive", "close", "Keep-Alive, x-a", "x-b"]))) }
        if chance(5) { lines.append(("Expect", "100-continue")) }
        let body = body(mayBeChunked: minor == 1, &lines)
        return "\(lead)\(method) \(target(method)) HTTP/1.\(minor)\r\n\(head(&lines))\r\n\(body)"
    }

    private mutating func response(to method: String) -> String {
        var text = ""
        while chance(10) {
            text +=
                "HTTP/1.1 \(pick([100, 102, 103])) \(pick(["Continue", "", "x y"]))\r\n\(pick(["", "Link: </a>\r\n"]))\r\n"
        }
        let status = pick([200, 200, 200, 201, 204, 206, 301, 304, 404, 500, 503, 599])
        let minor = chance(90) ? 1 : 0
        var lines = fields(5)
        if minor == 0 { lines.append(("Connection", "keep-alive")) }
        var body = ""
        if status == 204 {
            body = ""
        } else if method == "HEAD" || status == 304 {
            if chance(50) { lines.append(("Content-Length", "\(below(50))")) }
        } else {
            body = self.body(mayBeChunked: minor == 1, &lines)
            let isFramed = lines.contains { ["content-length", "transfer-encoding"].contains($0.0.lowercased()) }
            if !isFramed { lines.append(("content-length", "0")) }
        }
        return text + "HTTP/1.\(minor) \(status) \(pick(["OK", "", "Not \t Found", "x"]))\r\n\(head(&lines))\r\n\(body)"
    }

    // MARK: - Parts

    private mutating func target(_ method: String) -> String {
        switch below(10) {
        case 0 where method == "OPTIONS": return "*"
        case 1: return "http://" + pick(["b", "B.example:81", "[::1]:80"]) + pick(["", "/", "/x?y", "?z"])
        default:
            return "/" + string(6, ["a", "/", "b%20c", ".", "~", "%C3%A9", "-", ";x=1", ":", "@", "!"])
                + pick(["", "?", "?a=b&c", "?x=%2F/?"])
        }
    }

    private mutating func fields(_ most: Int) -> [(String, String)] {
        (0..<below(most + 1)).map { _ in (name(), value()) }
    }

    private mutating func name() -> String {
        chance(50)
            ? pick(["Accept", "user-agent", "Cookie", "X-Forwarded-For", "Date", "via"])
            : "X" + string(8, ["a", "-", "Z", "9", "!", "~", "^", "*", "b.c"])
    }

    private mutating func value() -> String {
        string(
            12,
            [
                "a", "b", "Z", "0", " ", "\t", ",", ";", "=", "\"", "(", ")", "/", "%", "longer words", "\u{C3}\u{A9}",
                "\u{E9}", "<", ">", "\\",
            ]
        )
    }

    /// The lines in random order, with random white space around the values.
    private mutating func head(_ lines: inout [(String, String)]) -> String {
        lines.shuffle(using: &random)
        return lines.map { name, value in
            // llhttp does not know a tab behind these for white space; see `Tolerated`.
            let frames = Tolerated.framingNames.contains(name.lowercased())
            return
                "\(name):\(pick(["", " ", " ", "\t", "  "]))\(value)\(pick(frames ? ["", " "] : ["", "", " ", "\t"]))\r\n"
        }.joined()
    }

    /// Adds the framing field and makes the body that it frames.
    private mutating func body(mayBeChunked: Bool, _ lines: inout [(String, String)]) -> String {
        let kind = below(10)
        if kind < 3 { return "" }
        if kind < 7 || !mayBeChunked {
            let data = string(20, ["a", "\r\n", "0", "GET / HTTP/1.1\r\n\r\n", "\u{0}", "\u{FF}"])
            lines.append(
                (pick(["Content-Length", "content-length"]), (chance(10) ? "00" : "") + "\(wire(data).count)")
            )
            return data
        }
        lines.append((pick(["Transfer-Encoding", "transfer-encoding"]), pick(["chunked", "Chunked", "CHUNKED"])))
        return chunks()
    }

    private mutating func chunks() -> String {
        var text = ""
        for _ in 0..<below(4) {
            let data = "x" + string(10, ["a", "\r\n", "0\r\n\r\n", "\u{0}", "\u{FF}"])
            text +=
                (chance(20) ? "00" : "") + String(wire(data).count, radix: 16, uppercase: chance(50)) + chunkExtension()
                + "\r\n" + data + "\r\n"
        }
        text += pick(["0", "0", "000"]) + chunkExtension() + "\r\n"
        for _ in 0..<(chance(30) ? below(4) : 0) {
            text += "X-T\(below(3)):\(pick(["", " ", "\t"]))\(string(4, ["a", "b c", "\u{E9}", "\""]))\r\n"
        }
        return text + "\r\n"
    }

    private mutating func chunkExtension() -> String {
        chance(80) ? "" : pick([";a", ";a=b", ";a=\"b c\"", ";a;b=c", ";a=\"\\\"\""])
    }
}
