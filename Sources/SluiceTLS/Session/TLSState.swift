/// Where a session stands.
package enum TLSState: Sendable, Equatable {
    case handshaking
    /// Data may go both ways.
    case open
    /// The peer said `close_notify`: nothing more comes from it. What it sent before is in `plain`; sealing still works.
    case peerClosed
    /// It is over. An alert may have been written to `out`; send it and close.
    case failed(TLSFailure)
}
