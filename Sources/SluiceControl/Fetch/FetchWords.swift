import Glibc
import NIOCore
import NIOSSL
import SluiceCore
import SluiceUpstream

/// What went wrong with a fetch, for people.
enum FetchWords {
    static func lookup(_ error: DNSError, of host: String) -> String {
        switch error {
        case .notFound: "there is no host '\(host)'"
        case .timeout: "the name servers did not answer for '\(host)'"
        case .unreachable: "no name server can be reached for '\(host)'"
        case .badName: "'\(host)' is no host name"
        case .cancelled: "the gateway is stopping"
        case .refused, .serverFailure, .malformed, .noResources:
            "'\(host)' could not be looked up (\(error.rawValue))"
        }
    }

    static func connecting(_ error: any Error, to address: SocketAddress) -> String {
        switch error {
        case let error as IOError: "cannot connect to \(show(address)): \(text(error))"
        case ChannelError.connectTimeout: "cannot connect to \(show(address)): it does not answer"
        default: "cannot connect to \(show(address)): \(error)"
        }
    }

    /// What broke a connection that was made.
    static func connection(_ error: any Error, to url: FetchURL, sawBytes: Bool) -> String {
        switch error {
        case NIOSSLError.uncleanShutdown:
            sawBytes ? "the answer was cut off" : "the connection was closed without an answer"
        case NIOSSLError.handshakeFailed(let reason): handshake(reason, url)
        case NIOSSLError.unableToValidateCertificate, NIOSSLError.noCertificateToValidate:
            "the certificate is not one for '\(url.host)'"
        case let error as NIOSSLExtraError
        where error == .failedToValidateHostname || error == .serverHostnameImpossibleToMatch:
            "the certificate is not one for '\(url.host)'"
        case is BoringSSLError: "the TLS connection broke: \(reason(error))"
        case let error as IOError: "the connection broke: \(text(error))"
        default: "the connection broke: \(error)"
        }
    }

    private static func handshake(_ error: BoringSSLError, _ url: FetchURL) -> String {
        let reason = reason(error)
        if reason == "CERTIFICATE_VERIFY_FAILED" {
            return "the certificate is not trusted: it has expired, or nobody whom this machine trusts has signed it"
        }
        if reason == "WRONG_VERSION_NUMBER" { return "TLS handshake failed: the server does not speak TLS" }
        if case .syscallError = error { return "TLS handshake failed: the connection was closed" }
        return "TLS handshake failed: \(reason)"
    }

    /// The last part of BoringSSL's own text, which is the one that says something: `... :WRONG_VERSION_NUMBER]`.
    private static func reason(_ error: any Error) -> String {
        let text = "\(error)"
        let words = text.split { !($0.isUppercase || $0.isNumber || $0 == "_") }
        return words.last { $0.contains("_") && $0.first?.isUppercase == true }.map(String.init) ?? text
    }

    private static func text(_ error: IOError) -> String { String(cString: strerror(error.errnoCode)) }

    static func show(_ address: SocketAddress) -> String {
        let ip = address.ipAddress ?? "?"
        return "\(ip.contains(":") ? "[\(ip)]" : ip):\(address.port ?? 0)"
    }
}
