/// A task that a loop runs at a time.
// SAFETY: touched on its loop's thread only, but for being made and passed there.
final class LoopTimer: @unchecked Sendable {
    /// In nanoseconds of the monotonic clock.
    let deadline: UInt64
    fileprivate var order: UInt64 = 0
    /// Where it is in the heap; -1: nowhere.
    fileprivate var place = -1
    private var run: (() -> Void)?
    private var whenCancelled: (() -> Void)?

    /// - Parameter whenCancelled: called instead of `run` when the loop ends before.
    init(deadline: UInt64, run: @escaping () -> Void, whenCancelled: (() -> Void)? = nil) {
        self.deadline = deadline
        self.run = run
        self.whenCancelled = whenCancelled
    }

    func fire() {
        let run = self.run
        forget()
        run?()
    }

    func cancel() {
        let whenCancelled = self.whenCancelled
        forget()
        whenCancelled?()
    }

    /// Nothing of what it holds is needed any more.
    fileprivate func forget() {
        run = nil
        whenCancelled = nil
    }
}

/// The timers of a loop, the first one on top; those of the same time in the order they came. Isolation: the loop.
struct TimerHeap {
    private var heap: ContiguousArray<LoopTimer> = []
    private var count: UInt64 = 0

    var first: LoopTimer? { heap.first }

    mutating func insert(_ timer: LoopTimer) {
        count += 1
        timer.order = count
        timer.place = heap.count
        heap.append(timer)
        rise(timer.place)
    }

    /// The next one whose time has come.
    mutating func popDue(_ now: UInt64) -> LoopTimer? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        takeOut(0)
        return first
    }

    mutating func remove(_ timer: LoopTimer) {
        timer.forget()
        let place = timer.place
        guard heap.indices.contains(place), heap[place] === timer else { return }
        takeOut(place)
    }

    mutating func cancelAll() {
        let all = heap
        heap = []
        for timer in all {
            timer.place = -1
            timer.cancel()
        }
    }

    private mutating func takeOut(_ place: Int) {
        heap[place].place = -1
        let last = heap.removeLast()
        guard place < heap.count else { return }
        heap[place] = last
        last.place = place
        rise(place)
        sink(last.place)
    }

    private static func isBefore(_ one: LoopTimer, _ other: LoopTimer) -> Bool {
        (one.deadline, one.order) < (other.deadline, other.order)
    }

    private mutating func rise(_ start: Int) {
        var place = start
        while place > 0, Self.isBefore(heap[place], heap[(place - 1) / 2]) {
            exchange(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2]
            where child < heap.count && Self.isBefore(heap[child], heap[least]) {
                least = child
            }
            guard least != place else { return }
            exchange(place, least)
            place = least
        }
    }

    private mutating func exchange(_ one: Int, _ other: Int) {
        heap.swapAt(one, other)
        heap[one].place = one
        heap[other].place = other
    }
}
