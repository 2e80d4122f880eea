import SluiceCore
import Testing

/// A node that notes when it fires, and may do something then.
private final class Node: TimerNode {
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
        let node = Node(0, on: wheel)
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
        let node = Node(0, on: wheel)
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
        let node = Node(0, on: wheel)
        wheel.arm(node, at: deadline)
        #expect(node.firings.isEmpty, "never inside of the call")
        wheel.advance(to: 100)
        #expect(node.firings.isEmpty)
        wheel.advance(to: 101)
        #expect(node.firings == [101])
    }

    @Test("moved later it fires later, moved earlier earlier, as often as one likes")
    func moved() {
        let node = Node(0, on: wheel)
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
        let (a, b) = (Node(0, on: wheel), Node(1, on: wheel))
        wheel.arm(a, at: 5)
        wheel.arm(b, at: 5)
        wheel.disarm(a)
        wheel.remove(b)
        wheel.remove(b)
        wheel.disarm(b)
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
        let node = Node(0, on: wheel)
        wheel.arm(node, at: 200)
        wheel.arm(node, in: ticks)
        let isFinite = ticks < TimerNode.never - 101
        #expect((node.deadline == TimerNode.never) == !isFinite)
        wheel.advance(to: 2000)
        #expect(node.firings.isEmpty)
        wheel.arm(node, at: TimerNode.never)
        #expect(node.deadline == TimerNode.never)
    }

    @Test("the longest span that there is does not trap and does not fire")
    func longest() {
        wheel.advance(to: 100)
        let node = Node(0, on: wheel)
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
        let nodes = (0..<1500).map { Node($0, on: wheel) }
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
        let node = Node(0, on: wheel)
        wheel.arm(node, at: 50)
        wheel.advance(to: 10)
        #expect(wheel.now == 100)
        #expect(node.firings.isEmpty)
    }

    // MARK: - What a firing node may do

    @Test("a node that fires may arm itself again")
    func again() {
        let node = Node(0, on: wheel)
        node.action = { [wheel, unowned node] in wheel.arm(node, in: 4) }
        wheel.arm(node, at: 5)
        wheel.advance(to: 25)
        #expect(node.firings == [5, 10, 15, 20, 25])
    }

    @Test("a node that fires may stop, move or start any other, due in the same tick or not")
    func others() {
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2]] {
            let wheel = TimerWheel()
            let nodes = (0..<4).map { Node($0, on: wheel) }
            // Whoever is first does it to the other three.
            for node in nodes {
                node.action = { [unowned node] in
                    let rest = nodes.filter { $0 !== node && $0.firings.isEmpty }
                    guard rest.count == 3 else { return }
                    wheel.disarm(rest[0])
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
        weak var removed: Node?
        weak var fired: Node?
        do {
            let (a, b) = (Node(0, on: wheel), Node(1, on: wheel))
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

    // MARK: - Against a naive model

    @Test("random sequences agree with a list that is searched at every tick", arguments: 0..<24 as Range<UInt64>)
    func againstModel(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        func below(_ bound: Int) -> Int { Int(random.below(UInt64(bound))) }
        let wheel = TimerWheel()
        let nodes = (0..<24).map { Node($0, on: wheel) }
        /// When each node fires next; a deadline that has passed waits for the next tick.
        var due = [UInt64?](repeating: nil, count: nodes.count)
        var expected = [[UInt64]](repeating: [], count: nodes.count)
        for step in 0..<4000 {
            let name = below(nodes.count)
            let now = wheel.now
            switch below(10) {
            case 0...3:
                let deadline =
                    below(8) == 0 ? UInt64(below(Int(now) + 1)) : now + UInt64(below([3, 60, 600, 2000][below(4)]))
                wheel.arm(nodes[name], at: deadline)
                due[name] = max(deadline, now + 1)
            case 4:
                let ticks = UInt64(below(700))
                wheel.arm(nodes[name], in: ticks)
                due[name] = now + ticks + 1
            case 5:
                wheel.disarm(nodes[name])
                due[name] = nil
            case 6:
                wheel.remove(nodes[name])
                due[name] = nil
            default:
                // Now and then the process was stopped for long: then only that they fire is known, not at which tick.
                let isPause = below(12) == 0
                let ticks = UInt64(isPause ? 513 + below(2000) : 1 + below(40))
                wheel.advance(to: now + ticks)
                for node in nodes {
                    guard let tick = due[node.name], tick <= wheel.now else { continue }
                    due[node.name] = nil
                    let fired = node.firings.count > expected[node.name].count ? node.firings.last : nil
                    let isRight = isPause ? fired.map { $0 >= tick && $0 <= wheel.now } ?? false : fired == tick
                    try #require(
                        isRight,
                        "seed \(seed), step \(step): node \(node.name) due at \(tick) fired at \(fired ?? 0)"
                    )
                    expected[node.name].append(fired ?? tick)
                }
            }
            for node in nodes {
                try #require(node.firings == expected[node.name], "seed \(seed), step \(step), node \(node.name)")
                try #require(
                    (node.deadline == TimerNode.never) == (due[node.name] == nil),
                    "seed \(seed), step \(step)"
                )
            }
        }
    }
}
