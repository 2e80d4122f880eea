import NIOCore
package import SluiceCore
import SluiceFilters
import SluiceHTTP

/// `X-Forwarded-*` and `Forwarded` (RFC 7239): who the client is, and what the upstream is told about it.
extension DownstreamConnection {
    /// The client's address: the peer, or behind trusted proxies the rightmost address that is not one of them.
    func clientAddress(of request: RequestHead) -> IPAddress? {
        guard let peer = peer.address, listener.trusts(peer) else { return self.peer.address }
        var client = peer
        let list = ForwardedList(request.fields)
        // From the right: each proxy appended the one before it. An entry that is no address ends the walk.
        for entry in list.addresses.reversed() {
            guard let address = entry else { break }
            client = address
            if !listener.trusts(address) { break }
        }
        return client
    }

    private var peerIsTrusted: Bool { peer.address.map(listener.trusts) ?? false }

    /// What a stranger says about forwarding is not passed on; `X-Forwarded-For` is always written anew.
    func removeUntrustedForwardedFields(of exchange: Exchange) {
        if !exchange.request.fields.present.mayHaveForwardedFields { return }
        exchange.readPasses()
        let trusted = peerIsTrusted
        if let range = exchange.request.fields.value(of: .xForwardedFor) {
            if trusted { exchange.forwardedFor = joinedForwardedFor(exchange.request.fields, first: range) }
            exchange.request.fields.remove(.xForwardedFor)
        }
        if !trusted {
            exchange.request.fields.remove(.xForwardedProto)
            exchange.request.fields.remove(.xForwardedHost)
        }
        if exchange.request.fields.has(.forwarded) {
            if trusted { appendForwarded(to: &exchange.request) } else { exchange.request.fields.remove(.forwarded) }
        }
        if !trusted { exchange.request.fields.remove(.xRealIP) }
    }

    private func joinedForwardedFor(_ fields: HeaderTable, first: ByteRange) -> [UInt8] {
        var all: [UInt8] = []
        var from = 0
        while let i = fields.firstIndex(of: .xForwardedFor, from: from) {
            fields.withBytes(fields.entries[i].valueRange) { value in
                guard !value.isEmpty else { return }
                if !all.isEmpty { all += [0x2C, 0x20] }
                all += value
            }
            from = i + 1
        }
        return all
    }

    private func appendForwarded(to request: inout RequestHead) {
        let host = request.fields.withBytes(request.authority) { Array($0) }
        var value: [UInt8] = Array("for=".utf8)
        value += peer.forwardedNode
        value += Array(";proto=\(peer.scheme)".utf8)
        if !host.isEmpty { value += Array(";host=\"".utf8) + host + [0x22] }
        request.fields.append(.forwarded, value: value)
    }

    /// At most this many bytes are written by `writeForwardedFields`, the host left out.
    func forwardedFieldsSize(for exchange: Exchange) -> Int {
        peer.forwardedLines.count + peer.text.count + exchange.forwardedFor.count + 96
    }

    /// The lines that the gateway adds to every forwarded request.
    func writeForwardedFields(to writer: inout HeadWriter, for exchange: Exchange, _ bytes: UnsafeRawBufferPointer) {
        if exchange.forwardedFor.isEmpty, !exchange.keepsForwardedProto, !exchange.keepsForwardedFor {
            writer.write(peer.forwardedLines)
        } else {
            writeTrustedForwardedFields(to: &writer, for: exchange)
        }
        if !exchange.keepsForwardedHost, !exchange.request.authority.isEmpty {
            writer.write("X-Forwarded-Host: ")
            writer.write(exchange.request.authority, of: bytes)
            writer.write("\r\n")
        }
    }

