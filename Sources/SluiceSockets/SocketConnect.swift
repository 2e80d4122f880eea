import CPlatform
import Glibc
package import NIOCore
import SluiceCore

/// A connection in the making. Isolation: the socket's loop.
final class SocketConnect {
    private let loop: SocketLoop
    private var done: ((SocketError?) -> Void)?
    fileprivate var timer: LoopTimer?

    init(_ loop: SocketLoop, _ done: @escaping (SocketError?) -> Void) {
        self.loop = loop
        self.done = done
    }

    /// Once; later calls do nothing.
    fileprivate func finish(_ error: SocketError?) {
        if let timer { loop.remove(timer) }
        timer = nil
        let report = done
        done = nil
        report?(error)
    }

    /// Its socket was closed by whoever made it, who is told in the next turn.
    func close() { loop.postHere { self.finish(.closed) } }

    /// It failed at once; told as if it had taken a moment, so that no caller is called back before it has returned.
    fileprivate func failLater(_ error: SocketError) { loop.postHere { self.finish(error) } }
}

extension Socket {
    /// Connects to an address. Written bytes wait for it.
    ///
    /// - Parameter done: called once, on the loop and after this has returned; `opened` was called before where it came
    ///   about. Where it did not, nothing else is told.
    package final func connect(
        to address: SocketAddress,
        on loop: SocketLoop,
        timeout: TimeAmount,
        done: @escaping (SocketError?) -> Void
    ) {
        let attempt = SocketConnect(loop, done)
        do throws(SocketError) {
            guard descriptor < 0 else { throw .closed }
            let descriptor = try Self.begin(address)
            do throws(SocketError) {
                try watch(descriptor, SLUICE_WRITABLE, on: loop)
            } catch {
                Glibc.close(descriptor)
                throw error
            }
        } catch {
            return attempt.failLater(error)
        }
        connecting = attempt
        let deadline = SystemClock.monotonic() + timeout
        let timer = LoopTimer(deadline: deadline.uptimeNanoseconds, run: { [self] in notConnected(.timeout) })
        attempt.timer = timer
        loop.add(timer)
    }

    /// - Returns: a descriptor whose connection is on its way, or there.
    private static func begin(_ address: SocketAddress) throws(SocketError) -> CInt {
        let family: CInt =
            switch address {
            case .v4: AF_INET
            case .v6: AF_INET6
            case .unixDomainSocket: AF_UNIX
            }
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, kind, 0)
        guard descriptor >= 0 else { throw .system(errno) }
        if family != AF_UNIX {
            var one: CInt = 1
            setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
        }
        let result = address.withSockAddr { pointer, size in
            Glibc.connect(descriptor, pointer, socklen_t(size)) == 0 ? 0 : errno
        }
        guard result == 0 || result == EINPROGRESS || result == EINTR else {
            Glibc.close(descriptor)
            throw .system(result)
        }
        return descriptor
    }

    /// The system has decided; from the loop only.
    final func connected(_ loop: SocketLoop) {
        var code: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        if getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) != 0 { code = errno }
        guard code == 0 else { return notConnected(.system(code)) }
        let attempt = connecting
        connecting = nil
        watch(state.isPaused ? 0 : SocketEvents.reading)
        opened()
        flushQueue()
        attempt?.finish(descriptor >= 0 ? nil : .closed)
    }

    private final func notConnected(_ error: SocketError) {
        guard let attempt = connecting else { return }
        connecting = nil
        closeNow()
        attempt.finish(error)
    }
}
