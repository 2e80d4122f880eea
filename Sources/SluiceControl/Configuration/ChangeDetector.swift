import NIOCore

/// Decides from looks at the files when it is time to read them: when something changed and then held still.
///
/// | state   | same as before         | another signature     |
/// |---------|------------------------|-----------------------|
/// | settled | nothing                | moving from now on    |
/// | moving  | read after `stability` | moving from now on    |
///
/// A value without I/O.
struct ChangeDetector<Signature: Equatable & Sendable>: Sendable {
    private enum State: Sendable {
        case settled
        case moving(since: NIODeadline)
    }

    /// Between two looks while nothing changes.
    let pause: TimeAmount
    /// How long the files must hold still.
    let stability: TimeAmount
    private var seen: Signature
    private var state = State.settled

    init(_ signature: Signature, pause: TimeAmount = .milliseconds(500), stability: TimeAmount = .milliseconds(200)) {
        seen = signature
        self.pause = pause
        self.stability = stability
    }

    /// When to look again, from now.
    var nextLook: TimeAmount {
        if case .moving = state { .nanoseconds(stability.nanoseconds / 4) } else { pause }
    }

    /// Takes in a look.
    ///
    /// - Returns: whether to read the files now.
    mutating func observe(_ signature: Signature, at now: NIODeadline) -> Bool {
        guard signature == seen else {
            seen = signature
            state = .moving(since: now)
            return false
        }
        guard case .moving(let since) = state, now - since >= stability else { return false }
        state = .settled
        return true
    }

    /// Something is known to have changed that no look has seen.
    mutating func disturb(at now: NIODeadline) { state = .moving(since: now) }

    /// The files are read now for another reason; only what changes from here on counts.
    mutating func settle(_ signature: Signature) {
        seen = signature
        state = .settled
    }
}
