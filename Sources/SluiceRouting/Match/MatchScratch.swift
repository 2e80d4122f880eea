/// Working memory of matches, one per loop.
///
/// Allocates: only while it grows to what the largest match so far needed.
package struct MatchScratch: Sendable {
    /// A branch of the tree that is still to be looked at.
    struct Branch: BitwiseCopyable {
        var node: UInt32
        /// Where in the path the node ends.
        var position: UInt32
    }

    /// The value of a field in this request.
    struct Slot: BitwiseCopyable {
        enum State: UInt8, BitwiseCopyable {
            case absent
            /// Range in the head.
            case inHead
            /// Range in `bytes`: several lines joined, or a decoded value.
            case inScratch
        }

        /// Of which match this is known; all others count as unknown.
        var match: UInt64 = 0
        var state = State.absent
        var start: UInt32 = 0
        var count: UInt32 = 0
    }

    var branches: ContiguousArray<Branch> = []
    /// Lists met on the way down, tried from the deepest up.
    var pending: ContiguousArray<UInt32> = []
    /// By field number of the table.
    var slots: ContiguousArray<Slot> = []
    var bytes: ContiguousArray<UInt8> = []
    /// Number of the match under way: makes all slots of earlier ones unknown without clearing them.
    var match: UInt64 = 0
    /// The match whose query has been read.
    var queryMatch: UInt64 = 0

    package init() {}

    /// Starts a match.
    @inline(__always)
    mutating func begin(fields: Int) {
        match &+= 1
        if !bytes.isEmpty { bytes.removeAll(keepingCapacity: bytes.capacity <= 64 * 1024) }
        if slots.count < fields {
            slots.append(contentsOf: repeatElement(Slot(), count: fields - slots.count))
        }
    }
}
