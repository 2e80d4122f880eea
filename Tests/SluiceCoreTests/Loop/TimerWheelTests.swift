import SluiceCore
import Testing

/// A node that notes when it fires, and may do something then.
final class WheelNode: TimerNode {
    let name: Int
    private let wheel: TimerWheel
    private(set) var firings: [UInt64] = []
    var action: (() -> Void)?

    init(_ name: Int, on wheel: TimerWheel) {
        self.name = name
        self.wheel = wheel
        super.init()
    }

    override func deadlineReached() {
        firings.append(wheel.now)
        action?()
    }
}

@Suite("Timer wheel")
struct TimerWheelTests {
    private let wheel = TimerWheel()

    private func advance(by ticks: UInt64) { wheel.advance(to: wheel.now + ticks) }

    @Test(
        "fires once, at its tick and not before",
        arguments: [1, 2, 3, 100, 510, 511, 512, 513, 1023, 1024, 1025, 5000, 100_000] as [UInt64]
    )
    func once(deadline: UInt64) {
        let node = WheelNode(0, on: wheel)
        wheel.arm(node, at: deadline)
        while wheel.now < deadline - 1 { advance(by: 1) }
        #expect(node.firings.isEmpty)
        #expect(node.deadline == deadline)
        advance(by: 1)
        #expect(node.firings == [deadline])
        #expect(node.deadline == TimerNode.never)
        for _ in 0..<1100 { advance(by: 1) }
        #expect(node.firings == [deadline])
    }

    @Test("a span is counted from the next tick, since the current one is under way")
    func span() {
        let node = WheelNode(0, on: wheel)
        advance(by: 10)
        wheel.arm(node, in: 3)
        #expect(node.deadline == 14)
        advance(by: 3)
        #expect(node.firings.isEmpty)
        advance(by: 1)
        #expect(node.firings == [14])
    }

    @Test("a deadline that has passed fires at the next tick", arguments: [0, 1, 50, 99, 100])
    func past(deadline: UInt64) {
        wheel.advance(to: 100)
        let node = WheelNode(0, on: wheel)
        wheel.arm(node, at: deadline)
        #expect(node.firings.isEmpty, "never inside of the call")
        wheel.advance(to: 100)
        #expect(node.firings.isEmpty)
        wheel.advance(to: 101)
        #expect(node.firings == [101])
    }

    @Test("moved later it fires later, moved earlier earlier, as often as one likes")
    func moved() {
        let node = WheelNode(0, on: wheel)
        wheel.arm(node, at: 10)
        wheel.arm(node, at: 600)
        wheel.advance(to: 599)
        #expect(node.firings.isEmpty)
        wheel.arm(node, at: 2000)
        wheel.arm(node, at: 605)
        wheel.advance(to: 605)
        #expect(node.firings == [605])
    }

    @Test("disarmed or removed it does not fire; armed again it does")
    func disarmed() {
        let (a, b) = (WheelNode(0, on: wheel), WheelNode(1, on: wheel))
        wheel.arm(a, at: 5)
        wheel.arm(b, at: 5)
        a.disarm()
        wheel.remove(b)
        wheel.remove(b)
        b.disarm()
        #expect(a.deadline == TimerNode.never)
        wheel.advance(to: 4)
        wheel.arm(a, at: 7)
        wheel.arm(b, at: 6)
        wheel.advance(to: 20)
        #expect(a.firings == [7])
        #expect(b.firings == [6])
    }

    @Test(
        "never, in every form, disarms",
        arguments: [TimerNode.never, TimerNode.never - 1, TimerNode.never - 101, TimerNode.never - 100]
    )
    func never(ticks: UInt64) {
        wheel.advance(to: 100)
        let node = WheelNode(0, on: wheel)
        wheel.arm(node, at: 200)
        wheel.arm(node, in: ticks)
        #expect(node.deadline == TimerNode.never)
        wheel.advance(to: 2000)
        #expect(node.firings.isEmpty)
        wheel.arm(node, at: TimerNode.never)
        #expect(node.deadline == TimerNode.never)
    }

    @Test("the longest span that there is does not trap and does not fire")
    func longest() {
        wheel.advance(to: 100)
        let node = WheelNode(0, on: wheel)
        wheel.arm(node, in: TimerNode.never - 102)
        #expect(node.deadline == TimerNode.never - 1)
        advance(by: 2000)
        #expect(node.firings.isEmpty)
    }

