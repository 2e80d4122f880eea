import CNIOBoringSSL

/// Bytes as text.
enum TextForm {
    private static let lower = Array("0123456789abcdef".utf8)
    private static let upper = Array("0123456789ABCDEF".utf8)

    /// Two digits per byte.
    static func hexadecimal(_ bytes: some Sequence<UInt8>, upperCase: Bool = false) -> [UInt8] {
        let digits = upperCase ? upper : lower
        return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }

    /// What a log line may hold: printable ASCII, everything else as `?`, at most 256 bytes.
    static func clean(_ text: String) -> String {
        String(decoding: text.utf8.prefix(256).map { $0 >= 0x20 && $0 < 0x7F ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}

/// SHA-256 (FIPS 180-4) of bytes: 32 bytes.
func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    SHA256(bytes, bytes.count, &digest)
    return digest
}
