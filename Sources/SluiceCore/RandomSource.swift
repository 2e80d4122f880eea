/// Where random numbers come from, so that tests can choose them.
///
/// A small xorshift-multiply generator (splitmix64 stream), one per loop: fast, and never used for secrets.
package struct RandomSource: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator with a known seed gives the same numbers every time.
    package init(seed: UInt64) { self.state = seed }

    /// Bits of the operating system that nobody can guess: for the keys of hash tables. What `next` gives can be
    /// computed from what it gave before.
    package static func secret() -> UInt64 { UInt64.random(in: .min ... .max) }

    /// A generator seeded by the operating system.
    package init() { self.state = Self.secret() }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number in `0 ..< bound`; 0 when the bound is 0.
    package mutating func below(_ bound: UInt64) -> UInt64 {
        bound.multipliedFullWidth(by: next()).high
    }
}
