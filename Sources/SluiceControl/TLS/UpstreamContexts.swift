import SluiceTLS
import Synchronization

/// What connections to upstreams are secured with, for those who open few of them: health checks. Isolation: any thread.
final class UpstreamContexts: Sendable {
    private let contexts = Mutex<[String: TLSClientContext]>([:])

    subscript(upstream: String) -> TLSClientContext? { contexts.withLock { $0[upstream] } }

    func replace(by next: [String: TLSClientContext]) { contexts.withLock { $0 = next } }
}
