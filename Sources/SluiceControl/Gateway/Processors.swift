import CPlatform
import NIOCore
import SluiceConfig

/// How many processors this process may use: what `workers: auto` means.
package enum Processors {
    /// The affinity mask, limited by the CPU quota of the control groups it is in; at least 1.
    package static var available: Int {
        available(affinity: Int(sluice_processor_count())) { path in
            guard let bytes = try? ConfigFiles.read(path, atMost: 64 * 1024) else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    static func available(affinity: Int, readFile: (String) -> String?) -> Int {
        let count = affinity > 0 ? affinity : System.coreCount
        guard let quota = quota(readFile) else { return max(1, count) }
        // Half a processor too many is better than half of one unused.
        return max(1, min(count, Int(quota.rounded(.up))))
    }

    /// The smallest quota of the process's groups and those around them, in processors; nil: none.
    ///
    /// Sources: Linux `cgroup-v2.rst`, `cpu.max`; `cgroup-v1/cpuacct` and `scheduler/sched-bwc.rst`, `cpu.cfs_quota_us`.
    private static func quota(_ readFile: (String) -> String?) -> Double? {
        var smallest: Double?
        for line in (readFile("/proc/self/cgroup") ?? "").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let controllers = parts[1].split(separator: ",")
            guard parts[1].isEmpty || controllers.contains("cpu") else { continue }
            for folder in folders(of: parts[2]) {
                let found =
                    parts[1].isEmpty
                    ? unified("/sys/fs/cgroup\(folder)", readFile)
                    : legacy("/sys/fs/cgroup/cpu\(folder)", readFile)
                if let found { smallest = min(found, smallest ?? found) }
            }
        }
        return smallest
    }

    /// `/a/b` gives `/a/b`, `/a` and the root, which inside of a container is the container's own group.
    private static func folders(of path: Substring) -> [String] {
        var parts = path.split(separator: "/").prefix(64)
        var folders: [String] = []
        while !parts.isEmpty {
            folders.append("/" + parts.joined(separator: "/"))
            parts.removeLast()
        }
        return folders + [""]
    }

    private static func unified(_ folder: String, _ readFile: (String) -> String?) -> Double? {
        let words = (readFile("\(folder)/cpu.max") ?? "").split { $0 == " " || $0 == "\n" }
        guard words.count == 2 else { return nil }
        return ratio(words[0], words[1])
    }

    private static func legacy(_ folder: String, _ readFile: (String) -> String?) -> Double? {
        guard let quota = readFile("\(folder)/cpu.cfs_quota_us"), let period = readFile("\(folder)/cpu.cfs_period_us")
        else { return nil }
        return ratio(quota.prefix { $0 != "\n" }, period.prefix { $0 != "\n" })
    }

    /// Nil for `max` and for -1, which mean that there is no limit.
    private static func ratio(_ quota: Substring, _ period: Substring) -> Double? {
        guard let quota = Double(quota), let period = Double(period), quota > 0, period > 0 else { return nil }
        return quota / period
    }
}
