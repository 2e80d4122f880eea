import Glibc
import SluiceConfig

/// The file of `key_log`: lines for Wireshark and its like (RFC 9850). For debugging only, so it writes at once.
///
/// Isolation: any thread.
// The descriptor never changes, and the system writes short appends whole.
final class KeyLogFile: Sendable {
    let path: String
    private let descriptor: Int32

    /// - Throws: why it cannot be written, as a predicate.
    init(_ path: String) throws(ConfigFiles.FileError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw ConfigFiles.FileError(reason: "cannot be opened for writing: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// - Parameter line: with or without its end.
    func write(_ line: [UInt8]) {
        let text = line.last == UInt8(ascii: "\n") ? line : line + [UInt8(ascii: "\n")]
        // A full disk loses lines of a debugging aid, and nothing else.
        _ = text.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
