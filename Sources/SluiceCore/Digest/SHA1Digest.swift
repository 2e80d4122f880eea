import Crypto

/// SHA-1, for protocols that ask for it and need no security of it.
package enum SHA1Digest {
    /// 20 bytes.
    package static func of(_ bytes: [UInt8]) -> [UInt8] { Array(Insecure.SHA1.hash(data: bytes)) }
}
