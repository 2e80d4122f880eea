import Glibc

@testable import SluiceUpstream

/// A file for one test.
struct TemporaryFile: Sendable {
    let path: String

    static func with<R>(_ text: String, _ body: (TemporaryFile) async throws -> R) async throws -> R {
        var template = Array("/tmp/sluice-test-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw DNSError.noResources }
        close(descriptor)
        let path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let file = TemporaryFile(path: path)
        defer { unlink(path) }
        try file.write(text)
        return try await body(file)
    }

    func write(_ text: String) throws {
        guard let file = fopen(path, "w") else { throw DNSError.noResources }
        fputs(text, file)
        fclose(file)
    }

    func remove() throws {
        guard unlink(path) == 0 else { throw DNSError.noResources }
    }
}
