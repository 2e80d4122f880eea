package import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters

/// Another path for the upstream.
enum PathRewrite {
    /// Replaces the first `count` bytes of the path.
    case prefix(matched: Int, replacement: [UInt8])
    case template(Template)
    case regex(RegularExpression, substitution: [UInt8])
}

extension Exchange {
    /// Replaces the path before the request is forwarded; the query stays.
    ///
    /// - Returns: false when the client's bytes make a path that must not be used.
    func rewritePath(_ rewrite: PathRewrite) -> Bool {
        var path = ByteBuffer()
        switch rewrite {
        case .prefix(let matched, let replacement):
            request.fields.withBytes(request.path) { old in
                PrefixReplacement.write(replacement, for: old, matched: matched, to: &path)
            }
        case .template(let template):
            guard render(template, for: .path, into: &path) else { return false }
        case .regex(let expression, let substitution):
            let outcome = request.fields.withBytes(request.path) { old in
                substitution.withUnsafeBytes {
                    expression.replaceAll(in: old, with: $0, limit: Worker.bufferLimit, into: &path)
                }
            }
            guard outcome == .replaced else { return outcome == .unchanged }
            if path.readableBytesView.withUnsafeBytes(PathNormalizer.hasDotSegment) { return false }
        }
        guard path.readableBytesView.allSatisfy(ASCII.isTarget) else { return false }
        if path.getInteger(at: path.readerIndex) != UInt8(ascii: "/") {
            let slash = request.fields.store([UInt8(ascii: "/")])
            let rest = request.fields.store(path.readableBytesView)
            request.path = ByteRange(start: slash.start, count: rest.count + 1)
        } else {
            request.path = request.fields.store(path.readableBytesView)
        }
        splitRewrittenQuery()
        return true
    }

    /// A rewrite may bring a query of its own, which then replaces or precedes the client's.
    private func splitRewrittenQuery() {
        let mark = request.fields.withBytes(request.path) { $0.firstIndex(of: UInt8(ascii: "?")) }
        guard let mark else { return }
        let own = ByteRange(start: Int(request.path.start) + mark + 1, count: Int(request.path.count) - mark - 1)
        request.path = ByteRange(start: Int(request.path.start), count: mark)
        guard let old = request.query, !old.isEmpty else {
            request.query = own
            return
        }
        let joined =
            request.fields.withBytes(own) { Array($0) } + [UInt8(ascii: "&")]
            + request.fields.withBytes(old) { Array($0) }
        request.query = request.fields.store(joined)
    }
}

/// `prefix: /v2` in place of the matched `/v1`, without doubled or missing slashes.
package enum PrefixReplacement {
    package static func write(
        _ replacement: [UInt8],
        for path: UnsafeRawBufferPointer,
        matched: Int,
        to out: inout ByteBuffer
    ) {
        let rest = UnsafeRawBufferPointer(rebasing: path.dropFirst(min(matched, path.count)))
        let slash = UInt8(ascii: "/")
        var front = replacement[...]
        if front.last == slash, rest.isEmpty || rest.first == slash { front = front.dropLast() }
        out.writeBytes(front)
        if let first = rest.first, first != slash { out.writeInteger(slash) }
        out.writeBytes(rest)
        if out.readableBytes == 0 { out.writeInteger(slash) }
    }
}
