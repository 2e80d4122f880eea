/// The sockets of a loop by their keys, which epoll gives back with each event.
///
/// A key is an index and how often the place was used before: an event of a descriptor that was closed a moment ago, and
/// whose place has a new owner by now, finds nobody. Isolation: the loop.
struct SocketTable: ~Copyable {
    private struct Place {
        // SAFETY: retained by `insert` and `replace`, taken back by `remove` and `replace`.
        var socket: Unmanaged<Socket>?
        var use: UInt32
    }

    private var places: UnsafeMutableBufferPointer<Place> = .init(start: nil, count: 0)
    private var free: ContiguousArray<UInt32> = []
    private(set) var count = 0

    deinit { places.deallocate() }

    /// The hottest of all: no reference is counted.
    // SAFETY: what it gives is good for as long as the table, or whoever took the socket out of it, holds it.
    @inline(__always)
    func find(_ key: UInt64) -> Unmanaged<Socket>? {
        let index = Int(truncatingIfNeeded: key & 0xFFFF_FFFF)
        guard index < places.count, places[index].use == UInt32(truncatingIfNeeded: key >> 32) else { return nil }
        return places[index].socket
    }

    mutating func insert(_ socket: Socket) -> UInt64 {
        if free.isEmpty { grow() }
        let index = free.removeLast()
        count += 1
        // SAFETY: see `Place`.
        places[Int(index)].socket = Unmanaged.passRetained(socket)
        return UInt64(places[Int(index)].use) << 32 | UInt64(index)
    }

    /// - Returns: the socket that was there.
    mutating func remove(_ key: UInt64) -> Socket? {
        guard let old = find(key) else { return nil }
        let index = UInt32(truncatingIfNeeded: key)
        places[Int(index)].socket = nil
        // Not the highest ones: the loop's own two keys must stay its own.
        places[Int(index)].use = (places[Int(index)].use + 1) & 0x7FFF_FFFF
        free.append(index)
        count -= 1
        return old.takeRetainedValue()
    }

    /// - Returns: the socket that was there.
    mutating func replace(_ key: UInt64, by socket: Socket) -> Socket? {
        guard let old = find(key) else { return nil }
        // SAFETY: see `Place`.
        places[Int(truncatingIfNeeded: key & 0xFFFF_FFFF)].socket = Unmanaged.passRetained(socket)
        return old.takeRetainedValue()
    }

    var all: [Socket] { places.compactMap { $0.socket?.takeUnretainedValue() } }

    /// For a loop that is not there any more.
    mutating func closeAll() {
        for place in places {
            guard let socket = place.socket else { continue }
            socket.takeUnretainedValue().closeDescriptor()
            socket.release()
        }
        places.deallocate()
        places = .init(start: nil, count: 0)
    }

    private mutating func grow() {
        let larger = UnsafeMutableBufferPointer<Place>.allocate(capacity: max(64, places.count * 2))
        let used = larger.moveInitialize(fromContentsOf: places)
        for index in (used..<larger.count).reversed() {
            larger.initializeElement(at: index, to: Place(socket: nil, use: 0))
            free.append(UInt32(index))
        }
        places.deallocate()
        places = larger
    }
}
