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
}
