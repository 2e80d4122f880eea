import Glibc
import NIOCore
import SluiceConfig
import SluiceCore

/// The descriptor behind a log. Isolation: one thread.
struct LogOutput: Sendable {
    struct Failure: Error {
        let message: String

        init(message: String) { self.message = message }

        /// What an error number of the system means.
        init(_ what: String, _ code: CInt) { message = "\(what): \(String(cString: strerror(code)))" }
    }

    enum Outcome {
        case wrote(Int)
        /// It takes nothing now.
        case full
        case failed(Failure)
    }

    /// A pipe that has room takes so much without blocking (POSIX, `write`: PIPE_BUF on Linux).
    private static let pieceBytes = 4096

    private let target: AccessLogModel.Target
    private var descriptor: CInt
    /// Writing may block: others have the stream open, too, and it is not for us to change how it is written for them.
    private let mayBlock: Bool
    /// A line was written in part: the next one must not be glued to it.
    private var isTorn = false

    var name: String { target.name }

    init(_ target: AccessLogModel.Target) throws(Failure) {
        self.target = target
        descriptor = try Self.open(target)
        var status = stat()
        let isFile = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        if case .file = target { mayBlock = false } else { mayBlock = !isFile }
    }

    private static func open(_ target: AccessLogModel.Target) throws(Failure) -> CInt {
        switch target {
        case .standardOutput: return STDOUT_FILENO
        case .standardError: return STDERR_FILENO
        case .file(let path):
            // Without waiting: a pipe that nobody reads is an error, not a reason to hang.
            let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
            let descriptor = Glibc.open(path, flags, 0o640)
            guard descriptor >= 0 else {
                throw errno == ENXIO
                    ? Failure(message: "\(path): a pipe that nobody reads, or a socket") : Failure(path, errno)
            }
            return descriptor
        }
    }

    /// Writes as much as there is room for.
    ///
    /// - Parameter done: what of `bytes` earlier calls have written.
    mutating func write(_ bytes: ContiguousArray<UInt8>, from done: Int) -> Outcome {
        if isTorn, done == 0 {
            let outcome = withUnsafeBytes(of: UInt8(ascii: "\n")) { attempt($0) }
            guard case .wrote = outcome else { return outcome }
            isTorn = false
        }
        let outcome = bytes.withUnsafeBytes { all in
            attempt(UnsafeRawBufferPointer(rebasing: mayBlock ? Self.piece(of: all[done...]) : all[done...]))
        }
        if case .failed = outcome, done > 0 { isTorn = bytes[done - 1] != UInt8(ascii: "\n") }
        return outcome
    }

    /// Whole lines, as many as a pipe surely takes, or as much of a longer one.
    private static func piece(of bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        guard bytes.count > pieceBytes else { return bytes }
        let piece = bytes.prefix(pieceBytes)
        return piece.lastIndex(of: UInt8(ascii: "\n")).map { bytes[...$0] } ?? piece
    }

    private func attempt(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        if mayBlock, !waitForRoom(atMost: .zero) { return .full }
        while true {
            let count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            if count > 0 { return .wrote(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN, EWOULDBLOCK: return .full
            default: return .failed(Failure(name, errno))
            }
        }
    }

    /// - Returns: whether it may take something now; an error is left to the next `write`.
    func waitForRoom(atMost time: TimeAmount) -> Bool {
        var stream = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&stream, 1, CInt(clamping: time.nanoseconds / 1_000_000)) != 0
    }

    /// - Returns: whether it is another file now.
    mutating func reopen() throws(Failure) -> Bool {
        guard case .file = target else { return false }
        let fresh = try Self.open(target)
        var (before, after) = (stat(), stat())
        let isSame =
            fstat(descriptor, &before) == 0 && fstat(fresh, &after) == 0 && before.st_dev == after.st_dev
            && before.st_ino == after.st_ino
        Glibc.close(descriptor)
        descriptor = fresh
        if !isSame { isTorn = false }
        return !isSame
    }

    func close() { if case .file = target { Glibc.close(descriptor) } }
}
