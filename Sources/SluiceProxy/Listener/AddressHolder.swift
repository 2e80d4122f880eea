import Glibc

/// Finds who listens on a port, so that "address in use" can name the process. Linux only; best effort.
enum AddressHolder {
    case itself
    case other(name: String, pid: String)

    /// Who it is; nil when that cannot be found (another user's process, no /proc).
    static func find(port: Int) -> AddressHolder? {
        let wanted = inodes(listeningOn: port)
        guard !wanted.isEmpty else { return nil }
        for pid in entries(of: "/proc") where pid.allSatisfy(\.isNumber) {
            for descriptor in entries(of: "/proc/\(pid)/fd") {
                guard let link = readLink("/proc/\(pid)/fd/\(descriptor)"), wanted.contains(link) else { continue }
                let name = readFile("/proc/\(pid)/comm").map { $0.split(separator: "\n").first.map(String.init) ?? "?" }
                return pid == "\(getpid())" ? .itself : .other(name: name ?? "a process", pid: pid)
            }
        }
        return nil
    }

    /// `socket:[12345]` of every socket in state LISTEN (0A) on that port.
    private static func inodes(listeningOn port: Int) -> Set<String> {
        let hex = String(port, radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex
        var found: Set<String> = []
        for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
            for line in (readFile(file) ?? "").split(separator: "\n").dropFirst() {
                let columns = line.split(separator: " ")
                guard columns.count > 9, columns[1].hasSuffix(suffix), columns[3] == "0A" else { continue }
                found.insert("socket:[\(columns[9])]")
            }
        }
        return found
    }

    private static func entries(of folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            )
        }
        return names
    }

    private static func readLink(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 256)
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func readFile(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
