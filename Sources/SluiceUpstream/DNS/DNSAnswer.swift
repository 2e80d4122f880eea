package import NIOCore
package import SluiceCore

/// Why a name could not be resolved.
package enum DNSError: String, Error, CaseIterable, Sendable {
    /// The name does not exist, or has no record of the kind asked for.
    case notFound = "not_found"
    /// No server answered in time.
    case timeout = "timeout"
    /// The servers declined to answer.
    case refused = "refused"
    /// The servers failed (SERVFAIL), or cannot do what was asked.
    case serverFailure = "server_failure"
    /// An answer that breaks the message format (RFC 1035, section 4).
    case malformed = "malformed"
    /// No server is left to ask: nothing listens at their addresses, or (c-ares 1.18 does not say which) all of them
    /// failed or declined.
    case unreachable = "unreachable"
    /// No legal host name, or no legal `host:port` among the configured servers.
    case badName = "bad_name"
    /// The resolver was shut down.
    case cancelled = "cancelled"
    /// No memory or no descriptor left.
    case noResources = "no_resources"
}

/// One address that a name led to.
package struct DNSRecord: Hashable, Sendable {
    /// The name that has the address: what was asked for, or the target of a service record.
    package var target: String
    package var address: IPAddress
    /// Of a service record; nil for a host.
    package var port: UInt16?
    /// Of a service record: lower goes first. 0 for a host.
    package var priority: UInt16
    /// Of a service record, as it came: 0 means "hardly ever" there. 1 for a host.
    package var weight: UInt16
    /// The shortest on the way there, 0 for what comes from the hosts file.
    package var ttl: TimeAmount

    package init(
        target: String,
        address: IPAddress,
        port: UInt16? = nil,
        priority: UInt16 = 0,
        weight: UInt16 = 1,
        ttl: TimeAmount
    ) {
        self.target = target
        self.address = address
        self.port = port
        self.priority = priority
        self.weight = weight
        self.ttl = ttl
    }
}

/// A part of an answer that is not known: one address family of one target got no usable reply.
///
/// Not the same as "has no such address". What was known of that part before is still the best there is.
package struct DNSGap: Hashable, Sendable {
    package var target: String
    /// Of a service record; nil for a host.
    package var port: UInt16?
    package var isV4: Bool
    package var error: DNSError

    package init(target: String, port: UInt16? = nil, isV4: Bool, error: DNSError) {
        self.target = target
        self.port = port
        self.isV4 = isV4
        self.error = error
    }
}

/// What a name stands for: at least one record, in the order of the reply, and what is missing.
package struct DNSAnswer: Hashable, Sendable {
    /// More than this many are left out; one reply of 64 KiB holds about as many.
    package static var largestCount: Int { 4096 }

    package var records: [DNSRecord]
    package var gaps: [DNSGap]

    package init(records: [DNSRecord], gaps: [DNSGap] = []) {
        self.records = records
        self.gaps = gaps
    }
}

/// Record types (RFC 1035, section 3.2.2; RFC 3596; RFC 2782).
enum DNSRecordType: UInt16, CaseIterable, Sendable {
    case a = 1
    case aaaa = 28
    case srv = 33
}

/// One question to the servers: an absolute name in lower case without the final dot, and a type.
struct DNSQuestion: Hashable, Sendable {
    var name: String
    var type: DNSRecordType
}
