import Glibc
package import SluiceConfig
package import SluiceProxy

/// A takeover from the side of the new process.
///
/// Isolation: one thread, which may block.
package final class TakeoverClient {
    private let channel: TakeoverChannel
    /// What was handed over; closing them is the owner's.
    package let sockets: [ListeningSocket]

    private init(_ channel: TakeoverChannel, _ sockets: [ListeningSocket]) {
        self.channel = channel
        self.sockets = sockets
    }

    /// Asks the process that listens at `path` for its sockets.
    ///
    /// - Returns: nil when there is no such process.
    /// - Throws: when there is one and it does not hand over.
    package static func ask(at path: String) throws(StartError) -> TakeoverClient? {
        guard let descriptor = try connect(to: path) else { return nil }
        let channel = TakeoverChannel(descriptor)
        guard channel.isOwn else { throw StartError("takeover: the process at \(path) belongs to another user") }
        try channel.send(TakeoverChannel.greeting)
        var sockets: [ListeningSocket] = []
        do throws(StartError) {
            while let socket = try nextSocket(channel) {
                sockets.append(socket)
                guard sockets.count <= TakeoverChannel.mostSockets else {
                    throw StartError("takeover: too many sockets")
                }
            }
        } catch {
            for socket in sockets { socket.closeKeepingFile() }
            throw error
        }
        return TakeoverClient(channel, sockets)
    }

    private static func connect(to path: String) throws(StartError) -> CInt? {
        do throws(ListenError) {
            return try UnixSocket.connect(path)
        } catch {
            throw StartError("takeover: \(error.message)")
        }
    }

    private static func nextSocket(_ channel: TakeoverChannel) throws(StartError) -> ListeningSocket? {
        let (line, passed) = try channel.receive()
        guard let passed else {
            guard line == "end" else { throw StartError("takeover: the other process says '\(line)'") }
            return nil
        }
        guard let socket = ListeningSocket.inherited(passed) else {
            close(passed)
            throw StartError("takeover: '\(line)' came with something that is no listening socket")
        }
        return socket
    }

    /// Tells the old process that this one accepts, and waits until that one does no more.
    ///
    /// - Parameter used: the addresses that this process listens on. Files of other Unix sockets are removed, since
    ///   nobody listens there any more.
    /// - Returns: what the old process did not say, if it did not; it was told, so this one goes on all the same.
    /// - Throws: when the old process has given up the takeover meanwhile, and goes on itself.
    package func confirm(used: [ListenAddress]) throws(StartError) -> StartError? {
        try channel.send("ok")
        do throws(StartError) { try channel.expect("bye") } catch { return error }
        for case .unix(let path) in sockets.map(\.address) where !used.contains(.unix(path: path)) { unlink(path) }
        return nil
    }
}
