import Glibc
import NIOCore
import SluiceCore
import Synchronization
import Testing

@Suite struct ResourceShortageTests {
    @Test("a row of failures is logged once, and once more after a minute without any")
    func episodes() {
        let clock = Mutex<Int64>(0)
        let lines = Mutex<[String]>([])
        let shortage = ResourceShortage(
            now: { .uptimeNanoseconds(1) + .seconds(clock.withLock { $0 }) },
            log: { line in lines.withLock { $0.append(line) } }
        )
        for second in [0, 0, 30, 90, 150, 211] as [Int64] {
            clock.withLock { $0 = second }
            shortage.prevented("accept connections", code: EMFILE)
        }
        let line =
            "cannot accept connections: Too many open files; see 'ulimit -Hn' and LimitNOFILE, or lower 'connections' "
            + "in 'limits' (not said again while it lasts)"
        #expect(lines.withLock { $0 } == [line, line])
    }

    @Test("what a peer or a network can cause is none", arguments: [ECONNREFUSED, ETIMEDOUT, EADDRNOTAVAIL, EAGAIN, 0])
    func otherCodes(code: CInt) { #expect(!ResourceShortage.isMeant(by: code)) }

    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
    func codes(code: CInt) { #expect(ResourceShortage.isMeant(by: code)) }
}
