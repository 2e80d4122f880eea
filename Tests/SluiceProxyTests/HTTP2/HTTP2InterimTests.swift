import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceTesting
import Testing

/// As many interim answers as there may be, for clients that do not read: no window holds back HEADERS frames.
@Suite struct HTTP2InterimTests {
    /// Each has a head of its own, which no compression makes small.
    private static func hint(_ i: Int, _ size: Int) -> String {
        String(String(repeating: "\(i * 7919 % 100_003)-", count: size / 3).prefix(size))
    }

    private struct Flood {
        let requests: Int
        /// Bytes of one interim answer.
        let size: Int
        var count: Int { requests * ResponseHead.interimLimit }
    }

    /// The client takes them only when all have been sent.
    ///
    /// - Returns: how many it was given.
    private func run(_ flood: Flood, isTwoDown: Bool, isTwoUp: Bool) throws -> Int {
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
            let streams = try (0..<flood.requests).map { _ in try two?.request("GET", "/") ?? 0 }
            if two == nil { try client.send(Wire.get()) }
            try send(flood, from: origin, isTwo: isTwoUp)
            try gateway.settle()
            guard let two else {
                given = try readInterim(client)
                return
            }
            for stream in streams {
                let answer = try two.answer(to: stream)
                #expect(answer.status == 200)
                given += answer.interim.count
            }
        }
        return given
    }

    private func readInterim(_ client: RawPeer) throws -> Int {
        var given = 0
        while true {
            let answer = try client.readResponse()
            if answer.status == 200 { return given }
            #expect(answer.status == 103)
            given += 1
        }
    }

    private func send(_ flood: Flood, from origin: ScriptedOrigin, isTwo: Bool) throws {
        let hints = 0..<ResponseHead.interimLimit
        let peer = isTwo ? try HTTP2Peer(serving: try origin.accept()) : nil
        for round in 0..<flood.requests {
            let texts = hints.map { Self.hint(round * hints.count + $0, flood.size) }
            if let peer {
                let request = try peer.request()
                for text in texts { try peer.interim(on: request.stream, 103, [("link", text)]) }
                try peer.respond(to: request.stream, 200)
            } else {
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                for text in texts { try upstream.send(Wire.message("HTTP/1.1 103 X", ["Link: \(text)"])) }
                try upstream.send(Wire.status(200))
            }
        }
        try peer?.roundTrip()
    }

    @Test(
        "what a client does not take of them is dropped, not kept, and its answer comes all the same",
        arguments: [(true, false), (true, true), (false, true)]
    )
    func dropped(isTwoDown: Bool, isTwoUp: Bool) throws {
        // A Unix socket holds some hundred KB; an HTTP/2 client may have 1,000 frames in front of it besides.
        let flood = isTwoDown ? Flood(requests: 30, size: 8000) : Flood(requests: 1, size: 30_000)
        let given = try run(flood, isTwoDown: isTwoDown, isTwoUp: isTwoUp)
        #expect(given > 0 && given < flood.count / 2, "\(given) of \(flood.count)")
    }
}
