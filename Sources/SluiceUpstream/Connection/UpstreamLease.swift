import NIOCore
import SluiceCore

/// What an attempt has leased: an HTTP/1 connection, or one stream of an HTTP/2 connection.
///
/// Whoever writes to it writes HTTP/1: a head, then the body; a stream turns that into what it needs. Isolation: one loop.
protocol UpstreamLease: AnyObject {
    var endpoint: LoopEndpoint { get }
    var isWritable: Bool { get }
    /// Takes it for one request.
    func lease(to attempt: Attempt)
    func write(_ buffer: ByteBuffer)
    func writeAndFlush(_ buffer: ByteBuffer)
    func flush()
    /// The last of the request, which `trailers` follow on a stream; or only what is queued.
    func writeEnd(_ buffer: ByteBuffer?, trailers: Trailers?)
    func pauseReading()
    func resumeReading()
    /// Our direction of a tunnel ended; what was written before still goes.
    func closeTunnelOutput()
    /// Gives it up; nothing is told to the attempt.
    func abandon()
    /// As `abandon`, since the endpoint took too long.
    func timeOut()
    /// Both directions of a tunnel ended; what was written still goes.
    func closeAfterWrites()
}
