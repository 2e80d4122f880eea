import Glibc
import NIOCore
import SluiceCore
import Testing

@testable import SluiceSockets

/// One socket and its peer: what is told, in which order, and what may be done meanwhile.
@Suite struct SocketTests {
    // MARK: - Reading

    @Test("bytes, then that these were all, then the end once")
    func order() throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.pair()
        peer.send("abc")
        kit.settle()
        #expect(socket.notes == ["opened", "bytes", "done"] && socket.text == "abc")
        peer.send("def")
        peer.endOutput()
        kit.settle()
        #expect(socket.notes == ["opened", "bytes", "done", "bytes", "done", "end"] && socket.text == "abcdef")
        // The other direction goes on.
        socket.send(ByteBuffer(string: "answer"))
        #expect(peer.text == "answer")
        kit.settle()
        #expect(socket.isConnected && socket.notes.last == "end")
        peer.close()
        kit.settle()
        #expect(socket.notes.last == "closed" && !socket.isConnected && kit.loop.socketCount == 0)
    }

    @Test("what is kept is not written over by what comes later")
    func kept() throws {
        final class Keeper: Socket {
            var kept: [ByteBuffer] = []
            override func bytesCame(_ bytes: inout ByteBuffer) { kept.append(bytes) }
        }
        let kit = try SocketKit()
        var ends: [CInt] = [-1, -1]
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        let (socket, peer) = (Keeper(), Peer(ends[1]))
        try socket.attach(ends[0], to: kit.loop)
        let sizes = (0..<200).map { $0 % 7 == 0 ? 40_000 : $0 + 1 }
        for (i, size) in sizes.enumerated() {
            peer.send([UInt8](repeating: UInt8(i), count: size))
            kit.settle()
        }
        let all = socket.kept.flatMap { Array($0.readableBytesView) }
        #expect(all == sizes.enumerated().flatMap { [UInt8](repeating: UInt8($0), count: $1) })
    }

    @Test("nothing is read while reading is paused, and all of it afterwards")
    func pause() throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.pair()
        socket.pauseReading()
        peer.send("abc")
        kit.settle()
        #expect(socket.notes == ["opened"])
        socket.resumeReading()
        kit.settle()
        #expect(socket.text == "abc")
        // From within, it works at once: the rest stays in the system.
        socket.then = { socket, note in if note == "bytes" { socket.pauseReading() } }
        let before = socket.count
        peer.send([UInt8](repeating: 1, count: 100_000))
        kit.settle()
        #expect(socket.count > before && socket.count <= before + 2048)
        socket.then = { _, _ in }
        socket.resumeReading()
        kit.settle()
        #expect(socket.count == before + 100_000)
    }

    @Test("the end is read up to though reading is paused, but not where nobody wants that", arguments: [true, false])
    func endWhilePaused(reads: Bool) throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.pair()
        socket.readsToEndWhilePaused = reads
        socket.pauseReading()
        peer.send("abc")
        peer.endOutput()
        kit.settle()
        #expect(socket.notes == (reads ? ["opened", "bytes", "done", "end"] : ["opened"]))
        socket.resumeReading()
        kit.settle()
        #expect(socket.notes == ["opened", "bytes", "done", "end"])
        #expect(socket.text == "abc")
    }

    @Test("a peer that is gone altogether is noticed or waits likewise", arguments: [true, false])
    func closedWhilePaused(reads: Bool) throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.pair()
        socket.readsToEndWhilePaused = reads
        socket.pauseReading()
        peer.send("abc")
        peer.close()
        kit.settle()
        #expect(socket.notes == (reads ? ["opened", "bytes", "done", "end", "closed"] : ["opened"]))
        socket.resumeReading()
        kit.settle()
        #expect(socket.notes == ["opened", "bytes", "done", "end", "closed"])
    }

    @Test("a reset ends it, paused or not", arguments: [true, false], [true, false])
    func reset(isPaused: Bool, reads: Bool) throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.connection()
        socket.readsToEndWhilePaused = reads
        if isPaused { socket.pauseReading() }
        peer.reset()
        kit.turn { !socket.isConnected }
        #expect(socket.notes == ["opened", "reset"])
    }

    @Test("what came before a reset is delivered, paused or not", arguments: [true, false])
    func bytesBeforeReset(isPaused: Bool) throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.connection()
        socket.readsToEndWhilePaused = false
        if isPaused { socket.pauseReading() }
        let bytes = [UInt8](repeating: 4, count: 10_000)
        peer.send(bytes)
        peer.reset()
        kit.turn { !socket.isConnected }
        #expect(socket.count == bytes.count && socket.notes.last == "reset")
    }

    // MARK: - Writing

    @Test("more than the system takes is queued, in order, and the marks are told")
    func slowReader() throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.pair()
        var sent: [UInt8] = []
        for i in 0..<100 {
            let piece = [UInt8](repeating: UInt8(i), count: 9_000)
            sent += piece
            if i % 2 == 0 { socket.send(ByteBuffer(bytes: piece)) } else { socket.enqueue(ByteBuffer(bytes: piece)) }
        }
        socket.flushQueue()
        #expect(!socket.isWritable && socket.hasQueuedWrites)
        var told = false
        socket.afterQueue { told = true }
        kit.settle()
        #expect(!told && !socket.notes.contains("writable"))
        var got: [UInt8] = []
        while got.count < sent.count {
            got += peer.read() ?? []
            kit.settle()
        }
        #expect(got == sent)
        #expect(told && socket.isWritable && !socket.hasQueuedWrites)
        #expect(socket.notes.filter { $0 == "writable" }.count == 1 && socket.notes.contains("progress"))
    }

    @Test("a queue that the system takes at once says so later in the turn, not from within the flush")
    func notWithinTheCall() throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.pair()
        for _ in 0..<70 { socket.enqueue(ByteBuffer(bytes: [UInt8](repeating: 7, count: 1_000))) }
        #expect(!socket.isWritable)
        socket.flushQueue()
        #expect(socket.isWritable && socket.notes == ["opened"])
        kit.settle()
        #expect(socket.notes == ["opened", "writable", "turn"])
        #expect(peer.read(100_000)?.count == 70_000)
    }

    @Test("our direction ends behind what is queued")
    func halfClose() throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.pair()
        let bytes = [UInt8](repeating: 3, count: 1_000_000)
        socket.send(ByteBuffer(bytes: bytes))
        socket.shutOutputAfterQueue()
        socket.send(ByteBuffer(string: "too late"))
        var count = 0
        while let piece = peer.read() {
            count += piece.count
            kit.settle()
        }
        #expect(count == bytes.count)
        peer.send("still heard")
        kit.settle()
        #expect(socket.text == "still heard" && socket.isConnected)
    }

    @Test("a write that fails ends the connection later, behind what the peer had said")
    func failedWrite() throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.pair()
        peer.send("last words")
        peer.close()
        socket.send(ByteBuffer(string: "anybody?"))
        var told = 0
        socket.afterQueue { told += 1 }
        #expect(socket.notes == ["opened"] && socket.isConnected && told == 1)
        kit.settle()
        #expect(socket.notes == ["opened", "bytes", "done", "end", "reset"] && socket.text == "last words")
    }

    @Test("who waits for the queue is told that it failed, before the end")
    func failedQueue() throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.pair()
        socket.send(ByteBuffer(bytes: [UInt8](repeating: 3, count: 1_000_000)))
        var notes: [String]?
        socket.afterQueue { notes = socket.notes }
        #expect(notes == nil)
        peer.close()
        kit.settle()
        #expect(notes != nil && notes?.contains("reset") == false && socket.notes.last == "reset")
    }

    // MARK: - Inside of callbacks

    @Test("closed from within any callback, it is told nothing more", arguments: ["bytes", "done", "end"])
    func closing(at note: String) throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.pair()
        socket.then = { if $1 == note { $0.closeNow() } }
        peer.send("abc")
        peer.endOutput()
        kit.settle()
        #expect(socket.notes.last == note && kit.loop.socketCount == 0)
        #expect(peer.text == "the end")
    }

    @Test("bytes that are left go to the one that takes over, and so does what is queued")
    func handOver() throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.pair()
        let next = NotingSocket()
        let queued = [UInt8](repeating: 5, count: 600_000)
        socket.send(ByteBuffer(bytes: queued))
        socket.then = { if $1 == "bytes" { $0.handOverSocket(to: next) } }
        peer.send([UInt8](repeating: 1, count: 5_000))
        kit.settle()
        #expect(socket.notes == ["opened", "bytes"] && !socket.isConnected)
        #expect(socket.count + next.count == 5_000 && next.count > 0)
        #expect(next.notes.prefix(2) == ["opened", "done"])
        next.send(ByteBuffer(string: "behind"))
        next.shutOutputAfterQueue()
        var got: [UInt8] = []
        while let piece = peer.read() {
            got += piece
            kit.settle()
        }
        #expect(got == queued + Array("behind".utf8))
        peer.close()
        kit.settle()
        #expect(next.notes.last == "closed" && socket.notes == ["opened", "bytes"])
    }

    @Test("an event of a descriptor that was closed in the same turn does not reach its successor")
    func successor() throws {
        let kit = try SocketKit()
        let first = try kit.pair()
        let second = try kit.pair()
        let late = NotingSocket()
        var latePeer: Peer?
        // Whichever comes first closes both, and opens one that gets the same numbers.
        let swap: (NotingSocket, String) -> Void = { _, note in
            guard note == "bytes", latePeer == nil else { return }
            first.socket.closeNow()
            second.socket.closeNow()
            latePeer = try? kit.pair(late).peer
        }
        first.socket.then = swap
        second.socket.then = swap
        first.peer.send("abc")
        second.peer.send("def")
        kit.loop.turn(waits: false)
        #expect(first.socket.count + second.socket.count == 3 && late.notes == ["opened"])
        latePeer?.send("ghi")
        kit.settle()
        #expect(late.text == "ghi")
    }

    @Test("what is asked for at the end of the turn comes once, behind the others' bytes")
    func endOfTurn() throws {
        let kit = try SocketKit()
        let (socket, peer) = try kit.pair()
        let other = try kit.pair()
        var before: [String] = []
        socket.then = { socket, note in
            if note == "bytes" {
                socket.callAtEndOfTurn()
                socket.callAtEndOfTurn()
            }
            if note == "turn" { before = other.socket.notes }
        }
        peer.send("a")
        other.peer.send("b")
        kit.loop.turn(waits: false)
        #expect(socket.notes == ["opened", "bytes", "done", "turn"] && before == ["opened", "bytes", "done"])
    }

    // MARK: - Many

    @Test("of a thousand sockets with much to read, none has its second turn before all had the first")
    func fairness() throws {
        let kit = try SocketKit()
        var order: [Int] = []
        let pairs = try (0..<500).map { number in
            let socket = NotingSocket()
            socket.keepsText = false
            socket.then = { if $1 == "done" { order.append(number) } }
            let pair = try kit.pair(socket)
            pair.peer.send([UInt8](repeating: 1, count: 180_000))
            return pair
        }
        kit.turn { pairs.allSatisfy { $0.socket.count == 180_000 } }
        #expect(Set(order.prefix(500)).count == 500)
        #expect(order.count > 500)
    }
}
