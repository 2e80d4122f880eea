import CPlatform
import Glibc
package import NIOCore

extension Socket {
    private static let sendFlags = CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)

    /// Whether the peer takes what it is sent; what is written in spite of that is queued.
    package final var isWritable: Bool { !queue.isFull }

    package final var hasQueuedWrites: Bool { !queue.isEmpty }

    /// Sends a buffer behind everything queued before, with one system call where nothing is.
    package final func send(_ buffer: ByteBuffer) {
        guard queue.isEmpty, connecting == nil else {
            enqueue(buffer)
            return flushQueue()
        }
        let count = buffer.readableBytes
        guard count > 0, descriptor >= 0, failure == 0, !state.outputIsOver else { return }
        let sent = buffer.withUnsafeReadableBytes {
            sluice_send(descriptor, $0.baseAddress, $0.count, Self.sendFlags)
        }
        if sent != count { sentPart(sent, of: buffer) }
    }

    private final func sentPart(_ sent: Int, of buffer: ByteBuffer) {
        var rest = buffer
        if sent > 0 {
            rest.moveReaderIndex(forwardBy: sent)
        } else if errno != EAGAIN, errno != EWOULDBLOCK, errno != EINTR {
            return fail(errno)
        }
        enqueue(rest)
        watch(interest | SLUICE_WRITABLE)
    }

    /// Queues a buffer that more will follow; `flushQueue` sends all of them with as few system calls as possible.
    package final func enqueue(_ buffer: ByteBuffer) {
        guard buffer.readableBytes > 0, descriptor >= 0, failure == 0, !state.outputIsOver else { return }
        if queue.isEmpty { withLoop { queue.takeMemory(&$0.spareQueue) } }
        queue.append(buffer)
    }

    /// Sends what is queued, as far as the system takes it.
    package final func flushQueue() {
        // While the system takes nothing, it says when it does again.
        guard !queue.isEmpty, interest & SLUICE_WRITABLE == 0, isConnected else { return }
        flushNow()
        // Whoever is at work here does not expect to be called.
        if queue.isBelowMark || isWaiterDue { callAtEndOfTurn() }
    }

    /// - Returns: whether anything was sent.
    @discardableResult
    private final func flushNow() -> Bool {
        var hasSent = false
        while !queue.isEmpty {
            let sent = queue.withPieces { sluice_socket_gather(descriptor, $0, $1) }
            guard sent >= 0 else {
                let code = errno
                if code == EAGAIN || code == EWOULDBLOCK {
                    watch(interest | SLUICE_WRITABLE)
                } else {
                    fail(code)
                }
                return hasSent
            }
            hasSent = true
            queue.drop(sent)
        }
        withLoop { queue.giveMemory(&$0.spareQueue) }
        watch(interest & ~SLUICE_WRITABLE)
        if state.outputIsOver { shutOutput() }
        return hasSent
    }

    /// The system takes more; from the loop only.
    final func writable() {
        let key = key
        guard flushNow(), failure == 0 else { return }
        progressed()
        if descriptor >= 0, self.key == key { tellWritable() }
    }

    /// Calls those who wait for what has been written by now.
    final func tellWritable() {
        let key = key
        while isWaiterDue {
            waiters.removeFirst().done()
            guard descriptor >= 0, self.key == key else { return }
        }
        if queue.isBelowMark {
            queue.isAboveMark = false
            becameWritable()
        }
    }

    private final var isWaiterDue: Bool { waiters.first.map { $0.position <= queue.written } ?? false }

    /// Calls `done` when everything queued so far has been written or has failed; at once where nothing is queued.
    package final func afterQueue(_ done: @escaping () -> Void) {
        flushQueue()
        guard !queue.isEmpty, descriptor >= 0, failure == 0 else { return done() }
        waiters.append((position: queue.total, done: done))
    }

    /// Ends our direction behind what is queued; the peer's may go on.
    package final func shutOutputAfterQueue() {
        guard isConnected, failure == 0, !state.outputIsOver else { return }
        state.outputIsOver = true
        if queue.isEmpty { shutOutput() }
    }

    private final func shutOutput() {
        if shutdown(descriptor, CInt(SHUT_WR)) != 0 { fail(errno) }
    }

    /// Ends the connection later in this turn.
    private final func fail(_ code: CInt) {
        guard failure == 0 else { return }
        failure = code
        queue = WriteQueue()
        callAtEndOfTurn()
    }
}
