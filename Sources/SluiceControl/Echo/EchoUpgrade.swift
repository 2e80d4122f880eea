import NIOCore
import SluiceCore
import SluiceHTTP

/// Another protocol on the connection, which sends back what comes: bytes, or WebSocket frames.
final class EchoUpgrade {
    /// Announces it.
    let answer: ByteBuffer
    private var frames: WebSocketEcho?

    /// nil when the request asks for none, or is no proper WebSocket handshake (RFC 6455, section 4.2.1).
    init?(_ request: RequestHead) {
        if request.method == .connect {
            answer = ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n")
            return
        }
        guard request.wantsUpgrade, let upgrade = request.fields.value(of: .upgrade) else { return nil }
        let token = request.fields.string(upgrade)
        guard token.lowercased() == "websocket" else {
            guard !token.contains(",") else { return nil }
            answer = ByteBuffer(
                string: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: \(token)\r\n\r\n"
            )
            return
        }
        guard let place = request.fields.firstIndex(ofLowercased: Array("sec-websocket-key".utf8)) else { return nil }
        let accept = request.fields.withBytes(request.fields.entries[place].valueRange, WebSocketKey.accept)
        let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        answer = ByteBuffer(string: "\(head)Sec-WebSocket-Accept: \(String(decoding: accept, as: UTF8.self))\r\n\r\n")
        frames = WebSocketEcho()
    }

    /// Sends back what came.
    ///
    /// - Returns: false when the connection is to end.
    func received(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
        guard var frames else {
            context.writeAndFlush(NIOAny(bytes), promise: nil)
            return true
        }
        var out = ByteBuffer()
        let goesOn = frames.received(bytes, answer: &out)
        self.frames = frames
        if out.readableBytes > 0 { context.writeAndFlush(NIOAny(out), promise: nil) }
        return goesOn
    }
}
