import Glibc

/// A folder of its own for the sockets and files of one test; it goes when this goes.
package final class TemporaryFolder: Sendable {
    private let folder: String

    package init() throws {
        var template = Array("/tmp/sluice-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Sockets.failure("mkdtemp") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        if let directory = opendir(folder) {
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                unlink("\(folder)/\(name)")
            }
            closedir(directory)
        }
        rmdir(folder)
    }

    package func path(_ name: String) -> String { "\(folder)/\(name)" }
}
