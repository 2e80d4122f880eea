import NIOCore
import SluiceConfig
import SluiceCore

/// Decides which trace a request belongs to, tells the upstream, and notes the spans of recorded ones.
///
/// A request that is not recorded costs the look for the headers and the writing of one.
///
/// Isolation: one loop. Allocates: for recorded requests only, and where a head has no `traceparent` that can be written
/// over, or several `tracestate`.
final class TraceFilter: Filter {
    private let trust: TraceTrust
    private let accept: [TraceFormat]
    private let emit: Emission
    private let sampler: TraceSampler
    private let loop: LoopContext
    private let slot: Int
    /// nil: spans go nowhere.
    private let spans: LoopSpans?
    private let writer = TraceWriter()
    private var state = TraceState()
    private let looksForB3: Bool

    init(_ configuration: TraceConfiguration, _ resources: FilterResources) {
        trust = configuration.trust
        // Own copies: no two loops are to count references on the same array.
        accept = configuration.accept.map { $0 }
        emit = Emission(configuration.emit)
        sampler = TraceSampler(share: configuration.sample)
        loop = resources.loop
        slot = resources.slot
        spans = SpanExporter.of(resources)?.spans(of: resources)
        // Where the trace begins anew, nothing of another one may stay in the head.
        looksForB3 = accept != [.w3c] || configuration.emit.map { $0 != [.w3c] } ?? false || trust == .restart
    }

    var wantsResponse: Bool { spans != nil }
    var wantsAttempts: Bool { spans != nil }
    var wantsEnd: Bool { spans != nil }

    // MARK: - Request

