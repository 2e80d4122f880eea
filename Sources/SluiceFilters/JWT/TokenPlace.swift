import NIOCore
import SluiceCore

/// A place in a request where a token may be.
///
/// Not the cases with what belongs to each: taking those out of their case would count references for each request.
struct TokenPlace: Sendable {
    fileprivate enum Kind { case header, query, cookie }

    fileprivate let kind: Kind
    /// The header.
    fileprivate let key: FieldKey
    /// The parameter or cookie; of a header the scheme in front of the token (`bearer`), if it has one.
    fileprivate let text: [UInt8]

    /// - Parameter scheme: in lower case; empty for a header with nothing but the token.
    static func header(_ key: FieldKey, scheme: [UInt8]) -> TokenPlace {
        TokenPlace(kind: .header, key: key, text: scheme)
    }

    static func query(_ name: [UInt8]) -> TokenPlace { TokenPlace(kind: .query, key: FieldKey(name), text: name) }

    static func cookie(_ name: [UInt8]) -> TokenPlace { TokenPlace(kind: .cookie, key: FieldKey(name), text: name) }
}

/// What a look at all places found.
enum TokenFinding: Equatable {
    case nothing
    /// The scheme of a token without a token behind it.
    case empty
    case several
    case token(ByteRange, place: Int)
}

extension [TokenPlace] {
    /// Looks for a token in all places: more than one is an error, whichever they are (RFC 6750, section 2).
    ///
    /// Changes nothing: `inout` so that the head is borrowed and not copied. Allocates: never.
    func find(in request: inout RequestHead) -> TokenFinding {
        var found = TokenFinding.nothing
        for index in indices {
            let next = self[index].find(in: &request, index)
            if next == .nothing { continue }
            guard found == .nothing else { return .several }
            found = next
        }
        return found
    }
}

extension TokenPlace {
    fileprivate func find(in request: inout RequestHead, _ index: Int) -> TokenFinding {
        switch kind {
        case .header: Self.inHeader(key, text, &request.fields, index)
        case .query: Self.inQuery(text, &request, index)
        case .cookie: Self.inCookies(text, &request.fields, index)
        }
    }

    private static func inHeader(
        _ key: FieldKey,
        _ scheme: [UInt8],
        _ fields: inout HeaderTable,
        _ index: Int
    ) -> TokenFinding {
        guard let first = fields.find(key) else { return .nothing }
        let found = credential(in: fields.entries[first].valueRange, scheme, &fields, index)
        var from = first + 1
        // With further lines it depends on the reader which one counts.
        while let line = fields.find(key, from: from) {
            from = line + 1
            let other = credential(in: fields.entries[line].valueRange, scheme, &fields, index)
            if found != .nothing || other != .nothing { return .several }
        }
        return found
    }

    /// RFC 9110, section 11.4: the scheme in any case of letters, blanks, the token.
    private static func credential(
        in range: ByteRange,
        _ scheme: [UInt8],
        _ fields: inout HeaderTable,
        _ index: Int
    ) -> TokenFinding {
        guard !scheme.isEmpty else { return range.isEmpty ? .nothing : .token(range, place: index) }
        guard Int(range.count) >= scheme.count else { return .nothing }
        return fields.bytes.withUnsafeReadableBytes { all in
            guard range.end <= all.count else { return .nothing }
            var at = Int(range.start) + scheme.count
            let named = UnsafeRawBufferPointer(rebasing: all[Int(range.start)..<at])
            guard scheme.withUnsafeBytes({ ASCII.equalsFolded(named, $0) }) else { return .nothing }
            guard at < range.end else { return .empty }
            guard all[at] == 0x20 else { return .nothing }
            while at < range.end, all[at] == 0x20 { at += 1 }
            return .token(ByteRange(start: at, count: range.end - at), place: index)
        }
    }

    private static func inQuery(_ name: [UInt8], _ request: inout RequestHead, _ index: Int) -> TokenFinding {
        guard let query = request.query else { return .nothing }
        return pairs(named: name, in: query, divider: UInt8(ascii: "&"), &request.fields, index)
    }

    private static func inCookies(_ name: [UInt8], _ fields: inout HeaderTable, _ index: Int) -> TokenFinding {
        var found = TokenFinding.nothing
        var from = 0
        while let line = fields.find(.cookie, from: from) {
            from = line + 1
            let range = fields.entries[line].valueRange
            let next = pairs(named: name, in: range, divider: UInt8(ascii: ";"), &fields, index)
            if next == .nothing { continue }
            found = found == .nothing ? next : .several
        }
        return found
    }

    /// The value of the one `name=value` in a list. One without a value is not there: that is how a cookie is let go.
    private static func pairs(
        named name: [UInt8],
        in range: ByteRange,
        divider: UInt8,
        _ fields: inout HeaderTable,
        _ index: Int
    ) -> TokenFinding {
        fields.bytes.withUnsafeReadableBytes { all in
            guard range.end <= all.count else { return .nothing }
            var found = TokenFinding.nothing
            var start = Int(range.start)
            for end in start...range.end where end == range.end || all[end] == divider {
                let value = value(of: name, in: all, start, end)
                if !value.isEmpty {
                    found = found == .nothing ? .token(value, place: index) : .several
                }
                start = end + 1
            }
            return found
        }
    }

    private static func value(of name: [UInt8], in all: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> ByteRange {
        var (start, end) = (start, end)
        while start < end, all[start] == 0x20 || all[start] == 0x09 { start += 1 }
        while end > start, all[end - 1] == 0x20 || all[end - 1] == 0x09 { end -= 1 }
        guard end - start > name.count, all[start + name.count] == UInt8(ascii: "="),
            all[start..<start + name.count].elementsEqual(name)
        else { return .empty }
        start += name.count + 1
        // RFC 6265, section 4.1.1: the value of a cookie may stand in quotes, which belong to it only in form.
        if end - start >= 2, all[start] == UInt8(ascii: "\""), all[end - 1] == UInt8(ascii: "\"") {
            start += 1
            end -= 1
        }
        return ByteRange(start: start, count: end - start)
    }
}

extension [TokenPlace] {
    /// Takes the token out of the request, so that no upstream gets to see it. Only one place has one: see `find`.
    func removeToken(at index: Int, from request: inout RequestHead) {
        guard indices.contains(index) else { return }
        switch self[index].kind {
        case .header: request.fields.remove(self[index].key)
        case .query: CredentialRemoval.removeParameter(self[index].text, from: &request)
        case .cookie: CredentialRemoval.removeCookie(self[index].text, from: &request)
        }
    }
}
