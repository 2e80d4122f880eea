package import NIOCore

/// A cookie that keeps a client at its endpoint.
package struct StickyCookie {
    package let name: [UInt8]
    /// What follows the value in the `Set-Cookie` for a client that came without one; nil: the cookie is only read.
    package let attributes: [UInt8]?

    /// - Parameters:
    ///   - ttl: nil: only read; 0: until the client ends its session.
    ///   - path: nil: all paths.
    package init(name: String, ttl: TimeAmount?, path: String?) {
        self.name = Array(name.utf8)
        attributes = ttl.map { ttl in
            let age = ttl > .zero ? "; Max-Age=\(ttl.nanoseconds / 1_000_000_000)" : ""
            return Array("\(age); Path=\(path ?? "/"); HttpOnly; SameSite=Lax".utf8)
        }
    }
}
