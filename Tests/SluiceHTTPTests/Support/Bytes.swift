/// Bytes as text, one scalar for each byte (ISO 8859-1), so that a test can write and show any of them.
func wire(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

/// The text of bytes; the inverse of `wire`.
func text(_ bytes: some Sequence<UInt8>) -> String {
    var text = String.UnicodeScalarView()
    for byte in bytes { text.append(Unicode.Scalar(byte)) }
    return String(text)
}

/// The ways in which a test lets the same bytes arrive.
enum Delivery {
    static func whole(_ bytes: [UInt8]) -> [[UInt8]] { [bytes] }

    static func byteByByte(_ bytes: [UInt8]) -> [[UInt8]] { bytes.map { [$0] } }

    static func split(_ bytes: [UInt8], at place: Int) -> [[UInt8]] {
        [Array(bytes[..<place]), Array(bytes[place...])]
    }

    /// One byte at a time, and cut in two at every place.
    static func all(_ bytes: [UInt8]) -> [[[UInt8]]] {
        [byteByByte(bytes)] + (0...bytes.count).map { split(bytes, at: $0) }
    }
}