    @Test(
        "after a long pause everything that is due fires, and nothing else",
        arguments: [1, 511, 512, 513, 1000, 100_000, 1 << 40] as [UInt64]
    )
    func pause(pause: UInt64) {
        wheel.advance(to: 77)
        let nodes = (0..<1500).map { WheelNode($0, on: wheel) }
        for node in nodes { wheel.arm(node, at: 77 + UInt64(node.name)) }
        advance(by: pause)
        for node in nodes {
            #expect(
                node.firings.count == (UInt64(node.name) <= pause && (node.name > 0 || pause > 0) ? 1 : 0),
                "node \(node.name)"
            )
            #expect(node.firings.allSatisfy { $0 >= 77 + UInt64(node.name) && $0 <= wheel.now })
        }
        advance(by: 1500)
        #expect(nodes.allSatisfy { $0.firings.count == 1 })
    }

    @Test("the clock never goes back")
    func backwards() {
        wheel.advance(to: 100)
        let node = WheelNode(0, on: wheel)
        wheel.arm(node, at: 50)
        wheel.advance(to: 10)
        #expect(wheel.now == 100)
        #expect(node.firings.isEmpty)
    }

    // MARK: - What a firing node may do

    @Test("a node that fires may arm itself again")
    func again() {
        let node = WheelNode(0, on: wheel)
        node.action = { [wheel, unowned node] in wheel.arm(node, in: 4) }
        wheel.arm(node, at: 5)
        wheel.advance(to: 25)
        #expect(node.firings == [5, 10, 15, 20, 25])
    }

    @Test("a node that fires may stop, move or start any other, due in the same tick or not")
    func others() {
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2]] {
            let wheel = TimerWheel()
            let nodes = (0..<4).map { WheelNode($0, on: wheel) }
            // Whoever is first does it to the other three.
            for node in nodes {
                node.action = { [unowned node] in
                    let rest = nodes.filter { $0 !== node && $0.firings.isEmpty }
                    guard rest.count == 3 else { return }
                    rest[0].disarm()
                    wheel.remove(rest[1])
                    wheel.arm(rest[2], at: 30)
                }
            }
            for name in order { wheel.arm(nodes[name], at: 10) }
            wheel.advance(to: 10)
            #expect(nodes.filter { !$0.firings.isEmpty }.count == 1)
            wheel.advance(to: 100)
            #expect(nodes.flatMap(\.firings).sorted() == [10, 30])
            for node in nodes { node.action = nil }
        }
    }

    @Test("the wheel holds no node that was removed, or that fired")
    func released() {
        weak var removed: WheelNode?
        weak var fired: WheelNode?
        do {
            let (a, b) = (WheelNode(0, on: wheel), WheelNode(1, on: wheel))
            (removed, fired) = (a, b)
            wheel.arm(a, at: 300)
            wheel.arm(b, at: 5)
            wheel.remove(a)
        }
        #expect(removed == nil)
        #expect(fired != nil, "an armed node is kept by the wheel")
        wheel.advance(to: 5)
        #expect(fired == nil)
    }

    @Test(
        "a removed node is let go, wherever in its slot it stood",
        arguments: [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 0, 2]]
    )
    func releasedInAnyOrder(order: [Int]) {
        weak var last: WheelNode?
        do {
            let nodes = (0..<4).map { WheelNode($0, on: wheel) }
            for node in nodes { wheel.arm(node, at: 300) }
            for place in order { wheel.remove(nodes[place]) }
            last = nodes[3]
            wheel.remove(nodes[3])
        }
        #expect(last == nil)
    }

    @Test("a node that another one moved while both were due stands in one slot only")
    func movedWhileDue() {
        weak var second: WheelNode?
        do {
            let (a, b) = (WheelNode(0, on: wheel), WheelNode(1, on: wheel))
            a.action = { [wheel, unowned b] in wheel.arm(b, at: 300) }
            second = b
            wheel.arm(a, at: 10)
            wheel.arm(b, at: 10)
            wheel.advance(to: 10)
            #expect(a.firings == [10])
            #expect(b.firings.isEmpty)
            wheel.remove(b)
        }
        #expect(second == nil)
    }

    @Test(
        "nanoseconds become ticks, rounded up, at least one",
        arguments: [
            (Int64.min, 1), (-1, 1), (0, 1), (1, 1), (49_999_999, 1), (50_000_000, 1), (50_000_001, 2),
            (1_000_000_000, 20), (60_000_000_000, 1200),
            (.max, 184_467_440_738), (.max - 50_000_000, 184_467_440_737),
        ] as [(Int64, UInt64)]
    )
    func ticks(nanoseconds: Int64, expected: UInt64) {
        #expect(TimerWheel.ticks(nanoseconds: nanoseconds) == expected)
    }
}
