import Glibc
import NIOCore
import Testing

@testable import SluiceControl

@Suite struct OperatorLogTests {
    @Test(
        "times are as RFC 3339 has them",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1_709_210_096_007, "2024-02-29T12:34:56.007Z"),
            (-5, "1970-01-01T00:00:00.000Z"),
        ] as [(Int64, String)]
    )
    func time(milliseconds: Int64, text: String) { #expect(OperatorLog.time(milliseconds) == text) }

    @Test("whoever does not read the log stops nobody", arguments: [1, 10_000])
    func nobodyReads(_ size: Int) throws {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let line = [UInt8](repeating: 0x61, count: size)
        var taken = 0
        // A pipe has 64 KiB, or less where the user has too many.
        while taken < 1 << 20, StandardStream.write(line, to: ends[1], patience: .zero) == 0 { taken += size }
        #expect(taken < 1 << 20)
        #expect(StandardStream.write(line, to: ends[1], patience: .zero) == ETIMEDOUT)
        var read = [UInt8](repeating: 0, count: 1 << 16)
        #expect(Glibc.read(ends[0], &read, read.count) > 0)
        #expect(StandardStream.write(line, to: ends[1], patience: .zero) == 0)
    }
}
