import Glibc
import SluiceConfig
import SluiceControl
import SluiceTesting
import Testing

/// `SIGUSR1` while a request still runs under a configuration with another log.
@Suite("Rotation behind a reload") struct LogRotationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func content(_ name: String) throws -> String {
        String(decoding: try ConfigFiles.read(folder.path(name)), as: UTF8.self)
    }

    private func write(_ text: String, to name: String) throws {
        let file = try #require(fopen(folder.path(name), "w"))
        fputs(text, file)
        fclose(file)
    }

    /// A request begins under the log `old`, and ends after `next` runs, `old` was renamed and the logs were reopened.
    private func rotate(_ next: (inout AccessLogModel) -> Void, between: () throws -> Void) throws {
        let origin = try ScriptedOrigin()
        var log = AccessLogModel()
        log.target = .file(folder.path("old"))
        log.format = try LogSyntax.parse("%PROTOCOL% %REQ(:PATH)%").get()
        var model = GatewayModel.forwarding(to: origin.address) { $0.telemetry.accessLog = log }
        try GatewayKit.run(model, workers: 1) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/long"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            next(&log)
            model.telemetry.accessLog = log
            try gateway.reload(model)
            rename(folder.path("old"), folder.path("old.1"))
            try between()
            gateway.reopenLogs()
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
            // The loops have let go of the older configuration, and what it logged is with the writer.
            try GatewayKit.eventually("the request is over") { gateway.retiredCount == 0 }
        }
    }

    @Test("the file of a log that no longer is one does not come into being again")
    func notRecreated() throws {
        try rotate {
            $0.target = .file(folder.path("new"))
        } between: {
        }
        try GatewayKit.eventually("it is written") { try content("old.1") == "HTTP/1.1 /long\n" }
        #expect(throws: (any Error).self) { try content("old") }
        #expect(try content("new") == "")
    }

    @Test("a file that somebody else made under the old name gets no lines")
    func notTaken() throws {
        try rotate {
            $0.target = .file(folder.path("new"))
        } between: {
            try write("theirs\n", to: "old")
        }
        try GatewayKit.eventually("it is written") { try content("old.1") == "HTTP/1.1 /long\n" }
        #expect(try content("old") == "theirs\n")
    }

    @Test("the same file with another buffer is opened anew for requests of the older configuration too")
    func sameFile() throws {
        try rotate {
            $0.queueBytes *= 2
        } between: {
        }
        try GatewayKit.eventually("it is written") { try content("old") == "HTTP/1.1 /long\n" }
        #expect(try content("old.1") == "")
    }
}
