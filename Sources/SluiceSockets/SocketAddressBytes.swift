package import Glibc
package import SluiceCore

/// Between the kernel's address structures and our values.
package enum SocketAddressBytes {
    package static func with<R>(
        _ ip: IPAddress,
        port: UInt16,
        forceV6: Bool,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
    ) -> R {
        // Byte by byte as in <netinet/in.h>: which module its structures come from depends on who imports it first.
        var storage = sockaddr_storage()
        let isV4 = ip.isV4 && !forceV6
        withUnsafeMutableBytes(of: &storage) { bytes in
            bytes.storeBytes(of: sa_family_t(isV4 ? AF_INET : AF_INET6), as: sa_family_t.self)
            bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            if isV4 {
                bytes.storeBytes(of: UInt32(truncatingIfNeeded: ip.low).bigEndian, toByteOffset: 4, as: UInt32.self)
            } else {
                bytes.storeBytes(of: ip.high.bigEndian, toByteOffset: 8, as: UInt64.self)
                bytes.storeBytes(of: ip.low.bigEndian, toByteOffset: 16, as: UInt64.self)
            }
        }
        return withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(isV4 ? 16 : 28)) }
        }
    }

    package static func with<R>(unix path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
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

    /// Where a socket is reached; nil for a Unix socket, or none.
    package static func local(of descriptor: CInt) -> (address: IPAddress, port: Int)? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return status == 0 ? read(storage) : nil
    }

    /// The address and port of an IPv4 or IPv6 peer; nil for anything else.
    package static func read(_ storage: sockaddr_storage) -> (address: IPAddress, port: Int)? {
        let family = Int32(storage.ss_family)
        return withUnsafeBytes(of: storage) { bytes in
            let port = Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            switch family {
            case AF_INET:
                return (IPAddress(v4: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))), port)
            case AF_INET6:
                let high = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                let low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
                return (IPAddress(high: high, low: low), port)
            default: return nil
            }
        }
    }
}
