import Glibc

/// How much memory this process has, for tests of what must not grow.
package enum ProcessMemory {
    /// Bytes that are in memory now.
    package static func residentBytes() throws -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { throw TestFailure("there is no /proc/self/statm") }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, CInt(line.count), file) != nil else { throw TestFailure("nothing in /proc/self/statm") }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw TestFailure("/proc/self/statm says \(text)")
        }
        return pages * Int(sysconf(CInt(_SC_PAGESIZE)))
    }
}
