import Glibc

/// Bytes of a long body that can be checked wherever one looks: a prime number of them, again and again.
package enum Pattern {
    private static let period = 65_521
    private static let block: [UInt8] = (0..<(2 * period)).map {
        UInt8(truncatingIfNeeded: ($0 % period) &* 31 ^ ($0 % period) >> 7)
    }

    /// `count` bytes of the pattern that begin at `offset`.
    package static func bytes(_ count: Int, from offset: Int = 0) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        while result.count < count {
            let start = (offset + result.count) % period
            result += block[start..<(start + min(count - result.count, period))]
        }
        return result
    }

    /// Whether bytes are those of the pattern that begin at `offset`.
    package static func matches(_ bytes: UnsafeRawBufferPointer, from offset: Int) -> Bool {
        var done = 0
        return block.withUnsafeBytes { block in
            while done < bytes.count, let bytesBase = bytes.baseAddress, let blockBase = block.baseAddress {
                let count = min(bytes.count - done, period)
                guard memcmp(bytesBase + done, blockBase + (offset + done) % period, count) == 0 else { return false }
                done += count
            }
            return true
        }
    }
}
