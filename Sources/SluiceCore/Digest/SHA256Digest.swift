import Crypto

/// A SHA-256 digest (FIPS 180-4), such as a stored credential is compared by.
package struct SHA256Digest: Sendable {
    /// The eight words of the digest, two in each.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    package init(of bytes: UnsafeRawBufferPointer) {
        words = Self.words(of: bytes)
    }

    private static func words(of bytes: UnsafeRawBufferPointer) -> (UInt64, UInt64, UInt64, UInt64) {
        var function = SHA256()
        function.update(bufferPointer: bytes)
        return function.finalize().withUnsafeBytes { digest in
            func word(_ index: Int) -> UInt64 {
                UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
            }
            return (word(0), word(1), word(2), word(3))
        }
    }

    package init(of bytes: [UInt8]) { self = bytes.withUnsafeBytes { SHA256Digest(of: $0) } }

    /// Reads 64 hexadecimal digits, in either case.
    package init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, digit) in digits.enumerated() {
            guard let value = ASCII.hexValue(digit) else { return nil }
            words[index / 16] = words[index / 16] << 4 | UInt64(value)
        }
        self.words = (words[0], words[1], words[2], words[3])
    }

    /// 64 hexadecimal digits in lower case.
    package var hexadecimal: String {
        [words.0, words.1, words.2, words.3].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// Whether both are the same, in a time that says nothing about where they differ.
    @inline(__always)
    package func isSame(as other: SHA256Digest) -> Bool {
        let difference =
            (words.0 ^ other.words.0) | (words.1 ^ other.words.1) | (words.2 ^ other.words.2)
            | (words.3 ^ other.words.3)
        return difference == 0
    }

    /// Adds it to a hash.
    package func add(to hash: inout SipHash) {
        hash.add(words.0)
        hash.add(words.1)
        hash.add(words.2)
        hash.add(words.3)
    }
}

extension SHA256Digest: Hashable {
    package static func == (a: SHA256Digest, b: SHA256Digest) -> Bool { a.isSame(as: b) }

    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

extension SHA256Digest: CustomStringConvertible, CustomReflectable {
    /// A credential that is easy to guess is found from its digest, so that no log and no dump shows it.
    package var description: String { "***" }
    package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .none) }
}
