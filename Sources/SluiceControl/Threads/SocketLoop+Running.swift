import Glibc
import SluiceSockets

extension SocketLoop {
    /// Starts a loop on a thread of its own.
    ///
    /// - Throws: in words for operators, when the system gives no thread or no descriptors for it.
    static func running(_ name: String) throws(StartError) -> SocketLoop {
        do throws(SocketError) {
            return try SocketLoop.start(name: name)
        } catch {
            let reason = error.code.map { String(cString: strerror($0)) } ?? "\(error)"
            throw StartError("cannot start an event loop: \(reason)")
        }
    }
}
