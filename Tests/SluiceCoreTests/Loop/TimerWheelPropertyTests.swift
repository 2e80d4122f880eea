import SluiceCore
import Testing

@Suite("Timer wheel against a naive model")
struct TimerWheelPropertyTests {
    private let wheel = TimerWheel()

    @Test("random sequences agree with a list that is searched at every tick", arguments: 0..<24 as Range<UInt64>)
    func againstModel(seed: UInt64) throws {
        var model = Model(seed: seed, wheel: wheel)
        for step in 0..<4000 {
            model.step()
            let problem = model.problem
            try #require(problem == nil, "seed \(seed), step \(step): \(problem ?? "")")
        }
    }
}

/// Deadlines in a list, beside the wheel that is to agree with it.
private struct Model {
    private var random: RandomSource
    private let wheel: TimerWheel
    private let nodes: [WheelNode]
    /// When each node fires next; a deadline that has passed waits for the next tick.
    private var due: [UInt64?]
    private var expected: [[UInt64]]
    /// What did not agree; nil: all is well.
    private(set) var problem: String?

    init(seed: UInt64, wheel: TimerWheel) {
        random = RandomSource(seed: seed)
        self.wheel = wheel
        nodes = (0..<24).map { WheelNode($0, on: wheel) }
        due = Array(repeating: nil, count: nodes.count)
        expected = Array(repeating: [], count: nodes.count)
    }

    private mutating func below(_ bound: Int) -> Int { Int(random.below(UInt64(bound))) }

    /// Does one random thing to both.
    mutating func step() {
        let name = below(nodes.count)
        let now = wheel.now
        switch below(10) {
        case 0...3:
            let span = [3, 60, 600, 2000][below(4)]
            let deadline = below(8) == 0 ? UInt64(below(Int(now) + 1)) : now + UInt64(below(span))
            wheel.arm(nodes[name], at: deadline)
            due[name] = max(deadline, now + 1)
        case 4:
            let ticks = UInt64(below(700))
            wheel.arm(nodes[name], in: ticks)
            due[name] = now + ticks + 1
        case 5:
            nodes[name].disarm()
            due[name] = nil
        case 6:
            wheel.remove(nodes[name])
            due[name] = nil
        default:
            let isPause = below(12) == 0
            advance(by: UInt64(isPause ? 513 + below(2000) : 1 + below(40)), isPause: isPause)
        }
        for node in nodes {
            if node.firings != expected[node.name] { problem = "node \(node.name) fired at \(node.firings.last ?? 0)" }
            let isArmed = node.deadline != TimerNode.never
            if isArmed != (due[node.name] != nil) { problem = "node \(node.name) is armed: \(isArmed)" }
        }
    }

    /// After a pause (the process was stopped) it is only known that what was due has fired, not at which tick.
    private mutating func advance(by ticks: UInt64, isPause: Bool) {
        wheel.advance(to: wheel.now + ticks)
        for node in nodes {
            guard let tick = due[node.name], tick <= wheel.now else { continue }
            due[node.name] = nil
            let fired = node.firings.count > expected[node.name].count ? node.firings.last ?? 0 : 0
            let isRight = isPause ? fired >= tick && fired <= wheel.now : fired == tick
            if !isRight { problem = "node \(node.name), due at \(tick), fired at \(fired)" }
            expected[node.name].append(fired)
        }
    }
}
