package import SluiceCore
import SluiceHTTP

/// Takes a credential out of a request before an upstream sees it.
package enum CredentialRemoval {
    /// All query parameters of that name.
    package static func removeParameter(_ name: [UInt8], from request: inout RequestHead) {
        guard QueryParameters.first(name, in: request) != nil, let query = request.query else { return }
        let rest = request.fields.withBytes(query) { bytes in
            bytes.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
                .filter { !$0.prefix { $0 != UInt8(ascii: "=") }.elementsEqual(name) }
                .joined(separator: [UInt8(ascii: "&")])
                .map { $0 }
        }
        request.query = rest.isEmpty ? nil : request.fields.store(rest)
    }

    /// All cookies of that name; a field without others goes.
    package static func removeCookie(_ name: [UInt8], from request: inout RequestHead) {
        var kept: [[UInt8]] = []
        var from = 0
        var found = false
        while let index = request.fields.firstIndex(of: .cookie, from: from) {
            from = index + 1
            let pairs: [[UInt8]] = request.fields.withBytes(request.fields.entries[index].valueRange) { bytes in
                bytes.split(separator: UInt8(ascii: ";")).compactMap { pair in
                    let pair = ASCII.trimmed(UnsafeRawBufferPointer(rebasing: pair))
                    if pair.prefix(while: { $0 != UInt8(ascii: "=") }).elementsEqual(name) {
                        found = true
                        return nil
                    }
                    return Array(pair)
                }
            }
            kept += pairs
        }
        guard found else { return }
        request.fields.remove(.cookie)
        if !kept.isEmpty { request.fields.append(.cookie, value: Array(kept.joined(separator: [0x3B, 0x20]))) }
    }
}

/// Text of a query (URL standard, `application/x-www-form-urlencoded`).
package enum FormText {
    /// Resolves `%XX` and `+`; a `%` without two digits stands for itself.
    ///
    /// - Parameter plus: what a `+` means.
    package static func decoded(_ bytes: UnsafeRawBufferPointer, plus: UInt8 = 0x20) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var i = 0
        while i < bytes.count {
            if bytes[i] == UInt8(ascii: "%"), i + 2 < bytes.count, let high = ASCII.hexValue(bytes[i + 1]),
                let low = ASCII.hexValue(bytes[i + 2])
            {
                out.append(high << 4 | low)
                i += 3
            } else {
                out.append(bytes[i] == UInt8(ascii: "+") ? plus : bytes[i])
                i += 1
            }
        }
        return out
    }
}
