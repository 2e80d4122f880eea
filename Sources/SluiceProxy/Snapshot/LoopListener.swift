import NIOCore
package import SluiceConfig
package import SluiceCore
import SluiceHTTP

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
    let allowsHTTP2 = true
    let allowTrace: Bool
    let requestHeadTicks: UInt64
    let keepAliveTicks: UInt64
    let streamIdleTicks: UInt64
    let connectionAgeTicks: UInt64
    let state: ListenerState
    private let trusted: [CIDR]

    package init(_ model: ListenerModel, index: Int, state: ListenerState) {
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
    }

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
