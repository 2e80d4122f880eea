import Glibc

/// Why a socket or a loop did not come about.
package enum SocketError: Error, Equatable, Sendable {
    /// The peer did not answer in time.
    case timeout
    /// It was closed while it was being connected.
    case closed
    /// What the system said.
    case system(CInt)

    /// The system's number for it, if it has one.
    package var code: CInt? { if case .system(let code) = self { code } else { nil } }
}
