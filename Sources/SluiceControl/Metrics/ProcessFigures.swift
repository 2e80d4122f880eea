import Glibc
import SluiceConfig
import SluiceCore

/// What every program shows of itself, under the names that all use (Prometheus, Client library guidelines).
enum ProcessFigures {
    private static let processor = MetricFamily(
        "process_cpu_seconds_total",
        .counter,
        help: "Processor time in user and system mode."
    )
    private static let resident = MetricFamily("process_resident_memory_bytes", .gauge, help: "Resident memory.")
    private static let virtual = MetricFamily("process_virtual_memory_bytes", .gauge, help: "Virtual memory.")
    private static let openFiles = MetricFamily("process_open_fds", .gauge, help: "Open file descriptors.")
    private static let maximum = MetricFamily("process_max_fds", .gauge, help: "How many may be open.")
    private static let started = MetricFamily(
        "process_start_time_seconds",
        .gauge,
        help: "When the process started, in seconds since 1970."
    )

    static func write(to samples: inout MetricSamples) {
        var usage = rusage()
        if getrusage(RUSAGE_SELF.rawValue, &usage) == 0 {
            let micros = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1_000_000
            samples.add(processor, [], Double(micros + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1_000_000)
        }
        let pages = text("/proc/self/statm").split(separator: " ").compactMap { Int($0) }
        let pageBytes = Int(sysconf(CInt(_SC_PAGESIZE)))
        if pages.count > 1 {
            samples.add(virtual, [], pages[0] * pageBytes)
            samples.add(resident, [], pages[1] * pageBytes)
        }
        if let count = descriptorCount { samples.add(openFiles, [], count) }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            samples.add(maximum, [], Int(clamping: limit.rlim_cur))
        }
        if let second = startTime { samples.add(started, [], second) }
    }

    private static var descriptorCount: Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Not `.`, `..` and the folder itself.
        return max(0, count - 3)
    }

    /// Sources: proc(5), `stat`, field 22, in clock ticks since the machine was started, which `btime` says.
    private static let startTime: Double? = {
        let boot = text("/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }
        // The name in brackets may hold anything.
        let stat = text("/proc/self/stat")
        guard let boot = boot.flatMap({ Double($0.dropFirst(6)) }), let end = stat.lastIndex(of: ")") else {
            return nil
        }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let ticks = Double(fields[19]) else { return nil }
        return boot + ticks / Double(sysconf(CInt(_SC_CLK_TCK)))
    }()

    private static func text(_ path: String) -> String {
        (try? ConfigFiles.read(path, atMost: 256 * 1024)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
