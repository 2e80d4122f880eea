import SluiceCore
import SluiceUpstream

/// What is noted of a recorded exchange until it is over. Isolation: one loop.
final class ExchangeSpans {
    /// One try, as a span of its own: the upstream's spans hang below it.
    struct Attempt {
        let id: UInt64
        /// Nanoseconds of the monotonic clock; 0: not over yet.
        let began: UInt64
        var ended: UInt64 = 0
        var end: AttemptEnd?
        var endpoint: LoopEndpoint?
    }

    let context: TraceContext
    /// The id of the span of the exchange itself.
    let server: UInt64
    /// The caller's span; 0: the trace begins here.
    let parent: UInt64
    /// The id that the head tells the upstream at first.
    let firstClient: UInt64
    /// The trace that this one takes the place of.
    var link: TraceContext?
    /// `tracestate` as it goes on.
    var state: [UInt8] = []
    var attempts: [Attempt] = []
    /// Of the answer that the client got; 0: none.
    var status: UInt16 = 0

    init(_ context: TraceContext, server: UInt64, parent: UInt64, firstClient: UInt64) {
        self.context = context
        self.server = server
        self.parent = parent
        self.firstClient = firstClient
    }

    func begin(_ id: UInt64, at now: UInt64) { attempts.append(Attempt(id: id, began: now)) }

    func endLast(_ end: AttemptEnd, endpoint: LoopEndpoint?, at now: UInt64) {
        guard !attempts.isEmpty else { return }
        attempts[attempts.count - 1].ended = now
        attempts[attempts.count - 1].end = end
        attempts[attempts.count - 1].endpoint = endpoint
    }
}
