/// The open streams of one connection, by their number.
///
/// Each frame looks its stream up, and a `Dictionary` hashes with SipHash what is hardly more than a counter. Here a
/// number is multiplied by a secret one, so that a client that picks its numbers cannot make them meet in one place.
///
/// `public` only because that is what lets other targets inline it. Isolation: one loop. Allocates: while it grows, at
/// most to four times the largest number of streams; a large one is given back when the last stream has left.
public struct HTTP2StreamTable<Stream: AnyObject> {
    /// 0 where there is none; the length is a power of two, at least twice the number of streams.
    @usableFromInline var numbers: ContiguousArray<Int32> = []
    @usableFromInline var streams: ContiguousArray<Stream?> = []
    @usableFromInline var shift: UInt32 = 32
    @usableFromInline let factor: UInt32
    @usableFromInline var used = 0

    /// - Parameter secret: anything that the peer does not know.
    @inlinable
    public init(secret: UInt64) { factor = UInt32(truncatingIfNeeded: secret) | 1 }

    /// How many there are.
    @inlinable public var count: Int { used }
    /// Whether there is none.
    @inlinable public var isEmpty: Bool { used == 0 }

    @inlinable
    func home(_ number: Int32) -> Int { Int((UInt32(bitPattern: number) &* factor) &>> shift) }

    /// Where a number is, or the free place where it would be.
    @inlinable
    func place(_ number: Int32) -> Int {
        var i = home(number)
        while numbers[i] != number, numbers[i] != 0 { i = (i &+ 1) & (numbers.count &- 1) }
        return i
    }

    /// The stream with that number, which is above 0.
    @inlinable
    public subscript(number: Int32) -> Stream? { used == 0 ? nil : streams[place(number)] }

    /// Adds a stream; one of the same number is replaced. Numbers are above 0.
    @inlinable
    public mutating func insert(_ stream: Stream, at number: Int32) {
        if (used + 1) * 2 > numbers.count { grow() }
        let i = place(number)
        if numbers[i] == 0 { used += 1 }
        numbers[i] = number
        streams[i] = stream
    }

    @usableFromInline
    mutating func grow() {
        let oldNumbers = numbers
        let oldStreams = streams
        let size = max(8, oldNumbers.count * 2)
        numbers = ContiguousArray(repeating: 0, count: size)
        streams = ContiguousArray(repeating: nil, count: size)
        shift = UInt32(32 - size.trailingZeroBitCount)
        for (number, stream) in zip(oldNumbers, oldStreams) where number != 0 {
            let i = place(number)
            numbers[i] = number
            streams[i] = stream
        }
    }

    /// Takes a stream out; nil when there is none of that number.
    @inlinable
    public mutating func remove(_ number: Int32) -> Stream? {
        guard used > 0 else { return nil }
        var gap = place(number)
        guard let stream = streams[gap] else { return nil }
        used -= 1
        // What was put behind its own place because of this one moves up.
        let mask = numbers.count &- 1
        var i = (gap &+ 1) & mask
        while numbers[i] != 0 {
            if (i &- home(numbers[i])) & mask >= (i &- gap) & mask {
                numbers[gap] = numbers[i]
                streams[gap] = streams[i]
                gap = i
            }
            i = (i &+ 1) & mask
        }
        numbers[gap] = 0
        streams[gap] = nil
        if used == 0, numbers.count > 512 { removeAll() }
        return stream
    }

    /// Takes all of them out.
    @inlinable
    public mutating func removeAll() {
        numbers = []
        streams = []
        used = 0
    }

    /// All of them, in no order.
    public var all: [Stream] { streams.compactMap { $0 } }
}
