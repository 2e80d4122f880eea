internal import Glibc
internal import SluiceCore

/// Notices that a small file has changed, and keeps what was read from it.
struct WatchedFile<Value> {
    /// What tells one version of a file from the next; all zero when there is no file.
    private struct Stamp: Equatable {
        var inode: UInt64 = 0
        var size: Int64 = 0
        var seconds = 0
        var nanoseconds = 0

        init(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return }
            inode = UInt64(status.st_ino)
            size = Int64(status.st_size)
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
        }
    }

    private var seen: Stamp?
    private var known: Value?

    /// Whether the file differs from what it was at the last call; true at the first.
    mutating func hasChanged(_ path: String) -> Bool {
        let stamp = Stamp(path)
        defer { seen = stamp }
        return stamp != seen
    }

    /// What the file says now; `empty` when it cannot be read.
    mutating func value(_ path: String, empty: Value, parse: ([UInt8]) -> Value) -> Value {
        if let known, !hasChanged(path) { return known }
        // The stamp is older than the bytes if the file changes in between: then it is read once more.
        _ = hasChanged(path)
        if let bytes = Self.read(path) {
            known = parse(bytes)
        } else if ResourceShortage.isMeant(by: errno) {
            // Without a descriptor nothing is known about the file: the next call looks again.
            seen = nil
        } else {
            known = empty
        }
        return known ?? empty
    }

    /// The bytes of the file, up to a bound far above any sensible one, cut at the end of a line.
    private static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while bytes.count < HostsFile.largestSize {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            bytes += chunk[..<count]
        }
        return Array(bytes[..<(bytes.lastIndex(of: UInt8(ascii: "\n")) ?? 0)])
    }
}