    private func writeTrustedForwardedFields(to writer: inout HeadWriter, for exchange: Exchange) {
        if !exchange.keepsForwardedFor, !exchange.forwardedFor.isEmpty || !peer.text.isEmpty {
            writer.write("X-Forwarded-For: ")
            writer.write(exchange.forwardedFor)
            if !exchange.forwardedFor.isEmpty, !peer.text.isEmpty { writer.write(", ") }
            writer.write(peer.text)
            writer.write("\r\n")
        }
        if !exchange.keepsForwardedProto {
            writer.write("X-Forwarded-Proto: ")
            writer.write(peer.scheme)
            writer.write("\r\n")
        }
    }
}

/// The other end of a connection.
struct PeerAddress {
    /// nil for a Unix socket.
    let address: IPAddress?
    /// As in `X-Forwarded-For`; empty for a Unix socket.
    let text: [UInt8]
    /// 0 for a Unix socket.
    let port: UInt16
    /// Whether requests come over TLS.
    let isSecure: Bool
    /// `X-Forwarded-For: ADDRESS CRLF` and `X-Forwarded-Proto: SCHEME CRLF`, ready to be copied; without the first for a
    /// Unix socket.
    let forwardedLines: [UInt8]

    init(_ address: IPAddress?, port: UInt16 = 0, isSecure: Bool = false) {
        self.address = address
        self.port = port
        self.isSecure = isSecure
        self.text = address.map { Array($0.description.utf8) } ?? []
        let line = text.isEmpty ? [] : Array("X-Forwarded-For: ".utf8) + text + [0x0D, 0x0A]
        self.forwardedLines = line + Array("X-Forwarded-Proto: \(isSecure ? "https" : "http")\r\n".utf8)
    }

    var scheme: StaticString { isSecure ? "https" : "http" }

    /// RFC 7239, section 6: IPv6 is quoted and in brackets.
    var forwardedNode: [UInt8] {
        guard let address else { return Array("unknown".utf8) }
        return address.isV4 ? text : Array("\"[".utf8) + text + Array("]\"".utf8)
    }
}

/// The addresses that proxies noted, oldest first; nil where an entry is not an address.
package struct ForwardedList {
    package private(set) var addresses: [IPAddress?] = []

    /// `X-Forwarded-For` wins over `Forwarded` where both are there: it is what most proxies write.
    package init(_ fields: HeaderTable) {
        let name: FieldName = fields.has(.xForwardedFor) ? .xForwardedFor : .forwarded
        var from = 0
        var found: [IPAddress?] = []
        while let i = fields.firstIndex(of: name, from: from) {
            fields.withBytes(fields.entries[i].valueRange) { value in
                FieldList.forEach(value) { item in
                    found.append(name == .forwarded ? Self.forwardedFor(item) : Self.address(item))
                    // The nearest hops stand at the end; what a client wrote in front of many is of no interest.
                    if found.count > 64 { found.removeFirst() }
                }
            }
            from = i + 1
        }
        addresses = found
    }

    /// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
    private static func address(_ item: UnsafeRawBufferPointer) -> IPAddress? {
        guard item.count <= 64 else { return nil }
        let text = String(decoding: item, as: UTF8.self)
        if let address = IPAddress(text) { return address }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        return IPAddress(String(text[..<colon]))
    }

    /// The `for` parameter of one element.
    private static func forwardedFor(_ item: UnsafeRawBufferPointer) -> IPAddress? {
        for pair in item.split(separator: 0x3B) {
            let trimmed = ASCII.trimmed(UnsafeRawBufferPointer(rebasing: pair))
            guard trimmed.count > 4 else { continue }
            guard ASCII.equalsFolded(UnsafeRawBufferPointer(rebasing: trimmed[..<4]), "for=") else { continue }
            var value = UnsafeRawBufferPointer(rebasing: trimmed[4...])
            if value.count >= 2, value.first == 0x22, value.last == 0x22 {
                value = UnsafeRawBufferPointer(rebasing: value[1..<(value.count - 1)])
            }
            return address(value)
        }
        return nil
    }
}
