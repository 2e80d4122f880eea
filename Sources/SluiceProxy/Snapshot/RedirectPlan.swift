import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters

/// Where a redirect points, given the request.
struct RedirectPlan {
    let status: UInt16
    let to: Template?
    let prefix: (matched: Int, replacement: [UInt8])?
    let scheme: String?
    let host: [UInt8]?
    let port: Int?
    let keepsQuery: Bool

    /// A path as `to` gives a relative reference unless scheme, host or port are named; a whole URL stands as it is.
    ///
    /// - Returns: false when the client's bytes make a location that must not be used.
    func write(to out: inout ByteBuffer, for exchange: Exchange) -> Bool {
        guard writeLocation(to: &out, for: exchange) else { return false }
        mergeLeadingSlashes(&out)
        return true
    }

    /// A path of two slashes is a reference to another host, which a client must not be able to choose.
    private func mergeLeadingSlashes(_ out: inout ByteBuffer) {
        if let to, to.isConstant { return }
        let slash = UInt8(ascii: "/")
        while let first = out.getInteger(at: out.readerIndex, as: UInt8.self), first == slash,
            let second = out.getInteger(at: out.readerIndex + 1, as: UInt8.self),
            second == slash || second == UInt8(ascii: "\\")
        {
            out.moveReaderIndex(forwardBy: 1)
            out.setInteger(slash, at: out.readerIndex)
        }
    }

    private func writeLocation(to out: inout ByteBuffer, for exchange: Exchange) -> Bool {
        if scheme != nil || host != nil || port != nil {
            // HTTP/1.0 may come without a host to point back to.
            guard host != nil || !exchange.request.host.isEmpty else { return false }
            writeOrigin(to: &out, exchange)
        }
        if let to {
            guard exchange.render(to, for: .path, into: &out) else { return false }
        } else if let prefix {
            exchange.request.fields.withBytes(exchange.request.path) {
                PrefixReplacement.write(prefix.replacement, for: $0, matched: prefix.matched, to: &out)
            }
        } else {
            exchange.request.fields.bytes.withUnsafeReadableBytes { out.writeRange(exchange.request.path, of: $0) }
        }
        guard keepsQuery, let query = exchange.request.query, !out.readableBytesView.contains(UInt8(ascii: "?")) else {
            return true
        }
        out.writeInteger(UInt8(ascii: "?"))
        exchange.request.fields.bytes.withUnsafeReadableBytes { out.writeRange(query, of: $0) }
        return true
    }

    private func writeOrigin(to out: inout ByteBuffer, _ exchange: Exchange) {
        let scheme = self.scheme ?? (exchange.isSecure ? "https" : "http")
        out.writeString("\(scheme)://")
        if let host {
            out.writeBytes(host)
        } else {
            let range = port == nil && self.scheme == nil ? exchange.request.authority : exchange.request.host
            exchange.request.fields.bytes.withUnsafeReadableBytes { out.writeRange(range, of: $0) }
        }
        let isUsual = port == nil || (scheme == "http" && port == 80) || (scheme == "https" && port == 443)
        if let port, !isUsual { out.writeString(":\(port)") }
    }
}
