import Glibc

/// Lines for operators, on the standard error stream.
package enum OperatorLog {
    /// Writes a line, or a text of several, with one system call, so that lines of several threads do not mix.
    package static func write(_ text: String) {
        guard !text.isEmpty else { return }
        var bytes = Array(text.utf8)
        if bytes.last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
        bytes.withUnsafeBytes { all in
            var done = 0
            while done < all.count, let base = all.baseAddress {
                let count = Glibc.write(STDERR_FILENO, base + done, all.count - done)
                // Nobody reads: a gateway does not stop for that.
                guard count > 0 || errno == EINTR else { return }
                done += max(count, 0)
            }
        }
    }
}
