import NIOPosix

/// Runs `body` on several threads at once, `rounds` times on each, and waits for all of them.
func inParallel(threads: Int = 4, rounds: Int, _ body: @escaping @Sendable (_ thread: Int) -> Void) async throws {
    let pool = NIOThreadPool(numberOfThreads: threads)
    pool.start()
    try await withThrowingTaskGroup(of: Void.self) { group in
        for thread in 0..<threads {
            group.addTask {
                try await pool.runIfActive { for _ in 0..<rounds { body(thread) } }
            }
        }
        try await group.waitForAll()
    }
    try await pool.shutdownGracefully()
}
