/// How many health checks may be under way at once in the process; the others wait their turn.
///
/// Every endpoint has at most one check waiting or under way, which bounds the queue. Isolation: the control loop.
final class ProbeLimiter {
    private let limit: Int
    private var running = 0
    private var waiting: ContiguousArray<() -> Void> = []
    private var head = 0

    init(limit: Int) { self.limit = max(limit, 1) }

    /// Calls `start` as soon as there is room; `leave` must follow exactly once.
    func enter(_ start: @escaping () -> Void) {
        guard running >= limit else {
            running += 1
            return start()
        }
        waiting.append(start)
    }

    func leave() {
        guard head < waiting.count else {
            running -= 1
            return
        }
        let next = waiting[head]
        head += 1
        if head * 2 > waiting.count {
            waiting.removeFirst(head)
            head = 0
        }
        next()
    }
}
