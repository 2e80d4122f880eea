import SluiceCore

@testable import SluiceUpstream

/// Writes replies as a DNS server would, for tests.
struct DNSWire {
    enum Section { case answer, authority, additional }

    struct Question: Hashable, Sendable {
        var id: UInt16
        var name: String
        var type: UInt16
        /// As it stood in the query, to be repeated.
        var bytes: [UInt8]

        init(name: String, type: DNSRecordType, id: UInt16 = 0) {
            self.id = id
            self.name = name
            self.type = type.rawValue
            bytes = DNSWire.name(name) + DNSWire.number(self.type) + DNSWire.number(UInt16(1))
        }

        /// Reads a query; nil when it is none.
        init?(query: [UInt8]) {
            guard query.count > 12, let end = query[12...].firstIndex(of: 0), query.count >= end + 5 else { return nil }
            id = UInt16(query[0]) << 8 | UInt16(query[1])
            bytes = Array(query[12..<end + 5])
            type = UInt16(query[end + 1]) << 8 | UInt16(query[end + 2])
            var labels: [String] = []
            var place = 12
            while place < end {
                let count = Int(query[place])
                guard place + 1 + count <= end else { return nil }
                labels.append(String(decoding: query[place + 1..<place + 1 + count], as: UTF8.self))
                place += 1 + count
            }
            name = labels.joined(separator: ".").lowercased()
        }
    }

    var question: Question
    var code: UInt8 = 0
    var isCut = false
    private var records: [Section: [[UInt8]]] = [:]

    init(_ question: Question) { self.question = question }

    init(_ question: Question, code: UInt8) {
        self.question = question
        self.code = code
    }

    /// A record with ready-made data.
    func record(
        _ name: String,
        _ type: UInt16,
        ttl: UInt32,
        _ data: [UInt8],
        in section: Section = .answer,
        class recordClass: UInt16 = 1
    ) -> DNSWire {
        var copy = self
        let head = Self.name(name) + Self.number(type) + Self.number(recordClass)
        let time = Self.number(UInt16(ttl >> 16)) + Self.number(UInt16(truncatingIfNeeded: ttl))
        copy.records[section, default: []].append(head + time + Self.number(UInt16(data.count)) + data)
        return copy
    }

    func address(_ name: String, _ text: String, ttl: UInt32 = 60, in section: Section = .answer) -> DNSWire {
        guard let address = IPAddress(text) else { return self }
        let bytes = Self.number(address.high) + Self.number(address.low)
        return address.isV4
            ? record(name, 1, ttl: ttl, Array(bytes[12...]), in: section)
            : record(name, 28, ttl: ttl, bytes, in: section)
    }

    func alias(_ name: String, _ target: String, ttl: UInt32 = 60) -> DNSWire {
        record(name, 5, ttl: ttl, Self.name(target))
    }

    func service(
        _ name: String,
        _ target: String,
        port: UInt16,
        priority: UInt16 = 0,
        weight: UInt16 = 1,
        ttl: UInt32 = 60
    ) -> DNSWire {
        record(name, 33, ttl: ttl, Self.number(priority) + Self.number(weight) + Self.number(port) + Self.name(target))
    }

    /// The whole message.
    var bytes: [UInt8] {
        let sections = [Section.answer, .authority, .additional].map { records[$0] ?? [] }
        let flags: UInt16 = 0x8180 | (isCut ? 0x0200 : 0) | UInt16(code)
        var message = Self.number(question.id) + Self.number(flags) + Self.number(UInt16(1))
        for section in sections { message += Self.number(UInt16(section.count)) }
        message += question.bytes
        for section in sections { message += section.joined() }
        return message
    }

    static func number(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    static func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8(truncatingIfNeeded: $0.utf8.count)] + Array($0.utf8) } + [0]
    }
}
