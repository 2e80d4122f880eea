package import SluiceHTTP

/// Frames of HTTP/2 by hand (RFC 9113, section 6), for peers that do what no library would.
package enum HTTP2Frames {
    package static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    package enum Kind: UInt8 {
        case data, headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate, continuation
    }

    package static let endStream: UInt8 = 0x1
    package static let ack: UInt8 = 0x1
    package static let endHeaders: UInt8 = 0x4
    package static let padded: UInt8 = 0x8

    package static func frame(_ kind: Kind, flags: UInt8 = 0, _ stream: Int32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        frame(type: kind.rawValue, flags: flags, stream, payload)
    }

    package static func frame(type: UInt8, flags: UInt8, _ stream: Int32, _ payload: [UInt8]) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16 & 0xFF), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF), type, flags]
            + big(UInt32(bitPattern: stream)) + payload
    }

    package static func big(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// What a client begins with.
    package static func hello(_ entries: [(id: UInt16, value: UInt32)] = []) -> [UInt8] { preface + settings(entries) }

    package static func settings(_ entries: [(id: UInt16, value: UInt32)] = []) -> [UInt8] {
        frame(.settings, 0, entries.flatMap { [UInt8($0.id >> 8), UInt8($0.id & 0xFF)] + big($0.value) })
    }

    package static let settingsAck = frame(.settings, flags: ack)

    package static func reset(_ stream: Int32, _ code: HTTP2ErrorCode) -> [UInt8] {
        frame(.reset, stream, big(code.rawValue))
    }

    package static func goAway(last: Int32, _ code: HTTP2ErrorCode) -> [UInt8] {
        frame(.goAway, 0, big(UInt32(last)) + big(code.rawValue))
    }

    package static func windowUpdate(_ stream: Int32, _ count: UInt32) -> [UInt8] {
        frame(.windowUpdate, stream, big(count))
    }

    package static func ping(_ byte: UInt8 = 0) -> [UInt8] { frame(.ping, 0, Array(repeating: byte, count: 8)) }

    package static func data(_ stream: Int32, _ bytes: [UInt8], endStream: Bool = false) -> [UInt8] {
        frame(.data, flags: endStream ? self.endStream : 0, stream, bytes)
    }

    /// A block that is longer than a frame may be goes on in CONTINUATION frames.
    package static func headers(_ stream: Int32, _ block: [UInt8], endStream: Bool) -> [UInt8] {
        let longest = 16_384
        var rest = block.dropFirst(longest)
        let ends = endStream ? self.endStream : 0
        var bytes = frame(.headers, flags: ends | (rest.isEmpty ? endHeaders : 0), stream, Array(block.prefix(longest)))
        while !rest.isEmpty {
            let piece = Array(rest.prefix(longest))
            rest = rest.dropFirst(longest)
            bytes += frame(.continuation, flags: rest.isEmpty ? endHeaders : 0, stream, piece)
        }
        return bytes
    }

    /// A GET of the path.
    package static func get(_ stream: Int32, _ path: String = "/", _ fields: [(String, String)] = []) -> [UInt8] {
        let head = [(":method", "GET"), (":scheme", "http"), (":authority", "test"), (":path", path)]
        return headers(stream, block(head + fields), endStream: true)
    }

    /// Fields as HPACK literals that are not indexed and not squeezed (RFC 7541, section 6.2.2).
    package static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + string($0.0) + string($0.1) }
    }

    /// A field that the other side puts into its table (RFC 7541, section 6.2.1); after that, 62 is its number.
    package static func indexed(_ name: String, _ value: String) -> [UInt8] { [0x40] + string(name) + string(value) }

    private static func string(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var count: [UInt8] = [127]
        while rest >= 128 {
            count.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return count + [UInt8(rest)] + bytes
    }
}

/// A frame as it came.
package struct HTTP2RawFrame {
    package let type: UInt8
    package let flags: UInt8
    package let stream: Int32
    package let payload: [UInt8]

    package var kind: HTTP2Frames.Kind? { HTTP2Frames.Kind(rawValue: type) }

    /// Of RST_STREAM and GOAWAY.
    package var code: HTTP2ErrorCode? {
        let start = kind == .goAway ? 4 : 0
        guard kind == .goAway || kind == .reset, payload.count >= start + 4 else { return nil }
        return HTTP2ErrorCode(rawValue: payload[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) })
    }
}

extension RawPeer {
    package func readFrame() throws -> HTTP2RawFrame {
        let head = try read(9)
        let count = head[..<3].reduce(0) { $0 << 8 | Int($1) }
        let stream = head[5...].reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
        let payload = count > 0 ? try read(count) : []
        return HTTP2RawFrame(
            type: head[3],
            flags: head[4],
            stream: Int32(bitPattern: stream & 0x7FFF_FFFF),
            payload: payload
        )
    }

    /// Reads frames up to one that fits.
    package func readFrame(until fits: (HTTP2RawFrame) -> Bool) throws -> HTTP2RawFrame {
        while true {
            let frame = try readFrame()
            if fits(frame) { return frame }
        }
    }
}

extension HTTP2Peer {
    /// Sends bytes that the session knows nothing of.
    package func sendRaw(_ bytes: [UInt8]) throws { try peer.send(bytes) }
}
