import Glibc
import NIOCore
import SluiceConfig
import SluiceCore
import SluiceRouting

// bench/routing: compile time, memory and match time of the route table.
//
//     swift run -c release RoutingBench [ROUTES] [ROUNDS]

let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let count = numbers.first ?? 100_000
let roundCount = numbers.dropFirst().first ?? 400

/// Nanoseconds of the monotonic clock.
func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Resident bytes of the process.
func resident() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var pages = (0, 0)
    _ = withUnsafeMutablePointer(to: &pages.0) { total in
        withUnsafeMutablePointer(to: &pages.1) { withVaList([total, $0]) { vfscanf(file, "%ld %ld", $0) } }
    }
    return pages.1 * Int(getpagesize())
}

/// The median of the time per match, over rounds of matches in random order.
func matchTime(_ table: RouteTable, _ requests: [RequestHead], misses: Bool) -> (median: Double, worst: Double) {
    var random = RandomSource(seed: 7)
    var scratch = MatchScratch()
    var captures = Captures()
    var rounds: [Double] = []
    let perRound = 200
    // Few enough heads that they stay in the cache: what is measured is the table, not reading the requests.
    var sample = (0..<min(4000, requests.count)).map { _ in requests[Int(random.below(UInt64(requests.count)))] }
    for _ in 0..<roundCount {
        let start = Int(random.below(UInt64(max(1, sample.count - perRound))))
        let part = start..<min(start + perRound, sample.count)
        var found = 0
        let before = now()
        for index in part {
            let match = table.view.match(&sample[index], RouteContext(), scratch: &scratch, captures: &captures)
            if case .route = match { found += 1 }
        }
        rounds.append(Double(now() - before) / Double(part.count))
        if !misses, found != part.count { print("only \(found) of \(part.count) requests found a route") }
    }
    rounds.sort()
    return (rounds[rounds.count / 2], rounds[rounds.count - 1])
}

func pad(_ value: some CustomStringConvertible, _ width: Int) -> String {
    let text = value.description
    return String(repeating: " ", count: max(0, width - text.count)) + text
}

func measure(_ set: RouteSet, misses: Bool = false) {
    let memory = resident()
    let before = now()
    guard let table = try? RouteTable.compile(set.routes) else {
        print("\(set.name) does not compile")
        return
    }
    let compile = Double(now() - before) / 1e6
    let bytes = table.memory / set.routes.count
    let grown = max(0, resident() - memory) / set.routes.count
    let (median, worst) = matchTime(table, set.requests, misses: misses)
    print(
        pad(set.name, 16),
        pad(set.routes.count, 7),
        pad((compile * 10).rounded() / 10, 9),
        pad(bytes, 7),
        pad(grown, 7),
        pad(median.rounded(), 9),
        pad(worst.rounded(), 9)
    )
}

print("             set  routes compile ms  B/route  +rss/r median ns  worst ns")
measure(.mixed(count))
measure(.prefixes(count))
measure(.hosts(count))
measure(.headers(count))
measure(.headerPrefixes(10_000))
measure(.deep(8000), misses: true)
