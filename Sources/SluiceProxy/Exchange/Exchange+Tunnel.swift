import NIOCore
import SluiceCore
import SluiceFilters
import SluiceHTTP
import SluiceUpstream

/// After a 101, or a 2xx to CONNECT: bytes pass both ways untouched until both sides have ended.
extension Exchange {
    func beginTunnel() {
        guard let connection else { return attempt.cancel() }
        if response.status == 101, !answersUpgrade || connection.needsTunnel && !provesKey { return refuseUpgrade() }
        phase = .tunnel
        disarm()
        requestBodyIsComplete = true
        responseHeadSent = true
        HopByHop.remove(from: &response.fields, nominated: response.nominatesFields)
        response.fields.remove(.upgrade)
        runResponseFilters()
        connection.beginTunnel(of: self, token: upgradeToken)
        connection.watchStream()
    }

    /// A switch to what was not asked for would be read two ways (RFC 9110, section 15.2.2).
    private var answersUpgrade: Bool {
        guard !upgradeToken.isEmpty, let range = response.fields.value(of: .upgrade) else { return false }
        return response.fields.withBytes(range) { bytes in
            upgradeToken.withUnsafeBytes { ASCII.equalsFolded(bytes, $0) }
        }
    }

    /// Whether the upstream has understood the handshake. The key of a WebSocket over HTTP/2 is the gateway's own, so that
    /// nobody else can look (RFC 6455, section 4.1; RFC 8441, section 5).
    private var provesKey: Bool {
        let keyName = Array("sec-websocket-key".utf8)
        let proofName = Array("sec-websocket-accept".utf8)
        guard let key = request.fields.firstIndex(ofLowercased: keyName),
            let proof = response.fields.firstIndex(ofLowercased: proofName)
        else { return false }
        let wanted = request.fields.withBytes(request.fields.entries[key].valueRange) {
            WebSocketKey.accept(forKey: $0)
        }
        return response.fields.withBytes(response.fields.entries[proof].valueRange) { $0.elementsEqual(wanted) }
    }

    /// The upstream's answer to an upgrade cannot be passed on.
    func refuseUpgrade() {
        attempt.cancel()
        response.reset()
        reply(LocalReply(.upgradeRefused))
    }

    func tunnelBytesFromDownstream(_ bytes: ByteBuffer) {
        record.requestBytes += UInt64(bytes.readableBytes)
        attempt.writeAndFlush(bytes)
        if !attempt.isWritable { connection?.pauseReading() }
    }

    func tunnelBytesFromUpstream(_ bytes: ByteBuffer) {
        record.responseBytes += UInt64(bytes.readableBytes)
        connection?.sendTunnel(bytes)
    }

    func tunnelEndedByDownstream() {
        tunnelHalvesEnded += 1
        if tunnelHalvesEnded == 2 { return tunnelFinished() }
        attempt.closeTunnelOutput()
    }

    func attemptTunnelEnded(_ attempt: Attempt) {
        flushDownstream()
        tunnelHalvesEnded += 1
        if tunnelHalvesEnded == 2 { return tunnelFinished() }
        connection?.closeTunnelOutput()
    }

    /// Both directions ended, or one side is gone.
    func tunnelFinished() {
        responseIsComplete = true
        let connection = self.connection
        attempt.finishTunnel()
        finish()
        connection?.finishTunnel()
    }
}
