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
        let row = Episode()
        for second in [0, 0, 30, 90, 150, 211] as [Int64] {
            clock.withLock { $0 = second }
            shortage.prevented("accept connections", code: EMFILE, in: row)
        }
        let line =
            "cannot accept connections: Too many open files (EMFILE); see 'ulimit -Hn' and LimitNOFILE, or lower 'connections' "
            + "in 'limits' (not said again while it lasts)"
        #expect(lines.withLock { $0 } == [line, line])
    }

    @Test("each thing that cannot be done is said, but not the hundredth")
    func rows() {
        let clock = Mutex<Int64>(0)
        let lines = Mutex<[String]>([])
        let shortage = ResourceShortage(
            now: { .uptimeNanoseconds(1) + .seconds(clock.withLock { $0 }) },
            log: { line in lines.withLock { $0.append(line) } }
        )
        let rows = (0..<100).map { _ in Episode() }
        for _ in 0..<3 {
            for (number, row) in rows.enumerated() { shortage.prevented("do \(number)", code: ENFILE, in: row) }
        }
        let text = "Too many open files in system (ENFILE) (not said again while it lasts"
        var expected = (0..<10).map { "cannot do \($0): \(text)" + ($0 < 9 ? ")" : ", nor what else is prevented)") }
        #expect(lines.withLock { $0 } == expected)
        clock.withLock { $0 = 61 }
        shortage.prevented("do 7", code: ENFILE, in: rows[7])
        expected.append("cannot do 7: \(text))")
        #expect(lines.withLock { $0 } == expected)
    }

    @Test("what a peer or a network can cause is none", arguments: [ECONNREFUSED, ETIMEDOUT, EADDRNOTAVAIL, EAGAIN, 0])
    func otherCodes(code: CInt) { #expect(!ResourceShortage.isMeant(by: code)) }

    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC])
    func codes(code: CInt) { #expect(ResourceShortage.isMeant(by: code)) }
}
