import Glibc

/// What the file system says of some paths; it changes whenever one of them is written, replaced or removed.
///
/// Links are followed, so that the swap of a folder behind a link (as Kubernetes updates mounted files) shows too.
struct FileSignature: Hashable, Sendable {
    private struct Entry: Hashable, Sendable {
        var device: UInt64 = 0
        var inode: UInt64 = 0
        var size: Int64 = -1
        var modified: [Int] = []
        var changed: [Int] = []
    }

    private var entries: [String: Entry] = [:]

    /// Looks at the paths now. A folder changes when a file in it comes, goes or is renamed.
    init(of paths: [String]) {
        for path in paths where entries[path] == nil { entries[path] = Self.look(at: path) }
    }

    private static func look(at path: String) -> Entry {
        var status = stat()
        guard stat(path, &status) == 0 else { return Entry() }
        return Entry(
            device: UInt64(status.st_dev),
            inode: UInt64(status.st_ino),
            size: Int64(status.st_size),
            modified: [status.st_mtim.tv_sec, status.st_mtim.tv_nsec],
            changed: [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
        )
    }
}
