import Atomics
import NIOCore
import SluiceConfig
import SluiceCore

/// Throws the dice for each request, and delays or answers it. Isolation: one loop. Allocates: for those that are hit.
final class FaultFilter: Filter {
    private static let family = MetricFamily(
        "sluice_faults_total",
        .counter,
        help: "Requests that were failed or delayed on purpose, and delays left out since too many waited.",
        labels: ["filter", "fault"]
    )

    /// A share of all requests, as a part of 2^32.
    private struct Dice {
        let hits: UInt64

        init(_ share: Double) { hits = UInt64(max(0, min(1, share)) * 4_294_967_296) }
    }

    private let abort: (dice: Dice, status: UInt16)?
    private let delay: (dice: Dice, shortest: UInt64, span: UInt64)?
    private let fromHeaders: Bool
    private let maxDelayed: Int
    private let loop: LoopContext
    private let slot: Int
    private let aborted: Counter
    private let delayed: Counter
    private let skipped: Counter
    private let waiting: UnsafeAtomic<Int>
    /// Keeps the memory of `waiting`.
    private let waitingCount: WaitingCount

    init(_ configuration: FaultConfiguration, _ resources: FilterResources) {
        abort = configuration.abort.map { (dice: Dice($0.share), status: UInt16(clamping: $0.status)) }
        delay = configuration.delay.map { delay in
            let shortest = UInt64(clamping: delay.shortest.nanoseconds)
            return (
                dice: Dice(delay.share), shortest: shortest,
                span: UInt64(clamping: delay.longest.nanoseconds) - shortest
            )
        }
        fromHeaders = configuration.fromHeaders
        maxDelayed = configuration.maxDelayed
        loop = resources.loop
        slot = resources.slot
        aborted = resources.metrics.counter(Self.family, [resources.identity, "abort"])
        delayed = resources.metrics.counter(Self.family, [resources.identity, "delay"])
        skipped = resources.metrics.counter(Self.family, [resources.identity, "skipped"])
        waitingCount = resources.shared(resources.identity) { WaitingCount() }
        waiting = waitingCount.value
    }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        let asked = fromHeaders ? FaultHeaders.take(from: &exchange.request.fields) : FaultHeaders()
        let pause = asked.delay ?? chosenDelay()
        let status = asked.status ?? chosenStatus()
        guard let pause, holds(exchange, for: pause, then: status) else { return verdict(status) }
        return .wait
    }

    private func chosenStatus() -> UInt16? {
        guard let abort, isHit(abort.dice) else { return nil }
        return abort.status
    }

    /// Nanoseconds.
    private func chosenDelay() -> UInt64? {
        guard let delay, isHit(delay.dice) else { return nil }
        return delay.shortest + loop.random.below(delay.span + 1)
    }

    private func isHit(_ dice: Dice) -> Bool { loop.random.next() >> 32 < dice.hits }

    private func verdict(_ status: UInt16?) -> HeadVerdict {
        guard let status else { return .next }
        aborted.increment()
        var reply = LocalReply(.faultInjected)
        reply.status = status
        return .respond(reply)
    }

    // MARK: - Waiting

    /// - Returns: false when too many wait already, so that this one is not delayed.
    private func holds(_ exchange: ExchangeContext, for nanoseconds: UInt64, then status: UInt16?) -> Bool {
        guard exchange.slots.indices.contains(slot), takePlace() else {
            skipped.increment()
            return false
        }
        delayed.increment()
        let wait = Wait(self, FilterTicket(exchange), status)
        exchange.slots[slot] = wait
        loop.wheel.arm(wait, in: TimerWheel.ticks(nanoseconds: Int64(clamping: nanoseconds)))
        return true
    }

    private func takePlace() -> Bool {
        var seen = waiting.load(ordering: .relaxed)
        while seen < maxDelayed {
            let result = waiting.weakCompareExchange(expected: seen, desired: seen + 1, ordering: .relaxed)
            if result.exchanged { return true }
            seen = result.original
        }
        return false
    }

    var wantsEnd: Bool { delay != nil || fromHeaders }

    /// A client that leaves while its request waits takes its place and its timer along.
    func onEnd(_ exchange: ExchangeContext) {
        guard exchange.slots.indices.contains(slot), let wait = exchange.slots[slot] as? Wait else { return }
        exchange.slots[slot] = nil
        loop.wheel.remove(wait)
        leave(wait)
    }

    private func leave(_ wait: Wait) {
        guard wait.hasPlace else { return }
        wait.hasPlace = false
        waiting.wrappingDecrement(ordering: .relaxed)
    }

    private func isOver(_ wait: Wait) {
        leave(wait)
        wait.ticket.resume(verdict(wait.status))
    }

    /// A request that waits; in the slot of its exchange and in the wheel, until either lets go of it.
    private final class Wait: TimerNode {
        private let filter: FaultFilter
        let ticket: FilterTicket
        let status: UInt16?
        var hasPlace = true

        init(_ filter: FaultFilter, _ ticket: FilterTicket, _ status: UInt16?) {
            self.filter = filter
            self.ticket = ticket
            self.status = status
            super.init()
        }

        override func deadlineReached() { filter.isOver(self) }
    }
}

/// How many requests wait, over all loops.
final class WaitingCount: Sendable {
    let value = UnsafeAtomic<Int>.create(0)

    deinit { value.destroy() }
}

/// What a request asks for itself.
struct FaultHeaders {
    private static let abort = FieldKey("x-fault-abort")
    private static let delay = FieldKey("x-fault-delay")

    private(set) var status: UInt16?
    /// Nanoseconds, at most the longest that can be configured.
    private(set) var delay: UInt64?

    /// Reads the fields and takes them out: an upstream that injects faults itself would do it twice.
    ///
    /// A value that makes no sense, and a field that is there twice, asks for nothing.
    static func take(from fields: inout HeaderTable) -> FaultHeaders {
        var asked = FaultHeaders()
        if let text = take(abort, from: &fields), text.utf8.allSatisfy(ASCII.isDigit), let status = UInt16(text),
            (200...599).contains(status)
        {
            asked.status = status
        }
        if let text = take(delay, from: &fields), case .success(let amount) = Units.duration(text), amount > .zero {
            asked.delay = UInt64(clamping: min(amount, FaultConfiguration.longestDelay).nanoseconds)
        }
        return asked
    }

    private static func take(_ key: FieldKey, from fields: inout HeaderTable) -> String? {
        guard let index = fields.firstIndex(of: key) else { return nil }
        let isOnly = fields.firstIndex(of: key, from: index + 1) == nil
        let range = fields.entries[index].valueRange
        let text = isOnly && range.count <= 32 ? fields.string(range) : nil
        fields.remove(key)
        return text
    }
}
