import Glibc
import NIOCore
import SluiceCore
import Synchronization

/// Lines for operators, on the standard error stream.
package enum OperatorLog {
    /// How long a running gateway waits for whoever reads its log. Without a bound, a reader that has stopped would stop
    /// reloads, and the gateway from ending.
    private static let patience = TimeAmount.seconds(1)
    /// Held while a line is written: what is left of it would not fit behind another one.
    private static let turn = Mutex(())

    /// Writes a line with the time before it, unless what reads the stream adds its own.
    ///
    /// A report of several lines stays as it is: its lines begin with places in files, which editors follow. What nobody
    /// reads in time is lost.
    @Sendable package static func note(_ text: String) {
        guard !text.isEmpty, !text.contains("\n"), !isReadByJournal else { return write(text, patience) }
        write("\(time(SystemClock.nanosecondsSince1970() / 1_000_000)) \(text)", patience)
    }

    /// As RFC 3339 wants it, in UTC: `2026-11-23T11:22:56.123Z`.
    ///
    /// - Parameter milliseconds: since 1970.
    static func time(_ milliseconds: Int64) -> String {
        // A machine whose clock was never set may be before 1970.
        let seconds = max(0, milliseconds) / 1000
        let (year, month, day) = CalendarDate.civil(fromDays: Int(seconds / 86_400))
        let rest = seconds % 86_400
        let date = "\(padded(Int64(year), 4))-\(padded(Int64(month), 2))-\(padded(Int64(day), 2))"
        let time = "\(padded(rest / 3600, 2)):\(padded(rest / 60 % 60, 2)):\(padded(rest % 60, 2))"
        return "\(date)T\(time).\(padded(max(0, milliseconds) % 1000, 3))Z"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// Whether the stream ends in systemd's journal, which notes times itself. Source: systemd.exec(5), JOURNAL_STREAM.
    private static let isReadByJournal: Bool = {
        guard let named = getenv("JOURNAL_STREAM") else { return false }
        var status = stat()
        guard fstat(STDERR_FILENO, &status) == 0 else { return false }
        return String(cString: named) == "\(status.st_dev):\(status.st_ino)"
    }()

    /// Writes a line, or a text of several, with one system call, so that lines of several threads do not mix.
    @Sendable package static func write(_ text: String) { write(text, nil) }

    private static func write(_ text: String, _ patience: TimeAmount?) {
        guard !text.isEmpty else { return }
        var bytes = Array(text.utf8)
        if bytes.last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
        // Nobody reads: a gateway does not stop for that.
        turn.withLock { _ in _ = StandardStream.write(bytes, to: STDERR_FILENO, patience: patience) }
    }
}

/// The streams that a process is born with.
package enum StandardStream {
    /// Writes all of a text to the standard output.
    ///
    /// - Returns: nil, or why not all of it could be written.
    package static func show(_ text: String) -> String? {
        let code = write(Array(text.utf8), to: STDOUT_FILENO)
        return code == 0 ? nil : String(cString: strerror(code))
    }

    /// A pipe that has room takes so much without blocking (POSIX, `write`: PIPE_BUF on Linux).
    private static let pieceBytes = 4096

    /// - Parameter patience: for how long a stream may take nothing; nil: for ever.
    /// - Returns: 0, or the number of the system's error (errno).
    static func write(_ bytes: [UInt8], to descriptor: CInt, patience: TimeAmount? = nil) -> CInt {
        bytes.withUnsafeBytes { all in
            var done = 0
            while done < all.count, let base = all.baseAddress {
                var size = all.count - done
                if let patience {
                    size = min(size, pieceBytes)
                    var stream = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    let milliseconds = CInt(clamping: patience.nanoseconds / 1_000_000)
                    guard poll(&stream, 1, milliseconds) != 0 else { return ETIMEDOUT }
                }
                let count = Glibc.write(descriptor, base + done, size)
                guard count > 0 || errno == EINTR else { return errno }
                done += max(count, 0)
            }
            return 0
        }
    }
}
