internal import SluiceCore

/// Weighted round robin by earliest deadline: whoever is due first goes, and is due again after 1/weight.
///
/// In any run of as many picks as the weights sum to, each endpoint comes exactly as often as its weight says, spread
/// out rather than in bursts. Every endpoint starts at a random point of its period, so that loops (and processes)
/// with the same list do not march in step. A pick costs O(log n), with excluded endpoints O(n).
struct RoundRobinSchedule: Sendable {
    private struct Turn {
        var due: Double
        var period: Double
        var id: Int
        var index: Int

        static func < (a: Turn, b: Turn) -> Bool { a.due < b.due || (a.due == b.due && a.index < b.index) }
    }

    /// A binary heap, the earliest turn first.
    private var turns: [Turn] = []

    init() {}

    init(_ candidates: [Int], of endpoints: [BalancedEndpoint], random: inout RandomSource) {
        for index in candidates {
            let period = 1 / Double(endpoints[index].weight)
            let start = Double(random.next() >> 11) * 0x1p-53
            turns.append(Turn(due: start * period, period: period, id: endpoints[index].id, index: index))
        }
        // A sorted array is a heap.
        turns.sort(by: <)
    }

    /// The next endpoint that is not in `tried`; nil when there is none. Allocates: never.
    mutating func next(excluding tried: TriedEndpoints) -> Int? {
        var chosen = 0
        if !tried.isEmpty {
            guard let first = firstDue(excluding: tried) else { return nil }
            chosen = first
        }
        guard chosen < turns.count else { return nil }
        turns[chosen].due += turns[chosen].period
        let index = turns[chosen].index
        siftDown(chosen)
        return index
    }

    private func firstDue(excluding tried: TriedEndpoints) -> Int? {
        var best: Int?
        for i in turns.indices where !tried.contains(turns[i].id) {
            if let known = best, !(turns[i] < turns[known]) { continue }
            best = i
        }
        return best
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            let left = 2 * parent + 1
            if left < turns.count, turns[left] < turns[least] { least = left }
            if left + 1 < turns.count, turns[left + 1] < turns[least] { least = left + 1 }
            if least == parent { return }
            turns.swapAt(parent, least)
            parent = least
        }
    }
}
