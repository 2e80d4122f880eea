import NIOCore
import SluiceCore
import SluiceTranscoding
import Synchronization

/// The descriptors that a server told last, for all loops. What was good stays until something better is there.
///
/// Isolation: any thread.
final class ReflectedDescriptors: Sendable {
    private struct State {
        var files: [[UInt8]] = []
        var pool: DescriptorPool?
        var isFetching = false
        /// In nanoseconds of the monotonic clock.
        var nextFetch: UInt64 = 0
        var problem = ""
    }

    private let name: String
    private let background: any BackgroundServices
    private let refresh: UInt64
    private let state = Mutex(State())
    private let count = Atomic<Int>(0)

    /// - Parameter name: of the upstream.
    init(_ name: String, refresh: TimeAmount, _ background: any BackgroundServices) {
        self.name = name
        self.refresh = UInt64(max(1, refresh.nanoseconds))
        self.background = background
    }

    /// Moves on with each new set; 0: there is none yet.
    var generation: Int { count.load(ordering: .acquiring) }

    var pool: DescriptorPool? { state.withLock { $0.pool } }

    /// Whether the caller is to fetch now; it says `fetched` when it is done.
    func claim(now: UInt64) -> Bool {
        state.withLock { state in
            guard !state.isFetching, now >= state.nextFetch else { return false }
            state.isFetching = true
            return true
        }
    }

    /// What came of a fetch. Compiling is work for another thread.
    func fetched(_ result: Result<[[UInt8]], ReflectionProblem>, now: UInt64) {
        background.loop.execute { self.take(result, now: now) }
    }

    private func take(_ result: Result<[[UInt8]], ReflectionProblem>, now: UInt64) {
        let wait: UInt64
        switch result {
        case .failure(let problem):
            report(problem.text)
            wait = min(refresh, 2_000_000_000)
        case .success(let files):
            wait = refresh
            compile(files)
        }
        state.withLock { state in
            state.isFetching = false
            state.nextFetch = now &+ wait
        }
    }

    private func compile(_ files: [[UInt8]]) {
        // Servers hand out what they have in no particular order.
        let files = files.sorted { $0.lexicographicallyPrecedes($1) }
        guard state.withLock({ $0.files != files || $0.pool == nil }) else { return report("") }
        do throws(DescriptorError) {
            let pool = try DescriptorPool(files: files)
            state.withLock { state in
                state.pool = pool
                state.files = files
            }
            count.add(1, ordering: .releasing)
            report("")
        } catch {
            report(error.problems.first ?? "its descriptors are unsound")
        }
    }

    /// Tells operators what is wrong, once; an empty text: nothing is.
    func report(_ problem: String) {
        let isNew = state.withLock { state in
            defer { state.problem = problem }
            return state.problem != problem
        }
        guard isNew else { return }
        let source = "grpc_json: reflection of upstream '\(name)'"
        background.log(problem.isEmpty ? "\(source) is fine again" : "\(source): \(problem)")
    }
}
