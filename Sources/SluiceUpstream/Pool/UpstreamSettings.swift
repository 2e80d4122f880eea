import NIOCore
package import SluiceConfig
import SluiceCore

/// What a loop needs to know of an upstream's configuration.
///
/// Made on each loop from the model, so that no request touches memory that two loops count references on.
package struct UpstreamSettings {
    package let limits: UpstreamLimits
    package let timeouts: UpstreamTimeouts
    package let host: HostField
    /// What sticky choices are computed from where the route does not say; empty: nothing.
    package let stickyKeys: [StickyKey]
    package let outlier: OutlierModel?

    package init(_ model: UpstreamModel) {
        limits = model.limits
        timeouts = model.timeouts
        host = HostField(model.host)
        outlier = model.outlier
        switch model.balancing {
        case .ringHash(_, let hash), .maglev(_, let hash): stickyKeys = hash.map(StickyKey.init)
        case .roundRobin, .leastRequest, .random: stickyKeys = []
        }
    }
}

/// How HTTP/2 connections to an upstream are used.
struct HTTP2Timing {
    var maxStreams = 100
    var streamWindow: Int32 = 64 * 1024
    var connectionWindow: Int32 = 1024 * 1024
    /// In ticks; nil: silent connections are not asked for a sign of life.
    var keepalive: (interval: UInt64, timeout: UInt64)?

    init(_ model: HTTP2Model = HTTP2Model()) {
        maxStreams = model.maxStreams
        streamWindow = Int32(clamping: model.streamWindow)
        connectionWindow = Int32(clamping: model.connectionWindow)
        keepalive = model.keepaliveInterval.map { interval in
            (
                interval: TimerWheel.ticks(nanoseconds: interval.nanoseconds),
                timeout: TimerWheel.ticks(nanoseconds: model.keepaliveTimeout.nanoseconds)
            )
        }
    }
}

/// Which Host an upstream gets, ready to be written.
package enum HostField {
    /// That of the chosen endpoint.
    case upstream
    /// What the client sent.
    case preserve
    case name([UInt8])

    package init(_ policy: HostPolicy) {
        switch policy {
        case .upstream: self = .upstream
        case .preserve: self = .preserve
        case .name(let name): self = .name(Array(name.utf8))
        }
    }
}
