import CPlatform
import Glibc
import NIOCore

extension Socket {
    /// Reads of one turn: others have theirs before this one goes on.
    private static let mostReads = 4

    package final var isReadingPaused: Bool { state.isPaused }

    /// Nothing is read from now on; costs nothing unless bytes come.
    package final func pauseReading() { state.isPaused = true }

    package final func resumeReading() {
        guard state.isPaused else { return }
        state.isPaused = false
        guard isConnected, !state.inputIsOver else { return }
        watch(interest & ~SLUICE_EDGE | SocketEvents.reading)
    }

    final func watch(_ events: UInt32) {
        guard events != interest, descriptor >= 0 else { return }
        interest = events
        withLoop { $0.change(descriptor, events, key) }
    }

    /// Something happened; from the loop only.
    @inline(__always)
    final func ready(_ events: UInt32, _ loop: SocketLoop) {
        // By far the most frequent.
        if events == SLUICE_READABLE, !state.isPaused, connecting == nil { return read(loop, .turn) }
        readyForMore(events, loop)
    }

    private final func readyForMore(_ events: UInt32, _ loop: SocketLoop) {
        if connecting != nil { return connected(loop) }
        let key = key
        if events & (SocketEvents.reading | SocketEvents.over) != 0 { readable(events, loop) }
        guard descriptor >= 0, self.key == key else { return }
        if events & SocketEvents.over != 0 { return over(events) }
        if events & SLUICE_WRITABLE != 0 { writable() }
    }

    private final func readable(_ events: UInt32, _ loop: SocketLoop) {
        let isAtEnd = events & SocketEvents.ends != 0
        let isOver = events & SocketEvents.over != 0
        if state.isPaused, !isAtEnd || !readsToEndWhilePaused, events & SLUICE_BROKEN == 0 {
            // Only now, since most pauses end before anything comes. That both directions have ended is told without
            // being asked for: by edges, it is told once.
            return watch(isOver ? SLUICE_EDGE : interest & ~SocketEvents.reading)
        }
        if !state.inputIsOver { read(loop, events & SLUICE_BROKEN != 0 ? .everything : isAtEnd ? .end : .turn) }
    }

    /// Both directions have ended, with or without an error.
    private final func over(_ events: UInt32) {
        var code: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        // Our direction alone may have ended with what was still to be read.
        guard state.inputIsOver || code != 0 else { return }
        end(reset: code != 0 || failure != 0)
    }

    /// How much is read at once.
    enum ReadLimit {
        /// What one turn may take.
        case turn
        /// Up to the end, which is there; while paused only where that is wanted.
        case end
        /// Whatever came before an error.
        case everything
    }

    final func read(_ loop: SocketLoop, _ limit: ReadLimit) {
        guard !state.inputIsOver else { return }
        let key = key
        var hasRead = false
        var reads = 0
        while true {
            let level = readLevel
            var buffer = loop.memory.take(level)
            let count = receive(&buffer)
            guard count > 0 else {
                let code = errno
                loop.memory.giveBack(buffer, level)
                return stopped(count, code, hasRead)
            }
            hasRead = true
            reads += 1
            let isFull = adapt(count, &buffer, level, loop)
            bytesCame(&buffer)
            loop.memory.giveBack(buffer, level)
            guard descriptor >= 0, self.key == key else { break }
            if limit == .turn, !isFull || reads == Self.mostReads || state.isPaused { break }
            if limit == .end, state.isPaused, !readsToEndWhilePaused { break }
        }
        if descriptor >= 0 { readDone() } else { loop.socket(at: key)?.readDone() }
    }

    @inline(__always)
    private final func receive(_ buffer: inout ByteBuffer) -> Int {
        let descriptor = descriptor
        var result = 0
        repeat {
            result = buffer.withUnsafeMutableWritableBytes {
                sluice_receive(descriptor, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT))
            }
        } while result < 0 && errno == EINTR
        if result > 0 { buffer.moveWriterIndex(forwardBy: result) }
        return result
    }

    /// Fits the size of the next read, and keeps large memory from being held for a few bytes.
    ///
    /// - Returns: whether there may be more to read.
    @inline(__always)
    private final func adapt(_ count: Int, _ buffer: inout ByteBuffer, _ level: UInt8, _ loop: SocketLoop) -> Bool {
        let size = ReadMemory.size(level)
        if count == size {
            if level < ReadMemory.top { readLevel = level + 1 }
            return true
        }
        guard level > 0, count <= ReadMemory.size(level - 1) else { return false }
        readLevel = level - 1
        let copy = ByteBuffer(bytes: buffer.readableBytesView)
        loop.memory.giveBack(buffer, level)
        buffer = copy
        return false
    }

    /// Nothing more came of a read.
    private final func stopped(_ count: Int, _ code: CInt, _ hasRead: Bool) {
        let key = key
        if hasRead {
            readDone()
            guard descriptor >= 0, self.key == key else { return }
        }
        if count == 0 {
            state.inputIsOver = true
            inputEnded()
            // Without this the end would be told again and again.
            if descriptor >= 0, self.key == key { watch(interest & ~SocketEvents.reading) }
        } else if code != EAGAIN, code != EWOULDBLOCK {
            end(reset: true)
        }
    }
}
