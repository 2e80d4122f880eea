/// Frames made by hand, right or wrong.
enum Frame {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let priority: UInt8 = 2
    static let rstStream: UInt8 = 3
    static let settings: UInt8 = 4
    static let pushPromise: UInt8 = 5
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let windowUpdate: UInt8 = 8
    static let continuation: UInt8 = 9

    static let endStream: UInt8 = 0x1
    static let ack: UInt8 = 0x1
    static let endHeaders: UInt8 = 0x4
    static let padded: UInt8 = 0x8
    static let prioritised: UInt8 = 0x20

    /// Any frame; `length` when it is to lie about its payload.
    static func make(
        _ type: UInt8,
        flags: UInt8 = 0,
        stream: UInt32 = 0,
        _ payload: [UInt8] = [],
        length: Int? = nil
    ) -> [UInt8] {
        let count = length ?? payload.count
        return [UInt8(count >> 16 & 0xFF), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF), type, flags] + int(stream)
            + payload
    }

    static func int(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
    }

    static func settings(_ entries: [(UInt16, UInt32)] = []) -> [UInt8] {
        make(settings, entries.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 0xFF)] + int($0.1) })
    }

    static let settingsAck = make(settings, flags: ack)

    /// What a client begins with, once it has our settings.
    static let opening = preface + settings() + settingsAck

    static func headers(_ stream: UInt32, _ fields: [(String, String)], end: Bool = true) -> [UInt8] {
        make(headers, flags: endHeaders | (end ? endStream : 0), stream: stream, HPACK.block(fields))
    }

    static func data(_ stream: UInt32, _ text: String, end: Bool = false) -> [UInt8] {
        make(data, flags: end ? endStream : 0, stream: stream, Array(text.utf8))
    }

    static func reset(_ stream: UInt32, _ code: UInt32 = 8) -> [UInt8] { make(rstStream, stream: stream, int(code)) }

    static func window(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
        make(windowUpdate, stream: stream, int(increment))
    }

    static func ping(_ payload: UInt8 = 1, flags: UInt8 = 0) -> [UInt8] {
        make(ping, flags: flags, Array(repeating: payload, count: 8))
    }

    static func goAway(last: UInt32, _ code: UInt32 = 0) -> [UInt8] { make(goAway, int(last) + int(code)) }

    /// A frame as it was found in bytes.
    struct Found: Equatable {
        var type: UInt8
        var flags: UInt8
        var stream: UInt32
        var payload: [UInt8]

        /// The error code of RST_STREAM and GOAWAY.
        var code: UInt32? {
            switch type {
            case Frame.rstStream where payload.count >= 4: Frame.number(payload[0..<4])
            case Frame.goAway where payload.count >= 8: Frame.number(payload[4..<8])
            default: nil
            }
        }
    }

    static func number(_ bytes: some Sequence<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }

    /// Takes bytes apart; a client's preface is left out. Nil when they are not whole frames.
    static func parse(_ bytes: [UInt8]) -> [Found]? {
        var rest = bytes[...]
        if rest.starts(with: preface) { rest = rest.dropFirst(preface.count) }
        var found: [Found] = []
        while !rest.isEmpty {
            guard rest.count >= 9 else { return nil }
            let head = Array(rest.prefix(9))
            let count = Int(number(head[0..<3]))
            guard rest.count >= 9 + count else { return nil }
            let payload = Array(rest.dropFirst(9).prefix(count))
            found.append(
                Found(type: head[3], flags: head[4], stream: number(head[5..<9]) & 0x7FFF_FFFF, payload: payload)
            )
            rest = rest.dropFirst(9 + count)
        }
        return found
    }
}

/// As much of HPACK as it takes to write blocks by hand.
enum HPACK {
    /// A field as a literal that is not indexed (RFC 7541, section 6.2.2).
    static func literal(_ name: String, _ value: String) -> [UInt8] { [0x00] + text(name) + text(value) }

    /// A field as a literal that goes into the table (section 6.2.1).
    static func indexed(_ name: String, _ value: String) -> [UInt8] { [0x40] + text(name) + text(value) }

    static func text(_ text: String) -> [UInt8] { integer(text.utf8.count, bits: 7) + Array(text.utf8) }

    /// Section 5.1; the bits above are zero.
    static func integer(_ value: Int, bits: Int) -> [UInt8] {
        let limit = (1 << bits) - 1
        guard value >= limit else { return [UInt8(value)] }
        var rest = value - limit
        var bytes = [UInt8(limit)]
        while rest >= 128 {
            bytes.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        return bytes + [UInt8(rest)]
    }

    static func block(_ fields: [(String, String)]) -> [UInt8] { fields.flatMap { literal($0.0, $0.1) } }

    static let get: [(String, String)] = [
        (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "example.com"),
    ]

    static let post: [(String, String)] = [
        (":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "example.com"),
    ]
}
