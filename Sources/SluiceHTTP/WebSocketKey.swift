package import NIOCore
import SluiceCore

/// The proof in the handshake of a WebSocket (RFC 6455, section 4.2.2).
package enum WebSocketKey {
    /// Whether the `Upgrade` of a request head, as HTTP/1 writes it, is to a WebSocket.
    package static func isAsked(in head: ByteBuffer) -> Bool {
        head.withUnsafeReadableBytes { bytes in
            var at = bytes.firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count
            while case .field(let name, let value, let next) = FieldParser.line(bytes, from: at) {
                if FieldName.intern(UnsafeRawBufferPointer(rebasing: bytes[Int(name.start)..<name.end])) == .upgrade {
                    return ASCII.equalsFolded(
                        UnsafeRawBufferPointer(rebasing: bytes[Int(value.start)..<value.end]),
                        "websocket"
                    )
                }
                at = next
            }
            return false
        }
    }

    /// `Sec-WebSocket-Accept` for the key in a request head as HTTP/1 writes it; empty without a key.
    package static func accept(forHead head: ByteBuffer) -> [UInt8] {
        head.withUnsafeReadableBytes { bytes in
            var at = bytes.firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count
            while case .field(let name, let value, let next) = FieldParser.line(bytes, from: at) {
                let nameBytes = UnsafeRawBufferPointer(rebasing: bytes[Int(name.start)..<name.end])
                if ASCII.equalsFolded(nameBytes, "sec-websocket-key") {
                    return accept(forKey: UnsafeRawBufferPointer(rebasing: bytes[Int(value.start)..<value.end]))
                }
                at = next
            }
            return []
        }
    }

    /// `Sec-WebSocket-Accept` for a key as it was sent.
    package static func accept(forKey key: UnsafeRawBufferPointer) -> [UInt8] {
        Base64.encode(SHA1Digest.of(Array(key) + Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)))
    }
}
