import Glibc
import SluiceCore
import Testing

@testable import SluiceControl

/// An admin API that the system gives nothing for.
@Suite struct AdminStartTests {
    @Test func withoutDescriptorsItIsSaidWhatDoesNotStart() async {
        await #expect(processExitsWith: .success) {
            var none = rlimit()
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none)
            do {
                _ = try AdminServer(
                    facts: GatewayFacts(),
                    metrics: MetricsRegistry(),
                    upstreams: { [] },
                    orders: AdminOrders(),
                    shortage: ResourceShortage { _ in }
                )
            } catch let error as StartError {
                let expected = "the admin API: cannot start an event loop: Too many open files"
                exit(error.message == expected ? 0 : 2)
            } catch {
                exit(3)
            }
            exit(1)
        }
    }
}
