import NIOCore
import SluiceCore
import SluiceTesting
import Synchronization
import Testing

@testable import SluiceControl

@Suite struct ThreadsTests {
    @Test("a mailbox gives items in order, and waits for them no longer than told")
    func mailbox() throws {
        let mailbox = Mailbox<Int>()
        mailbox.post(1)
        mailbox.post(2)
        #expect(mailbox.take() == 1)
        #expect(mailbox.take(until: SystemClock.monotonic()) == 2)
        #expect(mailbox.take(until: SystemClock.monotonic() + .milliseconds(5)) == nil)
        let taken = Background { mailbox.take() }
        mailbox.post(3)
        #expect(try taken.value() == 3)
    }

    @Test("a control queue runs jobs one after the other, waits for results and passes errors on")
    func controlQueue() throws {
        let queue = try ControlQueue(name: "test-queue")
        let log = Mutex<[Int]>([])
        for i in 0..<100 { queue.async { log.withLock { $0.append(i) } } }
        #expect(try queue.sync { 7 } == 7)
        #expect(log.withLock { $0 } == Array(0..<100))
        #expect(throws: StartError.self) { try queue.sync { throw StartError("no") } }
    }
}
