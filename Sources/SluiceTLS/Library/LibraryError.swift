import CNIOBoringSSL

/// The last error that a call into the library left on this thread.
struct LibraryError {
    /// ERR_LIB_*.
    let library: Int32
    let reason: Int32

    /// Takes the oldest error, which is the cause, and clears the rest.
    static func take() -> LibraryError? {
        let code = ERR_get_error()
        guard code != 0 else { return nil }
        ERR_clear_error()
        return LibraryError(library: ERR_GET_LIB(code), reason: ERR_GET_REASON(code))
    }

    static func clear() { ERR_clear_error() }

    /// Whether it is this reason of the TLS part of the library.
    func isTLS(_ reason: Int32) -> Bool { library == ERR_LIB_SSL && self.reason == reason }

    /// Words in lower case, such as `no shared cipher`.
    var text: String {
        let code = UInt32(truncatingIfNeeded: library & 0xFF) << 24 | UInt32(truncatingIfNeeded: reason & 0xFFF)
        guard let words = ERR_reason_error_string(code) else { return "library error \(library):\(reason)" }
        return String(cString: words).lowercased().replacingUnderscores
    }
}

extension String {
    fileprivate var replacingUnderscores: String { String(map { $0 == "_" ? " " : $0 }) }
}
