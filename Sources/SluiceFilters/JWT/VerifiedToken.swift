import SluiceCore

/// A token that was found good under some rules, with all that follows from it. Isolation: one loop.
final class VerifiedToken {
    let bytes: [UInt8]
    let policy: TokenPolicy
    let times: TokenTimes
    let claims: VerifiedClaims
    /// The headers that go upstream, ready to be copied.
    let lines: [FieldLine]
    /// What the claim that names the consumer says.
    private let consumerName: [UInt8]?
    /// Who that is, in the objects of the configuration that asked last.
    private var consumer: Consumer?
    private var knownBy: UInt64 = 0

    init(_ bytes: [UInt8], _ policy: TokenPolicy, _ times: TokenTimes, _ claims: JSONObject, _ rules: TokenRules) {
        self.bytes = bytes
        self.policy = policy
        self.times = times
        self.claims = VerifiedClaims(claims)
        lines = rules.headers.compactMap { header in
            header.value(from: claims).map { FieldLine(name: header.name, value: $0) }
        }
        consumerName = rules.consumer.flatMap { $0.value(in: claims)?.scalarText }
    }

    /// What it takes in memory, about.
    var cost: Int { 256 + bytes.count + claims.cost + lines.count * 128 }

    /// The consumer that the token names; nil where there is no such one.
    ///
    /// Consumers belong to a configuration, a verified token outlives it: the name is looked up again after a reload.
    ///
    /// - Parameter number: what the cache calls the table.
    func consumer(among consumers: Consumers, number: UInt64) -> Consumer? {
        if knownBy != number {
            knownBy = number
            consumer = consumerName.flatMap { consumers.named($0) }
        }
        return consumer
    }
}

/// Under what a token was verified: the number of the rules, and which set of keys it was.
struct TokenPolicy: Equatable, Sendable {
    var rules: UInt32
    var keys: UInt64
}
