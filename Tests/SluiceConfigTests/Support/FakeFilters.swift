internal import NIOCore
internal import SluiceConfig
internal import SluiceCore

/// How a filter's author describes and reads a configuration: each field once declared, once read.
struct StampConfiguration: FilterConfiguration {
    static let header = Field("header", .headerName, default: "x-stamp", doc: "The header that gets the stamp.")
    static let value = OptionalField(required: "value", .headerTemplate, doc: "The stamp.")
    static let level = Field("level", .integer(0...9), default: 3, doc: "How strong it is.")
    static let wait = Field("wait", .duration, default: .milliseconds(250), doc: "How long it takes.")
    static let key = OptionalField("key", .text, secret: true, doc: "What it is signed with.")
    static let mayRepeat = true
    static let schema = ObjectSchema("stamp", doc: "Stamps requests.", fields: [header, value, level, wait, key])

    var header: String
    var value: String
    var level: Int
    var wait: TimeAmount
    var key: String?

    init(from reader: ObjectReader) {
        header = reader.read(Self.header)
        value = reader.read(Self.value) ?? ""
        level = reader.read(Self.level)
        wait = reader.read(Self.wait)
        key = reader.read(Self.key)
        if let key, key.utf8.count < 4 { reader.invalid(Self.key, "the key is too short") }
    }
}

/// A filter without required fields that works once per request.
struct GateConfiguration: FilterConfiguration {
    enum Side: String, CaseIterable, Sendable { case left, right }

    static let side = Field("side", ValueType<Side>.choice(), default: .left, doc: "Where it opens.")
    static let names = Field("names", .list(of: .name), default: [], doc: "Who may pass.")
    static let schema = ObjectSchema("gate", doc: "Lets some pass.", fields: [side, names])

    var side: Side
    var names: [String]

    init(from reader: ObjectReader) {
        side = reader.read(Self.side)
        names = reader.read(Self.names)
    }
}

/// A filter that finds out who the caller is.
struct LoginConfiguration: FilterConfiguration {
    static let schema = ObjectSchema("login", doc: "Asks who is there.", fields: [])
    static let role = FilterRole.authentication
    init(from reader: ObjectReader) {}
}

/// A filter that limits, perhaps by who the caller is.
struct LimitConfiguration: FilterConfiguration {
    static let by = OptionalField("by", .name, doc: "What it counts by.")
    static let ask = OptionalField("ask", .name, doc: "The upstream that it asks.")
    static let schema = ObjectSchema("limit", doc: "Lets so many pass.", fields: [by, ask])
    static let role = FilterRole.rateLimit

    var needs: FilterNeeds

    init(from reader: ObjectReader) {
        let by = reader.read(Self.by)
        needs = FilterNeeds(
            upstreams: reader.read(Self.ask).map { [$0] } ?? [],
            identities: by == "consumer" ? [.consumer] : []
        )
        needs.clientCertificates = by == "certificate"
    }
}

/// A filter that answers preflights.
struct CrossConfiguration: FilterConfiguration {
    static let schema = ObjectSchema("cross", doc: "Lets pages of elsewhere in.", fields: [])
    static let role = FilterRole.cors
    init(from reader: ObjectReader) {}
}

enum FakeFilters {
    static let catalog = FilterCatalog([
        StampConfiguration.self, GateConfiguration.self, LoginConfiguration.self, LimitConfiguration.self,
        CrossConfiguration.self,
    ])
}
