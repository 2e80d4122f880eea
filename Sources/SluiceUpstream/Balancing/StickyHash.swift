/// The number that a sticky choice goes by, put together from the keys of a hash policy.
///
/// Keys count in the order in which they are configured and what a request lacks is left out:
/// `h = rotl(h, 1) XOR new`, as Envoy combines them. Swapping two keys, or the same value under two keys, therefore
/// gives different results.
///
/// Isolation: one loop. Allocates: never.
package struct StickyHash: Sendable {
    /// nil while no key was present: the choice is then a random one.
    package private(set) var value: UInt64?

    package init() {}

    /// Adds the bytes of one key; nil (the request lacks it) changes nothing.
    package mutating func combine(_ key: UnsafeRawBufferPointer?) {
        guard let key else { return }
        combine(XXHash64.hash(key))
    }

    /// Adds a key that is a hash already.
    package mutating func combine(_ hash: UInt64) {
        guard let before = value else {
            value = hash
            return
        }
        value = (before << 1 | before >> 63) ^ hash
    }
}
