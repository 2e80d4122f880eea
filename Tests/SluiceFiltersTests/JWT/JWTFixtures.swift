import Crypto
import CryptoExtras
import SluiceCore
import Testing

/// Keys and tokens that other implementations made: `Tests/Fixtures/jwt`.
enum JWTFixtures {
    struct Token: Sendable, CustomTestStringConvertible {
        let maker: String
        let key: String
        let algorithm: String
        let token: String
        var testDescription: String { "\(algorithm) of \(maker)" }
    }

    struct Example: Sendable, CustomTestStringConvertible {
        let name: String
        let key: JSONObject
        let token: String
        var testDescription: String { name }
    }

    static let file: JSONObject = {
        let text = (try? Repository.read("Tests/Fixtures/jwt/tokens.json")) ?? ""
        return (try? JSONParser.parse(Array(text.utf8)).object) ?? JSONObject([])
    }()

    /// The time at which the tokens are good, in seconds since 1970.
    static let now: Int64 = 1_700_000_000

    static let tokens: [Token] = (file["tokens"]?.items ?? []).compactMap(\.object).map { item in
        Token(
            maker: text(item["maker"]),
            key: text(item["key"]),
            algorithm: text(item["alg"]),
            token: text(item["token"])
        )
    }

    static let examples: [Example] = (file["rfc"]?.items ?? []).compactMap(\.object).compactMap { item in
        item["key"]?.object.map { Example(name: text(item["name"]), key: $0, token: text(item["token"])) }
    }

    static func text(_ value: JSONValue?) -> String { String(decoding: value?.text ?? [], as: UTF8.self) }

    /// The public keys as JSON, each under the name of `private`.
    static func key(_ name: String) throws -> JSONObject {
        let keys = (file["jwks"]?.object?["keys"]?.items ?? []).compactMap(\.object)
        return try #require(keys.first { text($0["kid"]) == name }, "no key \(name)")
    }

    static func privateKey(_ name: String) -> String { text(file["private"]?.object?[name]) }

    /// A token of that algorithm.
    static func token(_ algorithm: String) throws -> String {
        try #require(tokens.first { $0.algorithm == algorithm }).token
    }
}

/// Writes JSON, for keys that tests put together.
extension JSONObject {
    /// With further members, or others in place of those of the same name; nil takes one away.
    func with(_ changes: KeyValuePairs<String, JSONValue?>) -> JSONObject {
        var members = members.filter { member in !changes.contains { member.name.elementsEqual($0.key.utf8) } }
        members += changes.compactMap { change in
            change.value.map { Member(name: Array(change.key.utf8), value: $0) }
        }
        return JSONObject(members)
    }

    func with(_ changes: KeyValuePairs<String, String>) -> JSONObject {
        var result = self
        for (name, value) in changes { result = result.with([name: JSONValue.string(Array(value.utf8))]) }
        return result
    }

    /// What a parameter of a key stands for.
    func bytes(_ name: String) throws -> [UInt8] {
        let text = try #require(self[name]?.text)
        return try #require(Base64.decode(text, as: .url))
    }

    var json: String { "{\(members.map { "\(Self.quoted($0.name)):\($0.value.json)" }.joined(separator: ","))}" }

    fileprivate static func quoted(_ text: [UInt8]) -> String {
        let text = String(decoding: text, as: UTF8.self)
        return "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n"))\""
    }
}

extension JSONValue {
    var json: String {
        switch self {
        case .string(let text): JSONObject.quoted(text)
        case .array(let items): "[\(items.map(\.json).joined(separator: ","))]"
        case .object(let object): object.json
        default: scalarText.map { String(decoding: $0, as: UTF8.self) } ?? "null"
        }
    }
}

/// A JWK Set of these keys.
func keySet(_ keys: JSONObject...) -> String { "{\"keys\":[\(keys.map(\.json).joined(separator: ","))]}" }

func keySet(_ names: [String]) throws -> String {
    "{\"keys\":[\(try names.map { try JWTFixtures.key($0).json }.joined(separator: ","))]}"
}
