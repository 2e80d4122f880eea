import SluiceCore

/// The name of a claim, or the way to one inside of others: `sub`, `realm_access.roles`.
///
/// A claim of exactly that name comes first, since the names of claims may hold dots themselves.
struct ClaimPath: Hashable, Sendable {
    let name: [UInt8]
    private let steps: [[UInt8]]

    init(_ text: String) {
        name = Array(text.utf8)
        steps = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { Array($0) }
    }

    func value(in claims: JSONObject) -> JSONValue? {
        if let value = claims[name] { return value }
        guard steps.count > 1 else { return nil }
        var value = JSONValue.object(claims)
        for step in steps {
            guard let next = value.object?[step] else { return nil }
            value = next
        }
        return value
    }
}
