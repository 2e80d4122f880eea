import NIOCore

/// Answers each WebSocket frame with the same one, pings with pongs, a close with a close (RFC 6455, section 5).
struct WebSocketEcho {
    /// A larger frame ends the connection with 1009.
    static let largestFrame = 1024 * 1024

    private var input = ByteBuffer()

    private struct Frame {
        var firstByte: UInt8
        var payload: [UInt8]
        var opcode: UInt8 { firstByte & 0x0F }
    }

    private enum Step {
        case frame(Frame)
        case incomplete
        /// With the status code to say (section 7.4.1).
        case bad(UInt16)
    }

    /// - Returns: false when the connection is to end after the answer.
    mutating func received(_ bytes: ByteBuffer, answer: inout ByteBuffer) -> Bool {
        var bytes = bytes
        input.writeBuffer(&bytes)
        while true {
            switch next() {
            case .incomplete:
                input.discardReadBytes()
                return true
            case .bad(let code):
                Self.write(Frame(firstByte: 0x88, payload: [UInt8(code >> 8), UInt8(code & 0xFF)]), to: &answer)
                return false
            case .frame(var frame):
                switch frame.opcode {
                case 0x9: frame.firstByte = 0x8A
                case 0xA: continue
                default: break
                }
                Self.write(frame, to: &answer)
                if frame.opcode == 0x8 { return false }
            }
        }
    }

    /// Takes the next whole frame off the input.
    private mutating func next() -> Step {
        var reader = input
        guard let first = reader.readInteger(as: UInt8.self), let second = reader.readInteger(as: UInt8.self) else {
            return .incomplete
        }
        // No extension was agreed on, and a client masks everything.
        guard first & 0x70 == 0, second & 0x80 != 0 else { return .bad(1002) }
        let length: Int
        switch second & 0x7F {
        case 126:
            guard let long = reader.readInteger(as: UInt16.self) else { return .incomplete }
            length = Int(long)
        case 127:
            guard let long = reader.readInteger(as: UInt64.self) else { return .incomplete }
            length = Int(clamping: long)
        case let short: length = Int(short)
        }
        if first & 0x08 != 0, length > 125 || first & 0x80 == 0 { return .bad(1002) }
        guard length <= Self.largestFrame else { return .bad(1009) }
        guard let mask = reader.readBytes(length: 4), var payload = reader.readBytes(length: length) else {
            return .incomplete
        }
        for i in payload.indices { payload[i] ^= mask[i & 3] }
        input = reader
        return .frame(Frame(firstByte: first, payload: payload))
    }

    private static func write(_ frame: Frame, to out: inout ByteBuffer) {
        out.writeInteger(frame.firstByte)
        switch frame.payload.count {
        case ...125: out.writeInteger(UInt8(frame.payload.count))
        case ...0xFFFF:
            out.writeInteger(UInt8(126))
            out.writeInteger(UInt16(frame.payload.count))
        default:
            out.writeInteger(UInt8(127))
            out.writeInteger(UInt64(frame.payload.count))
        }
        out.writeBytes(frame.payload)
    }
}
