/// Something with one deadline on a `TimerWheel`: a connection, an attempt.
///
/// A base class rather than a member, so that a deadline costs no object of its own. Isolation: one loop.
open class TimerNode {
    /// When `deadlineReached` is due, in ticks of the wheel; `never` when nothing is due.
    package fileprivate(set) final var deadline = TimerNode.never
    fileprivate final var slot: Int32 = -1
    fileprivate final var place: Int32 = 0
    /// The tick at which the wheel looks at this node next.
    fileprivate final var checkedAt: UInt64 = 0

    package static let never = UInt64.max

    package init() {}

    /// Nothing is due any more; the node leaves its slot when that comes round.
    package final func disarm() { deadline = TimerNode.never }

    /// Called once when the deadline has passed; the node is disarmed by then and may be armed again.
    open func deadlineReached() {}
}

/// Coarse deadlines for everything on one loop: one recurring task instead of one per deadline.
///
/// Most deadlines are moved long before they pass (each request moves several), so moving one later is two stores: the
/// node stays in its slot, and only when that slot comes round is it put where it belongs. Precision is one tick.
///
/// Isolation: one loop. Allocates: only while a slot grows.
package final class TimerWheel {
    /// Length of a tick.
    package static let tickMilliseconds: Int64 = 50
    private static let slotCount = 512

    private var slots: [ContiguousArray<TimerNode>]
    /// The current time in ticks.
    package private(set) var now: UInt64 = 0

    package init() {
        self.slots = Array(repeating: [], count: Self.slotCount)
    }

    /// Nanoseconds as ticks, rounded up, at least one.
    package static func ticks(nanoseconds: Int64) -> UInt64 {
        let (whole, rest) = max(1, nanoseconds).quotientAndRemainder(dividingBy: tickMilliseconds * 1_000_000)
        return UInt64(rest > 0 ? whole + 1 : whole)
    }

    /// Sets the deadline of a node to `ticks` from now (one more tick is added, since the current one is under way).
    ///
    /// `TimerNode.never`, and what lies beyond the end of time, disarms it.
    @inline(__always)
    package func arm(_ node: TimerNode, in ticks: UInt64) {
        arm(node, at: ticks < TimerNode.never - now ? now + ticks + 1 : TimerNode.never)
    }

    /// Sets the deadline of a node to a tick.
    package func arm(_ node: TimerNode, at deadline: UInt64) {
        guard deadline != TimerNode.never else { return node.disarm() }
        node.deadline = deadline
        if node.slot >= 0 {
            if node.checkedAt <= deadline { return }
            unlink(node)
        }
        link(node)
    }

    /// Takes a node out at once, so that the wheel does not keep it alive.
    package func remove(_ node: TimerNode) {
        node.deadline = TimerNode.never
        if node.slot >= 0 { unlink(node) }
    }

    /// Moves the time on and fires what has become due.
    package func advance(to tick: UInt64) {
        while now < tick {
            // After a long pause (a stopped process) one look at every slot is enough.
            now = tick - now > UInt64(Self.slotCount) ? tick - UInt64(Self.slotCount) : now + 1
            fire(slot: Int(now % UInt64(Self.slotCount)))
        }
    }

    private func fire(slot index: Int) {
        guard !slots[index].isEmpty else { return }
        var due = ContiguousArray<TimerNode>()
        swap(&due, &slots[index])
        for node in due { node.slot = -1 }
        // A node that fires may remove or arm any other; each is looked at only if it is still out of every slot.
        for node in due where node.slot < 0 && node.deadline != TimerNode.never {
            if node.deadline <= now {
                node.deadline = TimerNode.never
                node.deadlineReached()
            } else {
                link(node)
            }
        }
        if slots[index].isEmpty {
            due.removeAll(keepingCapacity: due.capacity <= 64)
            slots[index] = due
        }
    }

    private func link(_ node: TimerNode) {
        let last = now + UInt64(Self.slotCount) - 1
        let at = min(max(node.deadline, now + 1), last)
        let index = Int(at % UInt64(Self.slotCount))
        node.checkedAt = at
        node.slot = Int32(index)
        node.place = Int32(slots[index].count)
        slots[index].append(node)
    }

    private func unlink(_ node: TimerNode) {
        let index = Int(node.slot)
        let place = Int(node.place)
        node.slot = -1
        guard slots[index].indices.contains(place), slots[index][place] === node else { return }
        let last = slots[index].removeLast()
        if last !== node {
            slots[index][place] = last
            last.place = Int32(place)
        }
    }
}
