import Glibc
import SluiceConfig
import SluiceCore
import SluiceSockets

extension ListeningSocket {
    /// Takes over a descriptor that another process opened, if it is a listening stream socket of a kind we know.
    ///
    /// The address is the one that it is bound to. On nil the descriptor is left alone.
    package static func inherited(_ descriptor: CInt) -> ListeningSocket? {
        guard option(SO_ACCEPTCONN, of: descriptor) == 1,
            option(SO_TYPE, of: descriptor) == CInt(SOCK_STREAM.rawValue),
            let address = boundAddress(descriptor)
        else { return nil }
        return ListeningSocket(adopting: descriptor, address: address)
    }

    private static func option(_ name: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
    }

    private static func boundAddress(_ descriptor: CInt) -> ListenAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard status == 0 else { return nil }
        if let (address, port) = SocketAddressBytes.read(storage) {
            // An IPv6 socket may be bound to an IPv4 address in its mapped form, which is written as IPv4.
            return .ip(host: address.description, port: port)
        }
        guard Int32(storage.ss_family) == AF_UNIX else { return nil }
        let path = withUnsafeBytes(of: storage) { bytes in
            let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
            return bytes[start..<min(Int(length), start + 108)].prefix { $0 != 0 }
        }
        return path.isEmpty ? nil : .unix(path: String(decoding: path, as: UTF8.self))
    }
}
