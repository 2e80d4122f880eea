package import NIOCore

/// Versions of HTTP that a listener may speak.
package enum HTTPProtocol: String, CaseIterable, Sendable { case http1, http2 }

/// What is spoken with the servers of an upstream.
package enum UpstreamProtocol: String, CaseIterable, Sendable {
    case http1
    /// In cleartext by prior knowledge (RFC 9113, section 3.3).
    case http2
    /// What the server chooses in the TLS handshake; HTTP/1.1 in cleartext.
    case auto
}

/// Settings of HTTP/2 connections; see RFC 9113.
package struct HTTP2Model: Hashable, Sendable {
    /// Streams of one connection at the same time.
    package var maxStreams = 100
    /// Bytes of one stream that a peer may send ahead.
    package var streamWindow = 64 * 1024
    /// Bytes of all streams of a connection that a peer may send ahead.
    package var connectionWindow = 1024 * 1024
    /// How long a connection is silent before it is asked for a sign of life; nil: never.
    package var keepaliveInterval: TimeAmount?
    /// How long that may take.
    package var keepaliveTimeout = TimeAmount.seconds(10)

    package init() {}
}

/// Whether connections of a listener begin with a PROXY protocol header (versions 1 and 2), which says who the client
/// is. Only `trusted_proxies` may send one.
package enum ProxyProtocolPolicy: String, CaseIterable, Sendable {
    case off
    /// Trusted peers may send one.
    case accept
    /// Trusted peers must send one, and others are refused.
    case require
}

/// The PROXY protocol header that an upstream's connections begin with.
package enum ProxyProtocolVersion: String, CaseIterable, Sendable { case v1, v2 }

/// A listener that sends every client to `https`.
package struct HTTPSRedirectModel: Hashable, Sendable {
    /// Of the `https` address; 443 is not written.
    package var port = 443
    package var status = 308

    package init() {}
}
