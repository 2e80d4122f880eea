internal import NIOCore
internal import SluiceCore

/// `load_balancing:`
enum BalancingFields {
    enum Policy: String, CaseIterable, Sendable {
        case roundRobin = "round_robin"
        case leastRequest = "least_request"
        case random
        case ringHash = "ring_hash"
        case maglev
    }

    /// Envoy's sizes: small enough to build fast, large enough to spread evenly.
    static let ringSize = 1024
    static let tableSize = 65_537
    static let choiceCount = 2

    static let policy = OptionalField(required: "policy", ValueType<Policy>.choice(), doc: "The way of choosing.")
    static let choices = OptionalField(
        "choices",
        .integer(2...64),
        absent: "`2`",
        doc: "`least_request`: servers that are compared each time."
    )
    static let table = OptionalField(
        "table_size",
        .integer(101...5_000_011),
        absent: "`65537`",
        doc: "`maglev`: entries of the table, a prime number."
    )
    static let ring = OptionalField(
        "minimum_size",
        .integer(1...8_388_608),
        absent: "`1024`",
        doc: "`ring_hash`: entries of the ring at least."
    )
    static let hash = OptionalField(
        "hash",
        .list(of: .hashKey, atLeast: 1),
        absent: "none",
        doc: "`ring_hash` and `maglev`: what the choice is computed from, combined in order."
    )

    static let schema = ObjectSchema(
        "load_balancing",
        doc: "How a server is chosen.",
        fields: [policy, choices, table, ring, hash]
    )

    static func decode(_ reader: ObjectReader) -> BalancingModel? {
        let choices = reader.read(choices)
        let table = reader.read(table)
        let ring = reader.read(ring)
        let hash = reader.read(hash) ?? []
        if let table, !isPrime(table) {
            reader.invalid(Self.table, "'table_size' must be a prime number, such as \(tableSize)")
        }
        guard let policy = reader.read(policy) else { return nil }
        refuseStrangers(reader, policy)
        switch policy {
        case .roundRobin: return .roundRobin
        case .random: return .random
        case .leastRequest: return .leastRequest(choices: choices ?? choiceCount)
        case .ringHash: return .ringHash(minimumSize: ring ?? ringSize, hash: hash)
        case .maglev: return .maglev(tableSize: table ?? tableSize, hash: hash)
        }
    }

    static func model(_ policy: Policy) -> BalancingModel {
        switch policy {
        case .roundRobin: .roundRobin
        case .random: .random
        case .leastRequest: .leastRequest(choices: choiceCount)
        case .ringHash: .ringHash(minimumSize: ringSize, hash: [])
        case .maglev: .maglev(tableSize: tableSize, hash: [])
        }
    }

    /// Settings of another policy would silently do nothing.
    private static func refuseStrangers(_ reader: ObjectReader, _ policy: Policy) {
        let settings: [(any AnyField, [Policy])] = [
            (choices, [.leastRequest]), (table, [.maglev]), (ring, [.ringHash]), (hash, [.ringHash, .maglev]),
        ]
        for (field, policies) in settings where !policies.contains(policy) && reader.has(field) {
            let message = "'\(field.schema.name)' does not belong to the policy '\(policy.rawValue)'"
            reader.report(.exclusive, at: reader.span(of: field), message)
        }
    }

    private static func isPrime(_ number: Int) -> Bool {
        guard number > 3 else { return number > 1 }
        if number.isMultiple(of: 2) { return false }
        var divisor = 3
        while divisor * divisor <= number {
            if number.isMultiple(of: divisor) { return false }
            divisor += 2
        }
        return true
    }
}

extension ValueType where Value == BalancingModel {
    static var balancing: Self {
        let byName = ValueType<BalancingFields.Policy>.choice()
        return .either(
            text: ValueType(byName.type) { node, scope in
                byName.decode(node, scope).map(BalancingFields.model)
            }
            .shown { _ in "round_robin" },
            other: .object(BalancingFields.schema, decode: BalancingFields.decode)
        )
    }
}

// MARK: - Hash keys

private enum HashFields {
    static let header = OptionalField("header", .headerName, doc: "A request header.")
    static let cookie = OptionalField(
        "cookie",
        .hashCookie,
        doc: "A cookie: its name, or `{name, ttl, path}`. With `ttl` a missing one is made."
    )
    static let query = OptionalField("query", .name, doc: "A query parameter.")
    static let schema = ObjectSchema(
        "hash key",
        doc: "What a sticky choice is computed from.",
        fields: [header, cookie, query],
        exactlyOne: ["header", "cookie", "query"]
    )

    enum Word: String, CaseIterable, Sendable { case source, path }
}

private enum CookieFields {
    static let name = OptionalField(required: "name", .cookieName, doc: "Its name.")
    static let ttl = OptionalField(
        "ttl",
        .duration(atLeast: .zero),
        absent: "the cookie is never made",
        doc: "A missing cookie is made and lives this long; `0s`: as long as the browser."
    )
    static let path = OptionalField("path", .path, absent: "none", doc: "The path of a cookie that is made.")
    static let schema = ObjectSchema("cookie", doc: "A cookie that a choice sticks to.", fields: [name, ttl, path])
}

extension ValueType where Value == HashKey {
    static var hashKey: Self {
        let word = ValueType<HashFields.Word>.choice().map { $0 == .source ? HashKey.source : .path }
        return .either(
            text: word,
            other: .object(HashFields.schema) { reader in
                let header = reader.read(HashFields.header)
                let cookie = reader.read(HashFields.cookie)
                let query = reader.read(HashFields.query)
                return header.map { .header($0) } ?? cookie ?? query.map { .query($0) }
            }
        )
    }

    fileprivate static var hashCookie: Self {
        .either(
            text: ValueType<String>.cookieName.map { .cookie(name: $0, ttl: nil, path: nil) },
            other: .object(CookieFields.schema) { reader in
                let ttl = reader.read(CookieFields.ttl)
                let path = reader.read(CookieFields.path)
                return reader.read(CookieFields.name).map { .cookie(name: $0, ttl: ttl, path: path) }
            }
        )
    }
}
