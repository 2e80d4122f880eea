package import NIOCore
package import SluiceCore

/// Both ends of a connection as a proxy in front saw it.
package struct ProxiedEnds: Hashable, Sendable {
    package var source: IPAddress
    package var sourcePort: UInt16
    package var destination: IPAddress
    package var destinationPort: UInt16

    package init(source: IPAddress, sourcePort: UInt16, destination: IPAddress, destinationPort: UInt16) {
        self.source = source
        self.sourcePort = sourcePort
        self.destination = destination
        self.destinationPort = destinationPort
    }
}

/// The PROXY protocol, versions 1 and 2 (haproxy.org, `proxy-protocol.txt`): what a connection may begin with, to say who
/// is at its other end.
///
/// Isolation: any. Allocates: never, but for writing.
package enum ProxyHeader {
    package enum ParseResult: Equatable, Sendable {
        /// The bytes begin with something else.
        case none
        /// More bytes are needed to tell.
        case incomplete
        /// It begins as a header and is none.
        case invalid
        /// `ends` is nil where the proxy speaks for itself (LOCAL, UNKNOWN, Unix sockets).
        case complete(consumed: Int, ends: ProxiedEnds?)
    }

    /// A version 2 header with more than this behind its first 16 bytes is refused; the addresses take at most 216.
    package static let extrasLimit = 4096
    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private static let word = Array("PROXY ".utf8)
    /// With its line end.
    private static let lineLimit = 107

    package static func parse(_ bytes: UnsafeRawBufferPointer) -> ParseResult {
        if begins(bytes, with: signature) { return bytes.count < 16 ? .incomplete : parseBinary(bytes) }
        if begins(bytes, with: word) { return bytes.count < word.count ? .incomplete : parseLine(bytes) }
        return bytes.isEmpty ? .incomplete : .none
    }

    /// As far as there are bytes.
    private static func begins(_ bytes: UnsafeRawBufferPointer, with start: [UInt8]) -> Bool {
        let count = min(bytes.count, start.count)
        return count > 0 && bytes[..<count].elementsEqual(start[..<count])
    }

    // MARK: - Version 1

    /// `PROXY TCP4 192.0.2.1 192.0.2.2 4711 80 CRLF`
    private static func parseLine(_ bytes: UnsafeRawBufferPointer) -> ParseResult {
        let head = bytes.prefix(lineLimit)
        guard let end = head.firstIndex(of: 0x0A) else { return bytes.count < lineLimit ? .incomplete : .invalid }
        guard end > word.count, bytes[end - 1] == 0x0D else { return .invalid }
        let parts = bytes[word.count..<(end - 1)].split(separator: 0x20, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        if parts.first == "UNKNOWN" { return .complete(consumed: end + 1, ends: nil) }
        guard parts.count == 5, parts[0] == "TCP4" || parts[0] == "TCP6",
            let source = IPAddress(parts[1]), let destination = IPAddress(parts[2]),
            source.isV4 == (parts[0] == "TCP4"), destination.isV4 == source.isV4,
            let from = port(parts[3]), let to = port(parts[4])
        else { return .invalid }
        let ends = ProxiedEnds(source: source, sourcePort: from, destination: destination, destinationPort: to)
        return .complete(consumed: end + 1, ends: ends)
    }

    private static func port(_ text: String) -> UInt16? {
        guard text.utf8.allSatisfy(ASCII.isDigit), text.utf8.count <= 5 else { return nil }
        return UInt16(text)
    }

    // MARK: - Version 2

    private static func parseBinary(_ bytes: UnsafeRawBufferPointer) -> ParseResult {
        let version = bytes[12] >> 4
        let command = bytes[12] & 15
        let count = Int(bytes[14]) << 8 | Int(bytes[15])
        guard version == 2, command <= 1, count <= extrasLimit else { return .invalid }
        guard bytes.count >= 16 + count else { return .incomplete }
        let consumed = 16 + count
        // 0: the proxy's own connection, whatever the rest says: it is skipped unread.
        guard command == 1 else { return .complete(consumed: consumed, ends: nil) }
        let header = UnsafeRawBufferPointer(rebasing: bytes[..<consumed])
        guard let size = addressSize(family: bytes[13]), count >= size, hasSoundExtras(header, from: 16 + size) else {
            return .invalid
        }
        return .complete(consumed: consumed, ends: ends(UnsafeRawBufferPointer(rebasing: header[16...]), size: size))
    }

    /// How many bytes the addresses of a family and transport take; nil for those that cannot be.
    ///
    /// Datagrams (`0x12`, `0x22`, `0x32`) are among them: what came in one is nobody's stream, and to take the proxy
    /// itself for the client instead, as the protocol allows, would let it in wherever the proxy may go.
    private static func addressSize(family: UInt8) -> Int? {
        switch family {
        case 0x00: 0
        case 0x11: 12
        case 0x21: 36
        case 0x31: 216
        default: nil
        }
    }

    private static func ends(_ block: UnsafeRawBufferPointer, size: Int) -> ProxiedEnds? {
        switch size {
        case 12:
            ProxiedEnds(
                source: IPAddress(v4: UInt32(integer(block, 0, 4))),
                sourcePort: UInt16(integer(block, 8, 2)),
                destination: IPAddress(v4: UInt32(integer(block, 4, 4))),
                destinationPort: UInt16(integer(block, 10, 2))
            )
        case 36:
            ProxiedEnds(
                source: IPAddress(high: integer(block, 0, 8), low: integer(block, 8, 8)),
                sourcePort: UInt16(integer(block, 32, 2)),
                destination: IPAddress(high: integer(block, 16, 8), low: integer(block, 24, 8)),
                destinationPort: UInt16(integer(block, 34, 2))
            )
        default: nil
        }
    }

    /// Of a type, what is known of it, and how long it is: `PP2_TYPE_CRC32C`.
    private static let checksum: (type: UInt8, count: Int) = (0x03, 4)

    /// Whether what stands behind the addresses are whole TLVs (section 2.2), and the checksum among them, if there is
    /// one, is that of this header.
    private static func hasSoundExtras(_ header: UnsafeRawBufferPointer, from start: Int) -> Bool {
        var at = start
        var place: Int?
        while at < header.count {
            guard at + 3 <= header.count else { return false }
            let count = Int(integer(header, at + 1, 2))
            guard at + 3 + count <= header.count else { return false }
            if header[at] == checksum.type {
                guard count == checksum.count, place == nil else { return false }
                place = at + 3
            }
            at += 3 + count
        }
        guard let place else { return true }
        var crc = CRC32C()
        crc.add(UnsafeRawBufferPointer(rebasing: header[..<place]), zeros: checksum.count)
        crc.add(UnsafeRawBufferPointer(rebasing: header[(place + checksum.count)...]))
        return UInt64(crc.value) == integer(header, place, checksum.count)
    }

    private static func integer(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> UInt64 {
        bytes[start..<(start + count)].reduce(0) { $0 << 8 | UInt64($1) }
    }

    // MARK: - Writing

    /// Writes a header of version 1 or 2; without ends, one that says that there is nothing to say.
    package static func write(version: Int, _ ends: ProxiedEnds?, to out: inout ByteBuffer) {
        if version == 1 { writeLine(ends, to: &out) } else { writeBinary(ends, to: &out) }
    }

    private static func writeLine(_ ends: ProxiedEnds?, to out: inout ByteBuffer) {
        guard let ends, ends.source.isV4 == ends.destination.isV4 else {
            out.writeStaticString("PROXY UNKNOWN\r\n")
            return
        }
        let family = ends.source.isV4 ? "TCP4" : "TCP6"
        out.writeString("PROXY \(family) \(ends.source.description) \(ends.destination.description) ")
        out.writeString("\(ends.sourcePort) \(ends.destinationPort)\r\n")
    }

    private static func writeBinary(_ ends: ProxiedEnds?, to out: inout ByteBuffer) {
        out.writeBytes(signature)
        guard let ends else {
            out.writeBytes([0x20, 0, 0, 0])
            return
        }
        if ends.source.isV4, ends.destination.isV4 {
            out.writeBytes([0x21, 0x11, 0, 12])
            out.writeInteger(UInt32(truncatingIfNeeded: ends.source.low))
            out.writeInteger(UInt32(truncatingIfNeeded: ends.destination.low))
        } else {
            out.writeBytes([0x21, 0x21, 0, 36])
            for half in [ends.source.high, ends.source.low, ends.destination.high, ends.destination.low] {
                out.writeInteger(half)
            }
        }
        out.writeInteger(ends.sourcePort)
        out.writeInteger(ends.destinationPort)
    }
}
