import CNIOBoringSSL
import Synchronization
import Testing

@testable import SluiceTLS

@Suite struct TLSStaplingTests {
    static let authority = TestAuthority.shared
    static let leaf = authority.leaf("api.test")
    static let response = DER.ocspResponse(serial: leaf.serial, thisUpdate: testNow - 10, nextUpdate: testNow + 10)

    /// What the client was given, at a time.
    private func stapled(
        _ policy: TLSServerSettings.StaplingPolicy,
        response: [UInt8]? = response,
        after seconds: Int64 = 0,
        change: (inout TLSServerSettings) -> Void = { _ in }
    ) throws -> (bytes: [UInt8]?, TestPair) {
        let now = Mutex(testNow)
        let server = try TLSServerContext.test(Self.leaf) { settings in
            settings.certificates[0].ocspResponse = response
            settings.staplingPolicy = policy
            settings.clock = { now.withLock { $0 } }
            change(&settings)
        }
        now.withLock { $0 += seconds }
        let pair = TestPair(server, try TLSClientContext.test())
        SSL_enable_ocsp_stapling(pair.client.ssl)
        pair.handshake()
        var start: UnsafePointer<UInt8>?
        var count = 0
        SSL_get0_ocsp_response(pair.client.ssl, &start, &count)
        return (count > 0 ? Array(UnsafeBufferPointer(start: start, count: count)) : nil, pair)
    }

    @Test func aGoodResponseIsStapled() throws {
        for policy in [TLSServerSettings.StaplingPolicy.lenient, .strict, .mustStaple] {
            #expect(try stapled(policy).bytes == Self.response)
        }
        #expect(try stapled(.lenient) { $0.maximumVersion = .tls12 }.bytes == Self.response)
    }

    @Test func whatHasRunOutIsNotStapled() throws {
        let (bytes, pair) = try stapled(.lenient, after: 10)
        #expect(bytes == nil)
        #expect(pair.isOpen)
        for policy in [TLSServerSettings.StaplingPolicy.strict, .mustStaple] {
            let (_, pair) = try stapled(policy, after: 10)
            #expect(pair.serverFailure?.reason == .noOCSPResponse)
            #expect(pair.clientFailure?.reason == .peerAlert)
        }
    }

    @Test func withoutAResponseThereIsNone() throws {
        for policy in [TLSServerSettings.StaplingPolicy.lenient, .strict] {
            let (bytes, pair) = try stapled(policy, response: nil)
            #expect(bytes == nil)
            #expect(pair.isOpen)
        }
        #expect(throws: TLSSettingsError(.ocspResponse(0), "stapling is a must, and there is no OCSP response")) {
            try stapled(.mustStaple, response: nil)
        }
    }

    @Test func aResponseWithoutAnEndStaysGood() throws {
        let endless = DER.ocspResponse(serial: Self.leaf.serial, thisUpdate: testNow - 10, nextUpdate: nil)
        #expect(try stapled(.strict, response: endless, after: 1_000_000).1.serverFailure?.reason != .noOCSPResponse)
    }

    static let badStatus = "the OCSP response says that the certificate is revoked or unknown"
    static let badForm = "the OCSP response is broken, reports an error, or does not speak of the certificate"

    @Test func whatDoesNotHelpIsRefused() throws {
        func response(_ serial: [UInt8], _ status: UInt8) -> [UInt8] {
            DER.ocspResponse(serial: serial, status: status, thisUpdate: testNow, nextUpdate: nil)
        }
        let bad: [([UInt8], String)] = [
            (response(Self.leaf.serial, 0xA1), Self.badStatus), (response(Self.leaf.serial, 0x82), Self.badStatus),
            (response([1, 2, 3], 0x80), Self.badForm), ([], Self.badForm), ([0x30, 3, 0x0A, 1, 3], Self.badForm),
            (Self.response + [0], Self.badForm), (Array(Self.response.dropLast(1)), Self.badForm),
        ]
        for (bytes, message) in bad {
            #expect(throws: TLSSettingsError(.ocspResponse(0), message)) {
                try stapled(.lenient, response: bytes)
            }
        }
    }

    @Test func noPrefixOfAResponseIsTaken() throws {
        for count in 0..<Self.response.count {
            #expect(throws: TLSSettingsError.self) {
                try TLSServerContext.test(Self.leaf) {
                    $0.certificates[0].ocspResponse = Array(Self.response.prefix(count))
                }
            }
        }
    }
}