    /// What was decided about a request.
    private struct Joined {
        let context: TraceContext
        /// What the trace goes on from; nil: it begins here.
        let base: TraceContext?
        let incoming: TraceContext?
        let span: UInt64
        let state: TraceState.Outcome
        let found: TraceFields
    }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        let joined = join(&exchange.request.fields)
        exchange.traceID = joined.context.id
        if spans != nil, joined.context.isSampled == true { record(exchange, joined) }
        return .next
    }

    private func join(_ fields: inout HeaderTable) -> Joined {
        let found = TraceFields(&fields, withB3: looksForB3)
        let (incoming, format, decision) = read(fields, found)
        let base = trust == .restart ? nil : incoming
        var context = base ?? newTrace()
        context.isSampled = decide(incoming, decision)
        // Only a list that came with the trace goes on with it, and it is looked at only if the trace does.
        let isW3C = if case .w3c = format { base != nil } else { false }
        let outcome = isW3C ? state.judge(fields, found.state) : .none
        let span = spanID()
        write(context, span: span, outcome, found, format, to: &fields)
        return Joined(context: context, base: base, incoming: incoming, span: span, state: outcome, found: found)
    }

    /// The context that the caller sent, in the first of the accepted formats that is there and valid.
    private func read(
        _ fields: HeaderTable,
        _ found: TraceFields
    ) -> (context: TraceContext?, format: TraceFormat, decision: Bool?) {
        var decision: Bool?
        for format in accept {
            switch format {
            case .w3c:
                if let context = fields.value(found.parent, TraceParent.parse) { return (context, .w3c, nil) }
            case .b3, .b3multi:
                guard found.hasB3 else { continue }
                switch B3.read(fields, found) {
                case .context(let context): return (context, found.b3.isThere ? .b3 : .b3multi, nil)
                case .decision(let isSampled): decision = isSampled
                case nil: break
                }
            }
        }
        return (nil, .w3c, decision)
    }

    private func decide(_ incoming: TraceContext?, _ decision: Bool?) -> Bool {
        if trust == .continue, let said = incoming?.isSampled ?? decision { return said }
        return sampler.samples(&loop.random)
    }

    /// A trace that begins here. All of its id is random.
    private func newTrace() -> TraceContext {
        var id = TraceID(high: loop.random.next(), low: loop.random.next())
        while !id.isValid { id = TraceID(high: loop.random.next(), low: loop.random.next()) }
        return TraceContext(id: id, parent: 0, isRandom: true)
    }

    private func spanID() -> UInt64 {
        while true {
            let id = loop.random.next()
            if id != 0 { return id }
        }
    }

    private func write(
        _ context: TraceContext,
        span: UInt64,
        _ state: TraceState.Outcome,
        _ found: TraceFields,
        _ format: TraceFormat,
        to fields: inout HeaderTable
    ) {
        let forms = emit.forms(for: format)
        if forms.contains(.w3c) {
            writer.writeParent(context, span: span, found.parent, to: &fields)
            writer.writeState(state, found.state, to: &fields)
        } else {
            writer.removeW3C(found, from: &fields)
        }
        if found.hasB3 { writer.removeB3(from: &fields) }
        if forms.contains(.b3) { writer.appendB3(context, span: span, to: &fields) }
        if forms.contains(.b3multi) { writer.appendSeveralB3(context, span: span, to: &fields) }
    }

    // MARK: - Spans

    private func record(_ exchange: ExchangeContext, _ joined: Joined) {
        let now = loop.now.uptimeNanoseconds
        if !exchange.record.isTimed {
            exchange.record.isTimed = true
            exchange.record.began = now
        }
        let parent = joined.base?.parent ?? 0
        let record = ExchangeSpans(joined.context, server: spanID(), parent: parent, firstClient: joined.span)
        if trust == .restart { record.link = joined.incoming }
        switch joined.state {
        case .none: break
        case .rewritten(let bytes): record.state = bytes
        case .asItCame:
            let fields = exchange.request.fields
            let place = joined.found.state.first
            if fields.entries.indices.contains(place) {
                record.state = fields.withBytes(fields.entries[place].valueRange) { Array($0) }
            }
        }
        exchange.slots[slot] = record
    }

    func onAttempt(_ exchange: ExchangeContext) {
        guard let record = exchange.slots[slot] as? ExchangeSpans else { return }
        let now = loop.now.uptimeNanoseconds
        guard !record.attempts.isEmpty else { return record.begin(record.firstClient, at: now) }
        let span = spanID()
        record.begin(span, at: now)
        tell(record.context, span: span, &exchange.request.fields)
    }

    /// The head says another parent for another try. Fields that a later filter took out stay out.
    private func tell(_ context: TraceContext, span: UInt64, _ fields: inout HeaderTable) {
        let found = TraceFields(&fields, withB3: true)
        if found.parent.isThere { writer.writeParent(context, span: span, found.parent, to: &fields) }
        guard found.hasB3 else { return }
        writer.removeB3(from: &fields)
        if found.b3.isThere { writer.appendB3(context, span: span, to: &fields) }
        if found.b3TraceID.isThere { writer.appendSeveralB3(context, span: span, to: &fields) }
    }

    func onAttemptEnd(_ exchange: ExchangeContext, _ end: AttemptEnd) {
        guard let record = exchange.slots[slot] as? ExchangeSpans else { return }
        record.endLast(end, endpoint: exchange.record.endpoint, at: loop.now.uptimeNanoseconds)
    }

    func onResponse(_ exchange: ExchangeContext) {
        guard let record = exchange.slots[slot] as? ExchangeSpans else { return }
        record.status = exchange.response.status
    }

    func onEnd(_ exchange: ExchangeContext) {
        guard let spans, let record = exchange.slots[slot] as? ExchangeSpans else { return }
        exchange.slots[slot] = nil
        spans.add(record, of: exchange)
    }
}

/// In which forms a context goes upstream.
private struct Emission {
    struct Forms: OptionSet {
        let rawValue: UInt8
        static let w3c = Forms(rawValue: 1)
        static let b3 = Forms(rawValue: 2)
        static let b3multi = Forms(rawValue: 4)

        init(rawValue: UInt8) { self.rawValue = rawValue }

        init(_ format: TraceFormat) {
            switch format {
            case .w3c: self = .w3c
            case .b3: self = .b3
            case .b3multi: self = .b3multi
            }
        }
    }

    /// nil: as it came, and W3C in any case.
    private let fixed: Forms?

    init(_ formats: [TraceFormat]?) { fixed = formats.map { $0.reduce(into: []) { $0.formUnion(Forms($1)) } } }

    /// - Parameter format: in which the context came; W3C if none did.
    func forms(for format: TraceFormat) -> Forms { fixed ?? Forms(format).union(.w3c) }
}

/// Decides about a share of traces.
struct TraceSampler {
    private let threshold: UInt64
    private let isAll: Bool

    /// - Parameter share: 0 ... 1
    init(share: Double) {
        isAll = share >= 1
        threshold = isAll ? .max : UInt64(max(0, share) * 18_446_744_073_709_551_616)
    }

    func samples(_ random: inout RandomSource) -> Bool { isAll || random.next() < threshold }
}
