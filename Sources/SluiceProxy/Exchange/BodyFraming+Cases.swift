import SluiceCore

/// Which case it is. `==` on an enum of another target goes through a witness table, on every request.
extension BodyFraming {
    @inline(__always)
    var hasBody: Bool { if case .none = self { false } else { true } }

    @inline(__always)
    var isChunked: Bool { if case .chunked = self { true } else { false } }

    @inline(__always)
    var endsAtClose: Bool { if case .untilClose = self { true } else { false } }

    /// The length is not known when the head is written.
    @inline(__always)
    var isUnbounded: Bool { isChunked || endsAtClose }
}
