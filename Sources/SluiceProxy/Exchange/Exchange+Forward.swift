import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceUpstream

/// Sending the request upstream: which upstream, what head, when again.
extension Exchange {
    /// Picks the target of the route and starts the first attempt.
    func forward() {
        if withPlan(forward) == nil { reply(LocalReply(.internalError)) }
    }

    private func forward(_ plan: ForwardPlan) {
        phase = .forwarding
        guard plan.hasTargets else { return reply(LocalReply(.noHealthyUpstream)) }
        unretained(snapshot) { snapshot in
            target = plan.pickTarget(&loop.random).flatMap { snapshot.upstream(at: $0) }
        }
        unretained(target) { if plan.isSticky($0) { stickyHash = hash(plan.stickyKeys(for: $0)) } }
        let timeout = unretained(snapshot) { $0.routes[routeIndex].timeoutTicks } ?? TimerNode.never
        let isCall = translation != nil || request.fields.present.mayHave(.contentType) && request.fields.isGRPC
        if isCall, !beginCall(routeTicks: timeout) { return reply(LocalReply(.routeTimeout)) }
        if let translation {
            translation.prepareRequest(self)
        } else if let rewrite = plan.rewrite, !rewritePath(rewrite) {
            return reply(LocalReply(.badTarget))
        }
        prepareRequestFields()
        if needsTunnel, !request.wantsUpgrade { return reply(LocalReply(.badUpgrade)) }
        if request.framing.hasBody { replay.start(limit: plan.replayLimit, framing: request.framing) }
        if !isCall, timeout != TimerNode.never, requestBodyIsComplete { startRouteTimeout(timeout) }
        if let mirror = plan.mirror { startMirror(mirror) }
        startAttempt(plan)
    }

    func startRouteTimeout(_ ticks: UInt64) {
        guard routeDeadline == TimerNode.never else { return }
        routeDeadline = wheel.now &+ ticks &+ 1
        wheel.arm(self, at: routeDeadline)
    }

    func startAttempt(_ plan: ForwardPlan) {
        guard let target, snapshot != nil else { return reply(LocalReply(.internalError)) }
        let settings = attemptSettings(plan)
        beginAttemptRecord()
        attempt.start(target, hash: stickyHash, excluding: tried, settings: settings)
    }

    private func attemptSettings(_ plan: ForwardPlan) -> AttemptSettings {
        var settings = AttemptSettings()
        settings.method = upstreamLine?.method ?? request.method
        settings.mayUpgrade = request.wantsUpgrade
        settings.needsFreshConnection = needsFreshConnection
        settings.perTryTicks = plan.perTryTicks
        settings.tenant = tenant
        // Servers of gRPC send the head of a stream with its first message, whenever that is.
        let answersLate = isGRPC && translation?.clientSpeaksGRPC != true
        unretained(target) { target in
            if target.sendsProxyHeader {
                settings.needsFreshConnection = true
                settings.proxied = source?.ends
            }
            if !answersLate { settings.responseHeadTicks = target.responseHeadTicks }
        }
        let ticks = unretained(snapshot) { $0.routes[routeIndex].responseHeadTicks } ?? nil
        if let ticks { settings.responseHeadTicks = ticks }
        return settings
    }

    /// Whose request it is: the consumer's, or the address's (of IPv6 its /64, which is what one customer gets); all
    /// clients of a Unix socket are one.
    var tenant: UInt64 {
        if let consumer { return 1 << 63 | UInt64(truncatingIfNeeded: consumer.index) }
        guard let client else { return 1 }
        return client.isV4 ? 1 << 62 | (client.low & 0xFFFF_FFFF) : client.high | 1 << 61
    }

    // MARK: - The head

    /// Writes what the upstream gets before the body.
    ///
    /// - Returns: false when it cannot be written.
    func writeRequestHead(to out: inout ByteBuffer) -> Bool {
        let policy = unretained(target) { target in withPlan { $0.host(for: target) } } ?? nil
        guard let policy else { return false }
        return unretained(attempt.endpoint) {
            writeRequestHead(to: &out, hostField: $0.hostField, policy: policy, leadsHome: $0.leadsHome)
        } ?? false
    }

    /// What the route says about forwarding; nil for routes that do not.
    ///
    /// `body` must be done with the plan before it calls what may end the exchange, and with it the snapshot.
    @inline(__always)
    private func withPlan<Result>(_ body: (ForwardPlan) -> Result) -> Result? {
        guard routeIndex >= 0 else { return nil }
        return unretained(snapshot) { snapshot in unretained(snapshot.routes[routeIndex].forward, body) } ?? nil
    }

