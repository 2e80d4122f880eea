import Glibc
import SluiceCore
import SluiceSockets
import SluiceUpstream
import Testing

@Suite struct ConnectFailureTests {
    @Test(
        "what the system says becomes a reason, and a reason the request's error",
        arguments: [
            (ECONNREFUSED, .refused, .connectFailed), (EHOSTUNREACH, .unreachable, .connectFailed),
            (ENETUNREACH, .unreachable, .connectFailed), (ETIMEDOUT, .timeout, .connectTimeout),
            (ECONNRESET, .reset, .connectFailed), (EACCES, .denied, .connectFailed),
            (ENOENT, .missing, .connectFailed), (EMFILE, .exhausted, .gatewayExhausted),
            (ENFILE, .exhausted, .gatewayExhausted), (EIO, .other, .connectFailed),
        ] as [(CInt, ConnectFailure, GatewayError)]
    )
    func system(code: CInt, reason: ConnectFailure, error: GatewayError) {
        let failure = ConnectFailure(SocketError.system(code))
        #expect(failure == reason)
        #expect(failure.error == error)
    }

    @Test func ownTimeout() { #expect(ConnectFailure(SocketError.timeout) == .timeout) }
}
