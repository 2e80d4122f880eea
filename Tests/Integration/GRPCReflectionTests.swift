import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceTesting
import Testing

/// Descriptors that the server itself tells.
@Suite struct GRPCReflectionTests {
    /// The files of the fixture, one by one.
    private static let files: [[UInt8]] = {
        var files: [[UInt8]] = []
        var at = 0
        let set = Library.descriptor
        while at < set.count {
            at += 1
            var length = 0
            var shift = 0
            while at < set.count, set[at] & 0x80 != 0 {
                length |= Int(set[at] & 0x7F) << shift
                shift += 7
                at += 1
            }
            length |= Int(set[at]) << shift
            at += 1
            files.append(Array(set[at..<min(set.count, at + length)]))
            at += length
        }
        return files
    }()

    private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        var rest = content.count
        while rest >= 0x80 {
            length.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return [number << 3 | 2] + length + [UInt8(rest)] + content
    }

    private static func frame(_ message: [UInt8]) -> [UInt8] {
        [0] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: message.count >> $0) } + message
    }

    private func answer(_ peer: HTTP2Peer, _ message: [UInt8], version: String = "v1") throws {
        let request = try peer.request()
        #expect(request.path == "/grpc.reflection.\(version).ServerReflection/ServerReflectionInfo")
        #expect(request["te"] == "trailers" && request["content-type"] == "application/grpc")
        try peer.respond(to: request.stream, 200, [Library.type], body: "", ends: false)
        try peer.send(bytes: Self.frame(message), on: request.stream, trailers: Library.fine)
    }

    private func model(_ origin: ScriptedOrigin) throws -> GatewayModel {
        let filters = try FilterText.models(
            "grpc_json: {reflection: {upstream: origin, refresh: 6s}, services: [sluice.library.Library]}"
        )
        return .forwarding(to: origin.address) {
            $0.upstreams[0].version = .http2
            $0.filters = filters
        }
    }

    private func list(_ name: String) -> [UInt8] {
        Self.field(6, Self.field(1, Self.field(1, Array(name.utf8))))
    }

    @Test("calls are made once they are there, and stay possible when the server falls silent")
    func fetch() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin), clock: ManualClock()) { gateway in
            let early = try gateway.answer(to: Wire.get("/v1/books/7"))
            #expect(early.status == 503 && early.text.contains("descriptors_unavailable"))
            try gateway.advance(by: .seconds(1))
            let peer = try HTTP2Peer(serving: try origin.accept())
            // An older server.
            let first = try peer.request()
            #expect(first.text == "\u{0}\u{0}\u{0}\u{0}\u{3}\u{3A}\u{1}*")
            try peer.respond(to: first.stream, 200, [Library.type, ("grpc-status", "12")])
            try answer(peer, list("sluice.library.Library"), version: "v1alpha")
            let files = Self.files.map { Self.field(1, $0) }.joined()
            try answer(peer, Self.field(4, Array(files)), version: "v1alpha")
            try peer.roundTrip()
            for _ in 0..<3 {
                try gateway.settle()
                try gateway.advance(by: .seconds(1))
            }
            try gateway.settle()
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/books/7"))
            #expect(try peer.serve([Library.book("x")]).path == "/sluice.library.Library/GetBook")
            #expect(try client.readResponse().text == #"{"name":"x"}"#)
            // The next time it fails.
            try gateway.advance(by: .seconds(4))
            let again = try peer.request()
            #expect(again.path == "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
            try peer.respond(to: again.stream, 200, [Library.type, ("grpc-status", "13")])
            try peer.roundTrip()
            try gateway.advance(by: .seconds(1))
            try client.send(Wire.get("/v1/books/7"))
            _ = try peer.serve([Library.book("y")])
            #expect(try client.readResponse().text == #"{"name":"y"}"#)
        }
    }

    @Test(
        "a server that answers nonsense leaves requests with 503",
        arguments: [[1, 2, 3], [], [0x3A, 0]] as [[UInt8]]
    )
    func nonsense(message: [UInt8]) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin), clock: ManualClock()) { gateway in
            try gateway.advance(by: .seconds(1))
            let peer = try HTTP2Peer(serving: try origin.accept())
            try answer(peer, message)
            try peer.roundTrip()
            try gateway.advance(by: .seconds(1))
            #expect(try gateway.answer(to: Wire.get("/v1/books/7")).status == 503)
            // It is asked again, in its own time.
            try gateway.advance(by: .seconds(3))
            try answer(peer, message)
        }
    }
}
