import Glibc
import SluiceConfig
import SluiceTesting
import Testing

/// Prometheus' own checker on what a gateway says after all kinds of requests.
@Suite(.enabled(if: Promtool.path != nil, "promtool (Debian package prometheus) is not installed"))
struct PromtoolTests {
    @Test("promtool has nothing to say about the metrics")
    func check() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        var model = AdminKit.model(.forwarding(to: origin.address))
        model.routes[0].name = "odd \"name\" \\ with\nall kinds of ä"
        model.routes[0].match.path = .prefix("/x")
        model.upstreams[0].healthCheck = HealthCheckModel(probe: .tcp)
        try AdminKit.run(model) { gateway in
            _ = try gateway.get("/x")
            _ = try gateway.get("/nowhere")
            let path = try #require(Promtool.path)
            let (status, output) = try Promtool.run(path, input: try gateway.ask("/metrics").body)
            #expect(status == 0)
            #expect(output.isEmpty)
        }
    }
}

private enum Promtool {
    static let path: String? = ["/usr/bin/promtool", "/usr/local/bin/promtool"].first { access($0, X_OK) == 0 }

    /// `promtool check metrics`: its exit status and all it says.
    static func run(_ path: String, input: [UInt8]) throws -> (status: Int32, output: String) {
        let folder = try TemporaryFolder()
        let file = folder.path("metrics")
        try TextFile.write(String(decoding: input, as: UTF8.self), to: file)
        guard let pipe = popen("\(path) check metrics < '\(file)' 2>&1", "r") else { throw TestFailure("no process") }
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&piece, 1, piece.count, pipe)
            guard count > 0 else { break }
            output += piece[..<count]
        }
        return (pclose(pipe), String(decoding: output, as: UTF8.self))
    }
}
