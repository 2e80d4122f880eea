import Glibc
import NIOCore
import SluiceCore
import SluiceTesting

/// The built `sluice` in a process of its own.
final class Binary {
    enum Stream { case output, errors }

    private static let path: String = {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let own = String(decoding: buffer[..<max(count, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return own.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/sluice"
    }()

    static var isThere: Bool { access(path, X_OK) == 0 }

    private let process: pid_t
    private let descriptor: CInt
    private var text: [UInt8] = []
    private var isReaped = false

    /// The time that the line read last began with.
    private(set) var lastTime: Substring = ""

    /// Starts it. The test reads `stream`.
    ///
    /// - Parameters:
    ///   - other: the file that takes the other stream.
    ///   - descriptors: how many it may have at most; nil: as many as the test.
    init(
        _ arguments: [String],
        reading stream: Stream = .errors,
        other file: String = "/dev/null",
        descriptors: Int? = nil
    ) throws {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw TestFailure("no pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let other = stream == .errors ? STDOUT_FILENO : STDERR_FILENO
        posix_spawn_file_actions_addopen(&actions, other, file, O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], stream == .errors ? STDERR_FILENO : STDOUT_FILENO)
        let shell = descriptors.map { ["/bin/sh", "-c", "ulimit -n \($0); exec \"$0\" \"$@\""] } ?? []
        let command = shell + [Self.path] + arguments
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var child = pid_t()
        let status = posix_spawn(&child, command[0], &actions, nil, &words, environ)
        close(ends[1])
        descriptor = ends[0]
        process = child
        guard status == 0 else {
            isReaped = true
            throw TestFailure("cannot start \(Self.path): \(String(cString: strerror(status)))")
        }
    }

    deinit {
        if !isReaped {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        close(descriptor)
    }

    func signal(_ number: CInt) { kill(process, number) }

    /// Its threads by name, with their nice values. Source: proc(5), `stat`, fields 2 and 19.
    var threads: [(name: String, nice: Int, policy: Int32)] {
        get throws {
            guard let folder = opendir("/proc/\(process)/task") else { throw TestFailure("no such process") }
            defer { closedir(folder) }
            var threads: [(name: String, nice: Int, policy: Int32)] = []
            while let entry = readdir(folder) {
                let id = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                guard Int(id) != nil else { continue }
                let stat = try TextFile.read("/proc/\(process)/task/\(id)/stat")
                guard let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")") else { continue }
                let fields = stat[close...].split(separator: " ")
                // proc_pid_stat(5): the 19th and the 41st field.
                let name = String(stat[stat.index(after: open)..<close])
                threads.append((name, Int(fields[17]) ?? 0, Int32(fields[39]) ?? 0))
            }
            return threads
        }
    }

    /// Lets it open so many descriptors more than it has now, and none beyond.
    func leave(descriptors count: Int) throws {
        var buffer = [CChar](repeating: 0, count: 256)
        func isOpen(_ number: rlim_t) -> Bool {
            readlink("/proc/\(process)/fd/\(number)", &buffer, buffer.count) >= 0
        }
        // What is limited are the numbers; the lowest ones that are free are taken first.
        var limit = rlimit()
        var left = count
        while left > 0 || isOpen(limit.rlim_cur) {
            if !isOpen(limit.rlim_cur) { left -= 1 }
            limit.rlim_cur += 1
        }
        limit.rlim_max = limit.rlim_cur
        // GNU only, so the module of the C library does not show it.
        typealias Limiting = @convention(c) (pid_t, CInt, UnsafePointer<rlimit>?, UnsafeMutablePointer<rlimit>?) -> CInt
        guard let symbol = dlsym(nil, "prlimit") else { throw TestFailure("the system has no prlimit") }
        let change = unsafeBitCast(symbol, to: Limiting.self)
        guard change(process, CInt(RLIMIT_NOFILE.rawValue), &limit, nil) == 0 else {
            throw TestFailure("cannot limit the process: \(String(cString: strerror(errno)))")
        }
    }

    /// Reads on until a line fits, the time at its beginning left out.
    func readLine(where fits: (String) -> Bool) throws -> String {
        while true {
            while let end = text.firstIndex(of: UInt8(ascii: "\n")) {
                let whole = String(decoding: text[..<end], as: UTF8.self)
                text.removeFirst(end + 1)
                let hasTime = whole.prefixMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /#) != nil
                lastTime = hasTime ? whole.prefix(24) : ""
                let line = String(whole.dropFirst(hasTime ? 25 : 0))
                if fits(line) { return line }
            }
            guard try readSome() else { throw TestFailure("the process ended before it said what it should") }
        }
    }

    /// Everything until it ends.
    func readAll() throws -> String {
        while try readSome() {}
        return String(decoding: text, as: UTF8.self)
    }

    private func readSome() throws -> Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&polled, 1, 20_000) == 1 else {
            throw TestFailure("the process says nothing more; so far: \(String(decoding: text, as: UTF8.self))")
        }
        var piece = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &piece, piece.count)
        guard count > 0 else { return false }
        text += piece[..<count]
        return true
    }

    /// Waits for its end.
    ///
    /// - Returns: its exit status; 256 and the number when a signal ended it.
    func wait() throws -> Int32 {
        // The end of its stream is the end of the process.
        while try readSome() {}
        var status: CInt = 0
        guard waitpid(process, &status, 0) == process else { throw TestFailure("cannot wait for the process") }
        isReaped = true
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : 256 + signal
    }
}
