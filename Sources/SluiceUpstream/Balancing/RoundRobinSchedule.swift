internal import SluiceCore

/// Weighted round robin by earliest deadline: whoever is due first goes, and is due again after 1/weight.
///
/// In any run of as many picks as the weights sum to, each endpoint comes exactly as often as its weight says, spread
/// out rather than in bursts. Every endpoint starts at a random point of its period, so that loops (and processes)
/// with the same list do not march in step. A pick costs O(log n), with excluded endpoints O(n). Equal weights, the
/// usual case, keep the order they start with, so there a pick only moves a cursor.
struct RoundRobinSchedule: Sendable {
    private struct Turn {
        var due: Double
        var period: Double
        var id: Int
        var index: Int

        static func < (a: Turn, b: Turn) -> Bool { a.due < b.due || (a.due == b.due && a.index < b.index) }
    }

    /// A binary heap, the earliest turn first; with equal weights simply the order.
    private var turns: [Turn] = []
    private var isUniform = true
    /// Who is next, with equal weights.
    private var cursor = 0

    init() {}

    init(_ candidates: [Int], of endpoints: [BalancedEndpoint], random: inout RandomSource) {
        for index in candidates {
            let period = 1 / Double(endpoints[index].weight)
            let start = Double(random.next() >> 11) * 0x1p-53
            turns.append(Turn(due: start * period, period: period, id: endpoints[index].id, index: index))
        }
        // A sorted array is a heap.
        turns.sort(by: <)
        isUniform = turns.allSatisfy { $0.period == turns[0].period }
    }

    /// The next endpoint that is not in `tried`; nil when there is none. Allocates: never.
    mutating func next(excluding tried: TriedEndpoints) -> Int? {
        isUniform ? nextInOrder(excluding: tried) : nextDue(excluding: tried)
    }

    private mutating func nextInOrder(excluding tried: TriedEndpoints) -> Int? {
        for _ in 0..<turns.count {
            let turn = turns[cursor]
            cursor = cursor + 1 < turns.count ? cursor + 1 : 0
            if tried.isEmpty || !tried.contains(turn.id) { return turn.index }
        }
        return nil
    }

    private mutating func nextDue(excluding tried: TriedEndpoints) -> Int? {
        var chosen = 0
        if !tried.isEmpty {
            guard let first = firstDue(excluding: tried) else { return nil }
            chosen = first
        }
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

    /// Moves a turn that has become later to where it belongs: the earlier ones below it move up in its place.
    private mutating func siftDown(_ start: Int) {
        let moved = turns[start]
        var place = start
        while true {
            var child = 2 * place + 1
            guard child < turns.count else { break }
            if child + 1 < turns.count, turns[child + 1] < turns[child] { child += 1 }
            guard turns[child] < moved else { break }
            turns[place] = turns[child]
            place = child
        }
        turns[place] = moved
    }
}
