import Atomics
import Glibc
import SluiceConfig
import SluiceCore
import SluiceProxy

/// A takeover from the side of the process that runs: hands its listening sockets to the one that asks for them.
///
/// Serves one asker at a time, on a thread of its own. Only processes of the same user are answered.
package final class TakeoverServer: Sendable {
    private let descriptor: CInt
    private let path: String
    private let inode: UInt64
    private let gateway: Gateway
    private let log: @Sendable (String) -> Void
    private let handedOver: @Sendable () -> Void
    private let isStopped = ManagedAtomic<Bool>(false)

    private init(
        _ descriptor: CInt,
        _ path: String,
        _ gateway: Gateway,
        _ log: @escaping @Sendable (String) -> Void,
        _ handedOver: @escaping @Sendable () -> Void
    ) {
        self.descriptor = descriptor
        self.path = path
        self.gateway = gateway
        self.log = log
        self.handedOver = handedOver
        inode = UnixSocket.inode(of: path) ?? 0
    }

    deinit { close(descriptor) }

    /// Listens at `path`, in place of whoever did before. `handedOver` is called once another process accepts from the
    /// sockets and this one no more.
    package static func start(
        at path: String,
        _ gateway: Gateway,
        log: @escaping @Sendable (String) -> Void,
        handedOver: @escaping @Sendable () -> Void
    ) throws(StartError) -> TakeoverServer {
        let descriptor: CInt
        do throws(ListenError) {
            descriptor = try UnixSocket.listen(replacing: path)
        } catch {
            throw StartError("takeover: \(error.message)")
        }
        let server = TakeoverServer(descriptor, path, gateway, log, handedOver)
        guard ControlThread.spawn(name: "sluice-takeover", { server.run() }) else {
            server.stop()
            throw StartError("the system gives no more threads")
        }
        return server
    }

    /// Ends it; the file goes too, unless it is another process's by now.
    package func stop() {
        guard !isStopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // Wakes the thread out of `accept`.
        shutdown(descriptor, CInt(SHUT_RDWR))
        if UnixSocket.inode(of: path) == inode { unlink(path) }
    }

    // MARK: - The thread

    private func run() {
        while !isStopped.load(ordering: .acquiring) {
            let accepted = accept(descriptor, nil, nil)
            guard accepted >= 0 else {
                // Out of descriptors, or stopped: neither gets better by hurrying.
                usleep(10_000)
                continue
            }
            _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
            let channel = TakeoverChannel(accepted)
            guard channel.isOwn else {
                log("takeover: refused to a process of another user")
                continue
            }
            if serve(channel) { return stop() }
        }
    }

    /// - Returns: whether the other process has taken over.
    private func serve(_ channel: TakeoverChannel) -> Bool {
        do throws(StartError) {
            try channel.expect(TakeoverChannel.greeting)
        } catch {
            log(error.message)
            return false
        }
        let sockets = gateway.beginHandover()
        do throws(StartError) {
            for socket in sockets { try channel.send("socket \(socket.address.text)", with: socket.descriptor) }
            try channel.send("end")
            // It has names to look up and sockets to open.
            channel.setPatience(seconds: 120)
            try channel.expect("ok")
        } catch {
            gateway.endHandover(isTaken: false)
            log("\(error.message); this process goes on")
            return false
        }
        gateway.endHandover(isTaken: true)
        log("takeover: another process accepts from now on")
        do throws(StartError) { try channel.send("bye") } catch { log(error.message) }
        handedOver()
        return true
    }
}
