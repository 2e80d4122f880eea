internal import Glibc

/// Finds and reads the files that `-c` names.
///
/// Blocking; not for event loops.
package enum ConfigFiles {
    private static let endings = [".yaml", ".yml", ".json"]

    /// The files of all arguments in their order; a folder stands for its `*.yaml`, `*.yml` and `*.json` files sorted by
    /// name, hidden ones and sub-folders left out.
    ///
    /// - Returns: the files that could be read, and what is wrong with the others.
    package static func expand(_ arguments: [String]) -> (files: [ConfigFile], diagnostics: Diagnostics) {
        var files: [ConfigFile] = []
        var diagnostics = Diagnostics()
        func fail(_ path: String, _ message: String) {
            let place = SourcePlace(file: path, line: 1, column: 1)
            diagnostics.add(Diagnostic(.unreadableFile, at: SourceSpan(place: place), message))
        }
        for argument in arguments {
            guard let names = names(of: argument) else {
                fail(argument, "the folder cannot be read: \(lastError())")
                continue
            }
            if names.isEmpty { fail(argument, "the folder holds no .yaml, .yml or .json file") }
            for name in names {
                do throws(FileError) {
                    files.append(ConfigFile(path: name, bytes: try read(name, atMost: TreeLimits().bytes)))
                } catch {
                    fail(name, "the file \(error.reason)")
                }
            }
        }
        diagnostics.sources = files
        return (files, diagnostics)
    }

    /// Why a file cannot be read, as a predicate: "cannot be opened: ...".
    package struct FileError: Error {
        package let reason: String

        package init(reason: String) { self.reason = reason }
    }

    /// All bytes of a file.
    package static func read(_ path: String, atMost limit: Int = 64 * 1024 * 1024) throws(FileError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw FileError(reason: "cannot be opened: \(lastError())") }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw FileError(reason: "cannot be read: \(lastError())")
            }
            bytes += buffer[..<count]
            guard bytes.count <= limit else { throw FileError(reason: "is larger than \(Units.showSize(limit))") }
        }
    }

    /// A variable of the process's environment.
    package static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    // MARK: Inside

    /// The path itself, or the configuration files in the folder; nil where a folder cannot be read.
    private static func names(of path: String) -> [String]? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return [path] }
        guard let folder = opendir(path) else { return nil }
        defer { closedir(folder) }
        let prefix = path.hasSuffix("/") ? path : path + "/"
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            guard !name.hasPrefix("."), endings.contains(where: { name.hasSuffix($0) }) else { continue }
            guard stat(prefix + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            names.append(prefix + name)
        }
        return names.sorted()
    }

    private static func lastError() -> String { String(cString: strerror(errno)) }
}
