internal import SluiceCore

/// A reply from a server, read (RFC 1035, section 4).
///
/// The bytes come from the network: every length is checked, a name has at most 255 bytes and 64 pointers, each of which
/// must lead further back, so that no reply can loop, overrun or take more than time linear in its size.
struct DNSMessage: Sendable {
    /// One resource record.
    struct Record: Sendable {
        /// As `readName` writes it.
        var name: String
        var type: UInt16
        /// Seconds.
        var ttl: UInt32
        /// Where its data lies in `bytes`.
        var data: Range<Int>
    }

    private let bytes: [UInt8]
    private(set) var answers: [Record] = []
    private(set) var additional: [Record] = []

    /// - Throws: `.malformed`.
    init(parsing bytes: [UInt8]) throws(DNSError) {
        self.bytes = bytes
        var offset = 12
        let questions = try number(at: 4)
        let counts = (try number(at: 6), try number(at: 8), try number(at: 10))
        for _ in 0..<questions {
            _ = try readName(&offset)
            offset += 4
        }
        answers = try readRecords(counts.0, &offset)
        _ = try readRecords(counts.1, &offset)
        additional = try readRecords(counts.2, &offset)
    }

    private func readRecords(_ count: Int, _ offset: inout Int) throws(DNSError) -> [Record] {
        var records: [Record] = []
        for _ in 0..<count {
            let name = try readName(&offset)
            let type = try number(at: offset)
            let recordClass = try number(at: offset + 2)
            let ttl = UInt32(try number(at: offset + 4)) << 16 | UInt32(try number(at: offset + 6))
            let start = offset + 10
            let end = start + (try number(at: offset + 8))
            guard end <= bytes.count else { throw .malformed }
            offset = end
            // Class 1 is the Internet. A negative number of seconds counts as 0 (RFC 2181, section 8).
            guard recordClass == 1 else { continue }
            records.append(
                Record(name: name, type: UInt16(type), ttl: ttl > UInt32(Int32.max) ? 0 : ttl, data: start..<end)
            )
        }
        return records
    }

    /// Two bytes in network order.
    private func number(at offset: Int) throws(DNSError) -> Int {
        guard offset >= 0, offset + 2 <= bytes.count else { throw .malformed }
        return Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
    }

    /// Reads a name and moves `offset` behind it.
    ///
    /// Lower case, no final dot; bytes that a host name cannot hold are written `\DDD`, so that no two different names
    /// read alike. The root is the empty string.
    private func readName(_ offset: inout Int) throws(DNSError) -> String {
        var name: [UInt8] = []
        var length = 0
        var place = offset
        var earliest = offset
        var jumps = 0
        while true {
            guard place < bytes.count else { throw .malformed }
            let head = Int(bytes[place])
            if head == 0 {
                if jumps == 0 { offset = place + 1 }
                return String(decoding: name, as: UTF8.self)
            }
            if head >= 0xC0 {
                let target = try number(at: place) & 0x3FFF
                guard target < earliest, jumps < 64 else { throw .malformed }
                if jumps == 0 { offset = place + 2 }
                jumps += 1
                earliest = target
                place = target
                continue
            }
            length += head + 1
            guard head < 0x40, length < 255, place + 1 + head <= bytes.count else { throw .malformed }
            if !name.isEmpty { name.append(UInt8(ascii: ".")) }
            for byte in bytes[place + 1..<place + 1 + head] { Self.append(byte, to: &name) }
            place += 1 + head
        }
    }

    private static func append(_ byte: UInt8, to name: inout [UInt8]) {
        guard !DNSName.isHostByte(byte) else {
            name.append(ASCII.lowercased(byte))
            return
        }
        name.append(UInt8(ascii: "\\"))
        for digit in [byte / 100, byte / 10 % 10, byte % 10] { name.append(UInt8(ascii: "0") + digit) }
    }
}

// MARK: - What the records say

extension DNSMessage {
    /// An address with its TTL in seconds.
    struct Address: Hashable, Sendable {
        var address: IPAddress
        var ttl: UInt32
    }

    /// A service record (RFC 2782).
    struct Service: Hashable, Sendable {
        var priority: UInt16
        var weight: UInt16
        var port: UInt16
        /// Empty: the service is decidedly not available here.
        var target: String
        var ttl: UInt32
    }

    /// The addresses of `name` in the answer, aliases followed; a TTL is the shortest on the way.
    ///
    /// - Throws: `.malformed`.
    func addresses(of name: String, _ type: DNSRecordType) throws(DNSError) -> [Address] {
        let (owner, ttl) = try resolveAliases(of: name)
        return try Self.addresses(answers, bytes, owner, type, atMost: ttl)
    }

    /// The addresses that came along for a target of a service record.
    ///
    /// - Throws: `.malformed`.
    func additionalAddresses(of name: String, _ type: DNSRecordType) throws(DNSError) -> [Address] {
        try Self.addresses(additional, bytes, name, type, atMost: .max)
    }

    /// The service records of `name` in the answer, aliases followed.
    ///
    /// - Throws: `.malformed`.
    func services(of name: String) throws(DNSError) -> [Service] {
        let (owner, ttl) = try resolveAliases(of: name)
        var services: [Service] = []
        for record in answers where record.type == DNSRecordType.srv.rawValue && record.name == owner {
            var offset = record.data.lowerBound + 6
            let target = try readName(&offset)
            guard offset == record.data.upperBound else { throw .malformed }
            services.append(
                Service(
                    priority: UInt16(try number(at: record.data.lowerBound)),
                    weight: UInt16(try number(at: record.data.lowerBound + 2)),
                    port: UInt16(try number(at: record.data.lowerBound + 4)),
                    target: target,
                    ttl: min(record.ttl, ttl)
                )
            )
        }
        return services
    }

    /// Follows CNAME records (type 5) within the answer, in whatever order they stand.
    private func resolveAliases(of name: String) throws(DNSError) -> (name: String, ttl: UInt32) {
        var name = name
        var ttl = UInt32.max
        for _ in 0..<16 {
            guard let alias = answers.first(where: { $0.type == 5 && $0.name == name }) else { return (name, ttl) }
            var offset = alias.data.lowerBound
            name = try readName(&offset)
            guard offset == alias.data.upperBound else { throw .malformed }
            ttl = min(ttl, alias.ttl)
        }
        // A ring of aliases.
        throw .malformed
    }

    private static func addresses(
        _ records: [Record],
        _ bytes: [UInt8],
        _ owner: String,
        _ type: DNSRecordType,
        atMost ttl: UInt32
    ) throws(DNSError) -> [Address] {
        var found: [Address] = []
        for record in records where record.type == type.rawValue && record.name == owner {
            let data = bytes[record.data]
            guard data.count == (type == .a ? 4 : 16) else { throw .malformed }
            let (high, low) = data.reduce((UInt64(0), UInt64(0))) { value, byte in
                (value.0 << 8 | value.1 >> 56, value.1 << 8 | UInt64(byte))
            }
            let address = type == .a ? IPAddress(v4: UInt32(low)) : IPAddress(high: high, low: low)
            found.append(Address(address: address, ttl: min(record.ttl, ttl)))
        }
        return found
    }
}
