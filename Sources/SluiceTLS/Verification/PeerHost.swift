import SluiceCore

/// Who a server must prove to be.
enum PeerHost: Sendable, Equatable {
    /// As `DNSName.normalised` leaves it.
    case name([UInt8])
    case address(IPAddress)

    /// A host name or an IP address, with or without brackets; nil for what is neither.
    init?(_ bytes: [UInt8]) {
        if let address = IPAddress(String(decoding: bytes, as: UTF8.self)) {
            self = .address(address)
        } else if let name = DNSName.normalised(bytes) {
            self = .name(name)
        } else {
            return nil
        }
    }

    /// Whether one of a certificate's names stands for it (RFC 9525, section 6). The common name is none of them.
    func isCovered(by names: SubjectNames) -> Bool {
        switch self {
        case .name(let name): names.dns.contains { DNSName.matches(pattern: $0, host: name) }
        case .address(let address): names.ipAddresses.contains(address)
        }
    }
}
