import NIOCore
import SluiceConfig
import SluiceHTTP
import SluiceTesting
import Testing

/// Interim answers without end, for clients that do not read: no window holds back HEADERS frames.
@Suite struct HTTP2InterimTests {
    private static let count = 3000
    /// Each has a head of its own, which no compression makes small.
    private static func hint(_ i: Int) -> String {
        String(String(repeating: "\(i * 7919 % 100_003)-", count: 1400).prefix(8000))
    }

    /// The client takes them only when all have been sent.
    ///
    /// - Returns: how many it was given.
    private func run(isTwoDown: Bool, isTwoUp: Bool) throws -> Int {
        let folder = try TemporaryFolder()
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.listeners[0].address = .unix(path: folder.path("gateway"))
            $0.upstreams[0].version = isTwoUp ? .http2 : .http1
        }
        var given = 0
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            let two = isTwoDown ? try HTTP2Peer(client: client) : nil
            let stream = try two?.request("GET", "/") ?? 0
            if two == nil { try client.send(Wire.get()) }
            try sendHints(from: origin, isTwo: isTwoUp)
            try gateway.settle()
            if let two {
                let answer = try two.answer(to: stream)
                #expect(answer.status == 200)
                given = answer.interim.count
            } else {
                while true {
                    let answer = try client.readResponse()
                    if answer.status == 200 { break }
                    #expect(answer.status == 103)
                    given += 1
                }
            }
        }
        return given
    }

    private func sendHints(from origin: ScriptedOrigin, isTwo: Bool) throws {
        let upstream = try origin.accept()
        if isTwo {
            let peer = try HTTP2Peer(serving: upstream)
            let request = try peer.request()
            for i in 0..<Self.count { try peer.interim(on: request.stream, 103, [("link", Self.hint(i))]) }
            try peer.respond(to: request.stream, 200)
            try peer.roundTrip()
        } else {
            _ = try upstream.readRequest()
            for i in 0..<Self.count { try upstream.send(Wire.message("HTTP/1.1 103 X", ["Link: \(Self.hint(i))"])) }
            try upstream.send(Wire.status(200))
        }
    }

    @Test(
        "what a client does not take of them is dropped, not kept, and its answer comes all the same",
        arguments: [(true, false), (true, true), (false, true)]
    )
    func dropped(isTwoDown: Bool, isTwoUp: Bool) throws {
        let given = try run(isTwoDown: isTwoDown, isTwoUp: isTwoUp)
        // A Unix socket holds some hundred KB; an HTTP/2 client may have 1,000 frames in front of it besides.
        let bound = isTwoDown ? 1500 : 500
        #expect(given > 0 && given < bound, "\(given) of \(Self.count)")
    }
}
