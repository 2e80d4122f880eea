import NIOCore
import SluiceCore
import SluiceFilters
import SluiceHTTP

/// What an exchange knows of where its request came from and its answer goes: an HTTP/1 connection, which serves one at a
/// time, or one stream of an HTTP/2 connection.
///
/// Isolation: one loop.
protocol Downstream: AnyObject {
    /// The connection as a whole; the same object for HTTP/1.
    var transport: DownstreamConnection { get }
    /// The answer under way is to be the last of its connection. HTTP/2 streams take no notice.
    var closesAfterExchange: Bool { get set }
    /// Whether the answer under way is the last, as far as can be told when its head is written. What is left of a
    /// request body is then not waited for.
    var endsAfterThis: Bool { get }
    /// The request asked for a tunnel in a way that makes every 2xx say that there is one (RFC 8441, section 5).
    var needsTunnel: Bool { get }
    /// The peer will send no more.
    var inputHasEnded: Bool { get }
    /// Whether there is room for more of an answer.
    var isWritable: Bool { get }
    /// Bytes of the request are being handed over, so that what is written may be flushed at the end of that.
    var isProcessing: Bool { get }

    // The request.

    /// Hands over what waits of the request body.
    func process()
    func pauseReading()
    func resumeReading()

    // Patience.

    /// A byte moved on the other side of the exchange.
    func touch()
    /// Makes sure that the exchange is looked at in time for a limit that is shorter than what is armed already.
    func watchStream(within limit: UInt64)
    func watchStream()

    // The answer. Nothing is sent before `flushResponse` or the end, or before what is gathered has become large.

    /// Tells a peer that waits for it to send its body.
    func sendContinue()
    /// A 1xx head other than 101, its fields ready to be sent.
    func sendInterim(_ head: inout ResponseHead)
    /// The head of the exchange's answer, its fields ready to be sent.
    ///
    /// - Returns: false for a head that did not fit its own estimate, which cannot happen.
    func sendHead(of exchange: Exchange) -> Bool
    func sendBody(_ piece: ByteBuffer)
    /// The end of the answer, and with it all that is gathered.
    func endResponse(_ trailers: Trailers?)
    func flushResponse()

    // Tunnels.

    /// The head that opens one; from now on bytes pass through untouched, those that came early first.
    func beginTunnel(of exchange: Exchange, token: [UInt8])
    func sendTunnel(_ bytes: ByteBuffer)
    /// Our direction of a tunnel ended.
    func closeTunnelOutput()
    /// Both directions ended.
    func finishTunnel()

    // Ends.

    /// The exchange is over and its answer is written.
    func exchangeFinished()
    /// Ends an answer that cannot be completed, so that the peer sees that it is not whole.
    ///
    /// - Parameter isUnmarked: nothing but the end of the connection would tell where the body ends.
    func cut(isUnmarked: Bool)
}
