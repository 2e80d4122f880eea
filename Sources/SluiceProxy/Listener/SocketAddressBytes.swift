import Glibc
import SluiceCore

/// Between the kernel's address structures and our values.
enum SocketAddressBytes {
    static func with<R>(
        _ ip: IPAddress,
        port: UInt16,
        forceV6: Bool,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
    ) -> R {
        if ip.isV4, !forceV6 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(truncatingIfNeeded: ip.low).bigEndian
            return rebound(&address, body)
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &address.sin6_addr) {
            $0.storeBytes(of: ip.high.bigEndian, as: UInt64.self)
            $0.storeBytes(of: ip.low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return rebound(&address, body)
    }

    static func with<R>(unix path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        return rebound(&address, body)
    }

    private static func rebound<T, R>(_ address: inout T, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<T>.size)) }
        }
    }

    /// The address and port of an IPv4 or IPv6 peer; nil for anything else.
    static func read(_ storage: sockaddr_storage) -> (address: IPAddress, port: Int)? {
        let family = Int32(storage.ss_family)
        return withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_INET:
                let address = bytes.loadUnaligned(as: sockaddr_in.self)
                return (
                    IPAddress(v4: UInt32(bigEndian: address.sin_addr.s_addr)), Int(UInt16(bigEndian: address.sin_port))
                )
            case AF_INET6:
                var address = bytes.loadUnaligned(as: sockaddr_in6.self)
                let (high, low) = withUnsafeBytes(of: &address.sin6_addr) {
                    (
                        UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
                        UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                    )
                }
                return (IPAddress(high: high, low: low), Int(UInt16(bigEndian: address.sin6_port)))
            default: return nil
            }
        }
    }
}
