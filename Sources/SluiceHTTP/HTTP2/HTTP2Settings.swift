/// Which end of a connection a session is.
package enum HTTP2Role: Sendable { case server, client }

/// What one HTTP/2 session tells its peer, and what it puts up with.
package struct HTTP2Settings: Sendable {
    /// Streams that the peer may have open at a time (SETTINGS_MAX_CONCURRENT_STREAMS); only for a server.
    package var maxConcurrentStreams: UInt32 = 100
    /// Bytes that a peer may send on one stream ahead of `consume` (SETTINGS_INITIAL_WINDOW_SIZE).
    package var streamWindow: Int32 = 64 * 1024
    /// Bytes that a peer may send on all streams together ahead of `consumeConnection`; at least 65,535.
    package var connectionWindow: Int32 = 1024 * 1024
    /// Largest frame that is taken, 16,384 to 16,777,215 bytes.
    package var maxFrameSize: UInt32 = 16 * 1024
    /// Bytes of the peer's HPACK table, and at most so many of our own.
    package var headerTableSize: UInt32 = 4096
    /// Names and values of one header block, with 32 bytes for each field (RFC 9113, section 6.5.2).
    package var maxHeaderListSize: UInt32 = 64 * 1024
    /// Fields of one header block, pseudo fields and each crumb of a cookie included.
    package var maxFields = 256
    /// Whether extended CONNECT is offered (RFC 8441, section 3); only for a server.
    package var enableConnectProtocol = true
    package var floods = HTTP2FloodLimits()

    package init() {}
}

/// How much a peer may do that costs work and moves nothing: see `HTTP2FloodGuard`.
package struct HTTP2FloodLimits: Sendable {
    /// A number of events that may come at once, and how many more are allowed for each second that goes by.
    package struct Allowance: Sendable {
        package var burst: Int
        package var perSecond: Int

        package init(burst: Int, perSecond: Int) {
            self.burst = burst
            self.perSecond = perSecond
        }
    }

    /// Streams that a client resets (rapid reset, CVE-2023-44487).
    package var resets = Allowance(burst: 400, perSecond: 100)
    /// Streams that a client makes us reset, or whose head is too large (MadeYouReset, CVE-2025-8671).
    package var provokedResets = Allowance(burst: 200, perSecond: 20)
    /// PING frames that are no answers.
    package var pings = Allowance(burst: 100, perSecond: 20)
    /// SETTINGS frames that are no answers.
    package var settings = Allowance(burst: 20, perSecond: 2)
    /// DATA, HEADERS and CONTINUATION frames that carry nothing and end nothing.
    package var emptyFrames = Allowance(burst: 100, perSecond: 20)
    /// WINDOW_UPDATE, PRIORITY, GOAWAY and unknown frames, and answers that nobody asked for.
    package var idleFrames = Allowance(burst: 1000, perSecond: 200)
    /// CONTINUATION frames of one header block (CVE-2024-28182).
    package var continuations = 8
    /// Entries of one SETTINGS frame.
    package var settingsEntries = 32
    /// Frames that wait to be sent because the peer does not read, bodies left out.
    package var pendingFrames = 2000

    package init() {}
}