    /// `method SP path SP HTTP/1.1`, Host, the client's other fields as they came, the gateway's own.
    ///
    /// - Parameters:
    ///   - hostField: what `host: upstream` sends.
    ///   - policy: which Host the upstream gets.
    ///   - leadsHome: the upstream is this gateway.
    /// - Returns: false for a head that did not fit its own estimate, which cannot happen.
    func writeRequestHead(to out: inout ByteBuffer, hostField: [UInt8], policy: HostField, leadsHome: Bool) -> Bool {
        guard let source else { return false }
        // Every range lies in the head's bytes, and none is written more than twice besides the lines themselves.
        var size =
            request.fields.bytes.readableBytes * 3 + hostField.count + upgradeToken.count
            + source.forwardedFieldsSize(for: self) + 256
        if case .name(let name) = policy { size += name.count }
        return out.writeHead(atMost: size) { writer in
            request.fields.bytes.withUnsafeReadableBytes { bytes in
                writeRequestLine(to: &writer, bytes)
                writer.write("Host: ")
                switch policy {
                case .name(let name): writer.write(name)
                case .preserve where !request.authority.isEmpty: writer.write(request.authority, of: bytes)
                case .preserve, .upstream: writer.write(hostField)
                }
                writer.write("\r\n")
            }
            writer.write(&request.fields)
            request.fields.bytes.withUnsafeReadableBytes { source.writeForwardedFields(to: &writer, for: self, $0) }
            if leadsHome { writePasses(to: &writer) }
            writeTimeout(to: &writer)
            if sendsChunked { writer.write("Transfer-Encoding: chunked\r\n") }
            if sendsTE, !request.wantsUpgrade { writer.write("Connection: TE\r\n") }
            if request.wantsUpgrade {
                writer.write("Connection: upgrade\r\nUpgrade: ")
                writer.write(upgradeToken)
                writer.write("\r\n")
            }
            writer.write("\r\n")
        }
    }

    @inline(__always)
    private func writeRequestLine(to writer: inout HeadWriter, _ bytes: UnsafeRawBufferPointer) {
        writer.write(upstreamLine?.methodRange ?? request.methodRange, of: bytes)
        writer.write(UInt8(ascii: " "))
        if let upstreamLine {
            writer.write(upstreamLine.target, of: bytes)
        } else if request.method == .connect {
            writer.write(request.authority, of: bytes)
        } else {
            if request.path.isEmpty { writer.write(UInt8(ascii: "/")) }
            writer.write(request.path, of: bytes)
            if let query = request.query {
                writer.write(UInt8(ascii: "?"))
                writer.write(query, of: bytes)
            }
        }
        writer.write(" HTTP/1.1\r\n")
    }

    /// Takes out what belongs to the client's connection only (RFC 9110, section 7.6.1), and what strangers say about
    /// forwarding. Upgrade and TE stay until the request is forwarded, for routes and filters to see.
    func removeConnectionFields(_ connection: DownstreamConnection) {
        HopByHop.removeFromRequest(&request.fields, nominated: request.nominatesFields)
        connection.removeUntrustedForwardedFields(of: self)
        connection.writeForwardedCertificate(to: &request.fields)
    }

    /// Takes out what is written anew. Done once; further attempts send the same fields.
    private func prepareRequestFields() {
        request.fields.remove(.host)
        if request.fields.present.mayHave(.upgrade) {
            if request.wantsUpgrade { readUpgradeToken() }
            request.fields.remove(.upgrade)
        }
        sendsTE = request.fields.present.mayHave(.te) && HopByHop.keepOnlyTrailers(in: &request.fields)
        if request.framing.isChunked {
            request.fields.remove(.transferEncoding)
            sendsChunked = true
        }
        // What was collected has its length already, and without that its bytes would pass for the next request. Asking the
        // bodies counts references, even where no filter looks at them.
        let isFiltered = filterWork.contains(.requestBody) && bodies.changesRequestLength(filterChain, self)
        if request.framing.hasBody, translation != nil || isFiltered {
            request.fields.remove(.contentLength)
            sendsChunked = true
        }
        // What is still there came from a trusted proxy or from a filter, and stands.
        let present = request.fields.present
        keepsForwardedFor = present.mayHave(.xForwardedFor) && request.fields.has(.xForwardedFor)
        keepsForwardedProto = present.mayHave(.xForwardedProto) && request.fields.has(.xForwardedProto)
        keepsForwardedHost = present.mayHave(.xForwardedHost) && request.fields.has(.xForwardedHost)
    }

    /// Only tokens that the route allows are passed on; for others the request goes as a plain one.
    private func readUpgradeToken() {
        guard let range = request.fields.value(of: .upgrade), let snapshot else { return }
        let allowed = snapshot.routes[routeIndex].upgrades
        let token = request.fields.withBytes(range) { bytes -> [UInt8]? in
            allowed.contains { name in name.withUnsafeBytes { ASCII.equalsFolded(bytes, $0) } } ? Array(bytes) : nil
        }
        // A body in front of a switch of protocols is legal but nobody sends one; without it nothing is ambiguous.
        guard let token, !request.framing.hasBody else {
            request.wantsUpgrade = false
            return
        }
        upgradeToken = token
    }
}

extension ByteBuffer {
    /// Appends a range of a head's bytes; an impossible range appends nothing.
    @inline(__always)
    mutating func writeRange(_ range: ByteRange, of bytes: UnsafeRawBufferPointer) {
        guard range.end <= bytes.count else { return }
        writeBytes(UnsafeRawBufferPointer(rebasing: bytes[Int(range.start)..<range.end]))
    }
}
