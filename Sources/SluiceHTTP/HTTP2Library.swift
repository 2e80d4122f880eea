import CNGHTTP2

/// The HTTP/2 library as it was built.
package enum HTTP2Library {
    /// Its version, for example `1.52.0`.
    package static var version: String { nghttp2_version(0).map { String(cString: $0.pointee.version_str) } ?? "?" }
}
