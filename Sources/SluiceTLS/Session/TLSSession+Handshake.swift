import CNIOBoringSSL
import SluiceCore

/// What a session decides while the library shakes hands.
extension TLSSession {
    enum ProtocolChoice {
        /// Where in the client's list it stands.
        case found(Range<Int>)
        case ignored
        case refused
    }

    var keyLog: (@Sendable ([UInt8]) -> Void)? {
        switch side {
        case .server(let context): context.settings.keyLog
        case .client(let context): context.keyLog
        }
    }

    var ticketKeys: TLSTicketKeys? {
        guard case .server(let context) = side else { return nil }
        return context.settings.ticketKeys
    }

    /// Puts up the certificates that the client's server name leads to; the library takes the first that the client's
    /// algorithms fit. False: the handshake fails.
    func selectCertificate() -> Bool {
        guard case .server(let context) = side else { return false }
        let asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { Array(String(cString: $0).utf8) }
        serverName = asked.flatMap { DNSName.normalised($0) }
        let found = serverName.flatMap { context.names.choice(for: $0) }
        if found == nil, context.settings.refusesUnknownNames {
            let text = asked == nil ? "the client named no server" : "no certificate is for the server that was named"
            refusedName = TLSFailure(.unknownServerName, text)
        }
        let choice = found ?? context.names.fallback
        self.choice = choice
        var count = 0
        let now = context.settings.clock()
        for index in choice.certificates where context.credentials.indices.contains(index) {
            let credential = context.credentials[index].current(context.settings.staplingPolicy, now: now)
            guard let credential, credential.lend({ SSL_add1_credential(ssl, $0) }) == 1 else { continue }
            count += 1
        }
        guard count > 0 else {
            recordedFailure = TLSFailure(.noOCSPResponse, "no certificate has an OCSP response that is valid now")
            return false
        }
        // A session is resumed under the same rules for clients and the same name only (RFC 6066, section 3).
        let partition = sha256(context.settings.policyDigest + (serverName ?? []))
        return SSL_set_session_id_context(ssl, partition, partition.count) == 1
    }

    /// The first of the server's protocols that the client offers (RFC 7301, section 3.2).
    func selectProtocol(_ offered: UnsafeBufferPointer<UInt8>) -> ProtocolChoice {
        guard case .server(let context) = side else { return .ignored }
        var ranges: [Range<Int>] = []
        var index = 0
        while index < offered.count {
            let start = index + 1
            let end = start + Int(offered[index])
            guard end <= offered.count else { return .refused }
            ranges.append(start..<end)
            index = end
        }
        for name in context.settings.protocols {
            if let range = ranges.first(where: { offered[$0].elementsEqual(name) }) { return .found(range) }
        }
        // Old clients of HTTP/1.1 servers say so.
        let isOld = ranges.contains { offered[$0].elementsEqual("http/1.0".utf8) }
        return isOld && context.settings.protocols.contains(Array("http/1.1".utf8)) ? .ignored : .refused
    }

    /// Checks what the peer showed, in a full handshake or, as a client, when a session is resumed.
    func verifyPeer() -> TLSFailure? {
        let chain = peerChain()
        guard !chain.isEmpty else { return TLSFailure(.certificateInvalid, "the certificates cannot be read") }
        defer { LibraryError.clear() }
        switch side {
        case .client(let context):
            // The session was made in this context, for this host.
            return isResumed ? context.verifier.verifyDates(chain) : context.verifier.verify(chain, host: host)
        case .server(let context):
            guard let failure = context.verifier?.verify(chain, host: nil) else { return nil }
            isUnverified = context.settings.acceptsUnverified
            return isUnverified ? nil : failure
        }
    }

    /// What the library does not look at when a client's session is resumed.
    func recheckResumedClient() -> TLSFailure? {
        guard case .server(let context) = side, let verifier = context.verifier, isResumed else { return nil }
        let chain = peerChain()
        guard !chain.isEmpty else { return nil }
        defer { LibraryError.clear() }
        guard context.settings.acceptsUnverified else { return verifier.verifyDates(chain) }
        isUnverified = verifier.verify(chain, host: nil) != nil
        return nil
    }

    /// Keeps a session for the next connection to the same server, and with it a reference.
    func keep(_ session: OpaquePointer) -> Bool {
        guard case .client(let context) = side, let cacheKey else { return false }
        context.sessions.add(LibraryObject(session) { SSL_SESSION_free($0) }, for: cacheKey)
        return true
    }
}
