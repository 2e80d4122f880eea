import NIOCore
package import SluiceConfig
package import SluiceCore
import SluiceHTTP
package import SluiceTLS

/// Where a listener stands in the current configuration. Isolation: one loop.
final class ListenerNumber {
    /// No route names a listener that is gone.
    static let gone = Int(UInt32.max)
    var value: Int

    init(_ value: Int) { self.value = value }
}

/// A listener's rules as one loop uses them. Isolation: one loop.
package final class LoopListener {
    let name: String
    /// For logs.
    let nameBytes: [UInt8]
    let addressText: [UInt8]
    /// Place among the listeners of the current configuration, for routes that name some. Shared by all generations of
    /// the listener on one loop, since open connections keep the rules they were accepted under.
    var number: ListenerNumber
    var index: Int { number.value }
    let parserLimits: RequestParser.Limits
    let dropsUnderscores: Bool
    let path: PathRules
    let bodyLimit: UInt64?
    let requestsPerConnection: Int?
    let allowConnect: Bool
    let allowsHTTP1: Bool
    let allowsHTTP2: Bool
    let speaksTLS: Bool
    /// Certificates and the rest; changes when files do. nil in cleartext.
    package var tls: TLSServerContext?
    let handshakeTicks: UInt64
    let http2: HTTP2Model
    let httpsRedirect: HTTPSRedirect?
    let proxyProtocol: ProxyProtocolPolicy
    let forwardedCertificate: ForwardedCertificateModel
    let allowTrace: Bool
    let requestHeadTicks: UInt64
    let keepAliveTicks: UInt64
    let streamIdleTicks: UInt64
    let connectionAgeTicks: UInt64
    let state: ListenerState
    private let trusted: [CIDR]

    /// - Parameter tls: needed when the model has TLS.
    package init(_ model: ListenerModel, index: Int, state: ListenerState, tls: TLSServerContext? = nil) {
        name = model.name
        nameBytes = model.name.utf8.map { $0 }
        addressText = Array(model.address.text.utf8)
        self.number = ListenerNumber(index)
        var limits = RequestParser.Limits()
        limits.headBytes = model.limits.headBytes
        limits.fields = model.limits.headerCount
        limits.uriBytes = model.limits.uriBytes
        limits.refuseUnderscores = model.underscores == .refuse
        parserLimits = limits
        dropsUnderscores = model.underscores == .drop
        path = PathRules(model.path)
        bodyLimit = model.limits.bodyBytes
        requestsPerConnection = model.limits.requestsPerConnection
        allowConnect = model.allowConnect
        allowTrace = model.allowTrace
        allowsHTTP1 = model.protocols.contains(.http1)
        allowsHTTP2 = model.protocols.contains(.http2)
        speaksTLS = model.tls != nil
        self.tls = tls
        let patience = model.tls?.handshakeTimeout ?? model.timeouts.requestHead
        handshakeTicks = TimerWheel.ticks(nanoseconds: patience.nanoseconds)
        http2 = model.http2
        proxyProtocol = model.proxyProtocol
        httpsRedirect = model.httpsRedirect.map(HTTPSRedirect.init)
        forwardedCertificate = model.tls?.forwardedCertificate ?? ForwardedCertificateModel()
        requestHeadTicks = TimerWheel.ticks(nanoseconds: model.timeouts.requestHead.nanoseconds)
        keepAliveTicks = TimerWheel.ticks(nanoseconds: model.timeouts.keepAlive.nanoseconds)
        streamIdleTicks = TimerWheel.ticks(nanoseconds: model.timeouts.streamIdle.nanoseconds)
        connectionAgeTicks = TimerWheel.ticks(nanoseconds: model.timeouts.connectionAge.nanoseconds)
        self.state = state
        trusted = model.trustedProxies
    }

    /// What HTTP/2 connections are told and held to.
    func configure(_ settings: inout HTTP2Settings) {
        settings.maxHeaderListSize = UInt32(clamping: parserLimits.headBytes)
        settings.maxFields = parserLimits.fields + 5
        settings.maxConcurrentStreams = UInt32(clamping: http2.maxStreams)
        settings.streamWindow = Int32(clamping: http2.streamWindow)
        settings.connectionWindow = Int32(clamping: http2.connectionWindow)
    }

    /// The URI in our own certificate, as a mesh names its members.
    var ownURI: [UInt8]? { tls?.certificates.first?.uris.first }

    var trustsNobody: Bool { trusted.isEmpty }

    func trusts(_ address: IPAddress) -> Bool {
        for network in trusted where network.contains(address) { return true }
        return false
    }
}

extension PathRules {
    package init(_ policy: PathPolicy) {
        let slash: EncodedSlash =
            switch policy.encodedSlash {
            case .refuse: .refuse
            case .keep: .keep
            case .decode: .decode
            }
        self.init(normalize: policy.normalize, mergeSlashes: policy.mergeSlashes, encodedSlash: slash)
    }
}
