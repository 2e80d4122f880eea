import Glibc
package import NIOCore
package import SluiceConfig
import SluiceCore

/// One end of a connection, byte by byte: a client of the gateway, or a connection that an origin has accepted.
///
/// Every wait has a deadline after which it throws and says what came so far, so a hang is a readable failure within
/// seconds. Sends and reads are the caller's, one at a time: the peer does nothing by itself, which makes it the slow,
/// stalling, cutting or babbling counterpart that a test needs.
///
/// Isolation: one thread at a time.
package final class RawPeer {
    /// Who this is in failures.
    package let name: String
    /// How long any step may take.
    package var patience = TimeAmount.seconds(30)
    /// At most this much is taken in with one call; less makes a slower reader.
    package var readSize = 256 * 1024
    private(set) var descriptor: CInt
    /// Received and not yet consumed.
    var input: [UInt8] = []
    private(set) var sawEnd = false
    private(set) var sawReset = false
    package private(set) var receivedCount = 0

    init(_ descriptor: CInt, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Connects.
    ///
    /// - Parameter receiveBuffer: bytes that the kernel may take in before the other side must wait; nil: its default.
    package convenience init(
        connectingTo address: ListenAddress,
        name: String = "client",
        receiveBuffer: Int? = nil
    ) throws {
        let target = try Sockets.address(address)
        let descriptor = try Sockets.make(for: target)
        self.init(descriptor, name: name)
        // Before the connection is made, or the window is agreed on without it.
        if let receiveBuffer { Sockets.set(descriptor, SO_RCVBUF, CInt(receiveBuffer)) }
        let status = target.withSockAddr { connect(descriptor, $0, socklen_t($1)) }
        if status != 0, errno != EINPROGRESS { throw Sockets.failure("\(name): connect") }
        _ = Sockets.wait(descriptor, for: POLLOUT, until: deadline)
        var code: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        guard code == 0 else { throw TestFailure("\(name): connect: \(String(cString: strerror(code)))") }
        if case .ip = address { Sockets.set(descriptor, CInt(TCP_NODELAY), 1, level: CInt(IPPROTO_TCP)) }
    }

    deinit { close() }

    private var deadline: NIODeadline { SystemClock.monotonic() + patience }

    // MARK: - Sending

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends all bytes, waiting while the other side does not take them.
    package func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = try sendNow(bytes[sent...])
            sent += count
            if count == 0, Sockets.wait(descriptor, for: POLLOUT, until: deadline) == 0 {
                throw TestFailure(
                    "\(name): could not send, the other side stopped reading after \(sent) of \(bytes.count) bytes"
                )
            }
        }
    }

    /// Sends what the socket takes at once.
    private func sendNow(_ bytes: ArraySlice<UInt8>) throws -> Int {
        let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        if count >= 0 { return count }
        guard errno == EAGAIN || errno == EINTR else { throw Sockets.failure("\(name): send") }
        return 0
    }

    /// Sends until nothing moves for a while, or until all is out.
    ///
    /// - Returns: how many bytes went out.
    package func sendUntilStalled(_ bytes: ArraySlice<UInt8>, stall: TimeAmount = .milliseconds(150)) throws -> Int {
        var rest = bytes
        while !rest.isEmpty {
            let count = try sendNow(rest)
            rest = rest.dropFirst(count)
            if count == 0, Sockets.wait(descriptor, for: POLLOUT, until: SystemClock.monotonic() + stall) == 0 { break }
        }
        return bytes.count - rest.count
    }

    /// Sends the pattern until nothing moves for a while, or until the limit.
    ///
    /// - Returns: how many bytes went out.
    package func sendPatternUntilStalled(
        from offset: Int = 0,
        limit: Int,
        stall: TimeAmount = .milliseconds(150)
    ) throws -> Int {
        var sent = 0
        while sent < limit {
            let piece = Pattern.bytes(min(limit - sent, 64 * 1024), from: offset + sent)
            let count = try sendUntilStalled(piece[...], stall: stall)
            sent += count
            if count < piece.count { break }
        }
        return sent
    }

    /// Sends `count` bytes of the pattern.
    package func sendPattern(_ count: Int, from offset: Int = 0) throws {
        var sent = 0
        while sent < count {
            let piece = min(count - sent, 256 * 1024)
            try send(Pattern.bytes(piece, from: offset + sent))
            sent += piece
        }
    }

    /// Ends our direction; the other may go on.
    package func endOutput() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// Closes; the other side sees an end (or a reset, if we had not read everything).
    package func close() {
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
    }

    /// Cuts the connection: the other side sees a reset.
    package func reset() {
        Sockets.setResetOnClose(descriptor)
        close()
    }

    // MARK: - Receiving

    /// Takes in what is there, waiting for at least one byte or the end.
    ///
    /// - Returns: false at the end.
    func receive(for purpose: @autoclosure () -> String, until deadline: NIODeadline) throws -> Bool {
        if sawEnd || sawReset { return false }
        if Sockets.wait(descriptor, for: POLLIN, until: deadline) == 0 {
            throw TestFailure("\(name): waited too long for \(purpose()); unread so far: \(Shown.bytes(input))")
        }
        let room = readSize
        let old = input.count
        var count = 0
        input.reserveCapacity(old + room)
        let piece = [UInt8](unsafeUninitializedCapacity: room) { buffer, initialized in
            count = recv(descriptor, buffer.baseAddress, room, 0)
            initialized = max(count, 0)
        }
        if count > 0 {
            input += piece
            receivedCount += count
            return true
        }
        if count == 0 {
            sawEnd = true
        } else if errno == EAGAIN || errno == EINTR {
            return true
        } else {
            sawReset = true
        }
        return false
    }

    /// What has come, after waiting for at least one byte; empty at the end.
    package func readSome() throws -> [UInt8] {
        let deadline = self.deadline
        while input.isEmpty {
            guard try receive(for: "anything", until: deadline) else { return [] }
        }
        return take(input.count)
    }

    /// Exactly that many bytes.
    package func read(_ count: Int) throws -> [UInt8] {
        let deadline = self.deadline
        while input.count < count {
            guard try receive(for: "\(count) bytes", until: deadline) else {
                throw ended("before \(count) bytes had come")
            }
        }
        return take(count)
    }

    package func readText(_ count: Int) throws -> String { String(decoding: try read(count), as: UTF8.self) }

    /// Everything up to and with a piece of text.
    package func read(through text: String) throws -> [UInt8] {
        let deadline = self.deadline
        let wanted = Array(text.utf8)
        var from = 0
        while true {
            if let end = Search.end(of: wanted, in: input, from: from) { return take(end) }
            from = max(0, input.count - wanted.count)
            guard try receive(for: Shown.bytes(wanted), until: deadline) else {
                throw ended("before \(Shown.bytes(wanted)) came")
            }
        }
    }

    /// Everything until the other side ends its direction properly; a reset is an error.
    package func readToEnd() throws -> [UInt8] {
        let deadline = self.deadline
        while try receive(for: "the end", until: deadline) {}
        if sawReset { throw ended("by a reset where a proper end was due") }
        return take(input.count)
    }

    /// Reads `count` bytes of the pattern and throws if they are others.
    package func readPattern(_ count: Int, from offset: Int = 0) throws {
        var done = 0
        while done < count {
            if input.isEmpty {
                guard try receive(for: "a long body", until: deadline) else {
                    throw ended("after \(done) of \(count) bytes of a long body")
                }
            }
            let piece = take(min(input.count, count - done))
            guard piece.withUnsafeBytes({ Pattern.matches($0, from: offset + done) }) else {
                throw TestFailure("\(name): wrong bytes between \(done) and \(done + piece.count) of a long body")
            }
            done += piece.count
        }
    }

    func take(_ count: Int) -> [UInt8] {
        if count == input.count {
            defer { input = [] }
            return input
        }
        defer { input.removeFirst(count) }
        return Array(input[..<count])
    }

    func ended(_ when: String) -> TestFailure {
        TestFailure(
            "\(name): the connection was \(sawReset ? "reset" : "ended") \(when); unread: \(Shown.bytes(input))"
        )
    }

    // MARK: - What must or must not happen

    /// Waits for a proper end with nothing before it.
    package func expectEnd() throws {
        let rest = try readToEnd()
        if !rest.isEmpty { throw TestFailure("\(name): bytes where the end was due: \(Shown.bytes(rest))") }
    }

    /// Waits for a reset, whatever comes before it.
    package func expectReset() throws {
        let deadline = self.deadline
        while try receive(for: "a reset", until: deadline) {}
        if !sawReset { throw ended("properly where a reset was due") }
    }

    /// Waits until the other side has ended the connection, in whichever way.
    package func expectGone() throws {
        let deadline = self.deadline
        while try receive(for: "the end of the connection", until: deadline) {}
    }

    /// Waits for the next byte or for a proper end.
    ///
    /// - Returns: whether the end came first.
    package func endsBeforeTheNextByte() throws -> Bool {
        let deadline = self.deadline
        while input.isEmpty {
            guard try receive(for: "a byte or the end", until: deadline) else { break }
        }
        if sawReset { throw ended("where a byte or a proper end was due") }
        return input.isEmpty
    }

    /// Takes in what has arrived by now, without waiting.
    ///
    /// - Returns: what is unread; it stays unread.
    package func peek() throws -> [UInt8] {
        while !sawEnd, !sawReset, Sockets.wait(descriptor, for: POLLIN, until: SystemClock.monotonic()) != 0 {
            _ = try receive(for: "", until: deadline)
        }
        return input
    }

    /// Whether a piece of text is among what has come and was not consumed.
    package func sawText(_ text: String) -> Bool { Search.end(of: Array(text.utf8), in: input, from: 0) != nil }

    /// Nothing unread has arrived by now and the connection is open. Only after `TestGateway.settle` does this say much.
    package var isSilent: Bool {
        get throws { try peek().isEmpty && !sawEnd && !sawReset }
    }
}

enum Search {
    /// Where the first occurrence of `wanted` at or after `from` ends.
    static func end(of wanted: [UInt8], in bytes: [UInt8], from: Int) -> Int? {
        guard bytes.count >= wanted.count, let first = wanted.first else { return nil }
        return bytes.withUnsafeBytes { bytes in
            var i = from
            while i + wanted.count <= bytes.count {
                if bytes[i] == first, bytes[i..<(i + wanted.count)].elementsEqual(wanted) { return i + wanted.count }
                i += 1
            }
            return nil
        }
    }
}
