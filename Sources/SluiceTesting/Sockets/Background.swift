import Atomics
import Glibc
import NIOCore
import SluiceCore
import Synchronization

/// Takes a value to another thread, to be used there and not here until that has ended.
///
/// SAFETY: the test that hands something over keeps its hands off it until `Background.value` has returned.
package struct Handover<Value>: @unchecked Sendable {
    package let value: Value

    package init(_ value: Value) { self.value = value }
}

/// A piece of a test that runs on a thread of its own, for what must happen at the same time.
package final class Background<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let ends: (read: CInt, write: CInt)

    /// Starts it.
    package init(_ body: @escaping @Sendable () throws -> Value) {
        var pair: [CInt] = [-1, -1]
        _ = pipe(&pair)
        ends = (read: pair[0], write: pair[1])
        ControlThread.spawn(name: "test-background") { [self] in
            let outcome = Result { try body() }
            result.withLock { $0 = outcome }
            var byte: UInt8 = 1
            _ = write(ends.write, &byte, 1)
        }
    }

    deinit {
        close(ends.read)
        close(ends.write)
    }

    /// Waits for its end.
    package func value() throws -> Value {
        let isDone = Sockets.wait(ends.read, for: POLLIN, until: SystemClock.monotonic() + .seconds(60)) != 0
        guard isDone, let outcome = result.withLock({ $0 }) else { throw TestFailure("a background step did not end") }
        return try outcome.get()
    }
}
