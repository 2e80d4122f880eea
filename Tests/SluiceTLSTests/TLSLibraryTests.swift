import SluiceTLS
import Testing

@Suite struct TLSLibraryTests {
    @Test func isBoringSSL() { #expect(TLSLibrary.version > 20) }
}
