import Glibc
import NIOCore
import SluiceSockets

/// Finds out that a loop has looked at its sockets.
///
/// A task does not tell: a loop runs tasks that come while it runs others, without looking at sockets in between. So
/// the probe is a socket itself, whose bytes the loop sends back.
final class LoopProbe {
    private let peer: RawPeer

    /// Isolation: not the loop.
    init(_ loop: SocketLoop) throws {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, Sockets.streamFlags, 0, &ends) == 0 else { throw Sockets.failure("socketpair") }
        peer = RawPeer(ends[0], name: "loop")
        let descriptor = ends[1]
        try loop.submit { try Echo().attach(descriptor, to: loop) }.wait()
    }

    /// Sends a byte; it comes back once the loop has looked.
    func knock() throws { try peer.send([1]) }

    func awaitAnswer() throws { _ = try peer.read(1) }

    private final class Echo: Socket {
        override func bytesCame(_ bytes: inout ByteBuffer) { send(bytes) }
    }
}
