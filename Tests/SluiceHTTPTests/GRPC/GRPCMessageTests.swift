import SluiceCore
import SluiceHTTP
import Testing

/// `grpc-message`, and which status stands for which error.
@Suite struct GRPCMessageTests {
    @Test(arguments: [
        ("plain text.", "plain text."), ("50%", "50%25"), ("a\r\nb", "a%0D%0Ab"), ("é", "%C3%A9"), ("\u{7f}", "%7F"),
        ("", ""),
    ])
    func encodes(text: String, field: String) {
        #expect(String(decoding: GRPCMessage.encode(text.utf8), as: UTF8.self) == field)
    }

    @Test("gRPC's table of HTTP statuses, but for what it has exact codes for")
    func codes() {
        let exact: [(GatewayError, GRPCCode)] = [
            (.routeTimeout, .deadlineExceeded), (.perTryTimeout, .deadlineExceeded), (.streamIdle, .deadlineExceeded),
            (.responseHeadTimeout, .deadlineExceeded), (.requestBodyTimeout, .deadlineExceeded),
            (.bodyTooLarge, .resourceExhausted), (.headTooLarge, .resourceExhausted),
            (.methodNotAllowed, .unimplemented), (.downstreamReset, .cancelled),
        ]
        for (error, code) in exact { #expect(GRPCCode(error, httpStatus: error.status) == code) }
        let mapped: [(GatewayError, GRPCCode)] = [
            (.badTarget, .internal), (.credentialMissing, .unauthenticated), (.scopeMissing, .permissionDenied),
            (.noRoute, .unimplemented), (.rateLimited, .unavailable), (.connectFailed, .unavailable),
            (.connectTimeout, .unavailable), (.upstreamReset, .unavailable), (.noHealthyUpstream, .unavailable),
            (.filterTimeout, .unavailable), (.internalError, .unknown), (.misdirected, .unknown),
        ]
        for (error, code) in mapped { #expect(GRPCCode(error, httpStatus: error.status) == code) }
        #expect(GRPCCode(.faultInjected, httpStatus: 403) == .permissionDenied)
    }

    @Test func everyCodeHasItsNames() {
        #expect(GRPCCode.deadlineExceeded.name == "DEADLINE_EXCEEDED")
        #expect(GRPCCode.deadlineExceeded.camelName == "DeadlineExceeded")
        for code in GRPCCode.allCases where code != .cancelled && code != .ok {
            #expect(code.name.filter { $0 != "_" } == code.camelName.uppercased())
        }
    }
}
