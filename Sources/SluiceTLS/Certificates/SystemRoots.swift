#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Where operating systems keep the certificates that they trust.
package enum SystemRoots {
    /// Files that hold all of them in PEM, in the order of trying.
    package static let paths = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
        "/usr/local/share/certs/ca-root-nss.crt",
    ]

    /// The first of them that can be read; nil without one. For the control thread: it reads a file.
    package static var path: String? {
        paths.first { access($0, R_OK) == 0 }
    }
}
