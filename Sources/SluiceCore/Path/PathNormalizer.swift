package import NIOCore

/// Brings paths into the one form that routes match and upstreams see (RFC 3986, sections 5.2.4 and 6.2.2).
///
/// - Dot segments are resolved, also when written as `%2e`; one that leads above the root is refused.
/// - Escapes of unreserved characters are decoded, once. All others stay as they came, hexadecimal case included, so
///   that signatures over the path still fit; a bad escape and `%00` are refused.
/// - Empty segments are dropped first, then `..` removes what is left: `/a//../b` is `/b`.
/// - `;` is an ordinary byte, but `/..;x/` is refused (see `PathRefusal.dotSegmentParameter`), and so is `\`.
///
/// The normal form is a fixed point: normalising it again changes nothing. It is never longer than the path, but for
/// the empty path, which becomes `/`.
///
/// Isolation: any. Allocates: only when `out` has to grow for a path that changes.
package enum PathNormalizer {
    /// Normalises a path that lies in a buffer; a rewritten one is appended to the same buffer.
    ///
    /// - Parameters:
    ///   - range: the path without query; one that does not lie in the buffer is refused.
    ///   - bytes: its reader index is 0.
    ///   - rules: what is done.
    /// - Returns: where the path lies now, or why it is refused; `bytes` is as it was but for a rewritten path.
    package static func normalize(_ range: ByteRange, of bytes: inout ByteBuffer, rules: PathRules) -> PathOutcome {
        guard bytes.readerIndex == 0, range.end <= bytes.writerIndex else { return .refused(.notAbsolute) }
        let verdict = bytes.withUnsafeReadableBytes {
            scan(UnsafeRawBufferPointer(rebasing: $0[Int(range.start)..<range.end]), rules)
        }
        switch verdict {
        case .normal: return .unchanged
        case .refused(let reason): return .refused(reason)
        case .other: break
        }
        let start = bytes.writerIndex
        let room = max(1, Int(range.count))
        bytes.reserveCapacity(minimumWritableBytes: room)
        let rewriting = bytes.withVeryUnsafeMutableBytes { all in
            // SAFETY: the path ends at or before the writer index, where the target begins, so they do not overlap.
            rewrite(
                UnsafeRawBufferPointer(rebasing: all[Int(range.start)..<range.end]),
                to: UnsafeMutableRawBufferPointer(rebasing: all[start..<(start + room)]),
                rules
            )
        }
        switch rewriting {
        case .failure(let reason): return .refused(reason)
        case .success(let count):
            bytes.moveWriterIndex(forwardBy: count)
            return .rewritten(ByteRange(start: start, count: count))
        }
    }

    /// Normalises a path that lies outside of `out`; a rewritten one is appended there.
    package static func normalize(
        _ path: UnsafeRawBufferPointer,
        rules: PathRules,
        into out: inout ByteBuffer
    ) -> PathOutcome {
        switch scan(path, rules) {
        case .normal: return .unchanged
        case .refused(let reason): return .refused(reason)
        case .other: break
        }
        let start = out.writerIndex
        var outcome = PathOutcome.unchanged
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: max(1, path.count)) { target in
            switch rewrite(path, to: target, rules) {
            case .failure(let reason):
                outcome = .refused(reason)
                return 0
            case .success(let count):
                outcome = .rewritten(ByteRange(start: start, count: count))
                return count
            }
        }
        return outcome
    }

    /// Whether a segment of the path is `.` or `..`, escaped or with path parameters.
    package static func hasDotSegment(_ path: UnsafeRawBufferPointer) -> Bool {
        var i = 0
        while i < path.count {
            // At the start of a segment: count dots, then see whether it ends.
            var dots = 0
            while i < path.count {
                if path[i] == UInt8(ascii: ".") {
                    i += 1
                } else if escape(in: path, at: i) == UInt8(ascii: ".") {
                    i += 3
                } else {
                    break
                }
                dots += 1
            }
            if dots == 1 || dots == 2, i == path.count || isSegmentEnd(path[i]) { return true }
            while i < path.count, path[i] != UInt8(ascii: "/") { i += 1 }
            i += 1
        }
        return false
    }

    // MARK: - Parts

    private enum Verdict {
        case normal
        case other
        case refused(PathRefusal)
    }

    /// One pass that finds what is wrong, or whether anything has to change.
    private static func scan(_ path: UnsafeRawBufferPointer, _ rules: PathRules) -> Verdict {
        guard let first = path.first else { return .other }
        guard first == UInt8(ascii: "/") else { return .refused(.notAbsolute) }
        var verdict = Verdict.normal
        var i = 0
        while i < path.count {
            let byte = path[i]
            if isPlain(byte) {
                i += 1
                continue
            }
            switch byte {
            case UInt8(ascii: "/"):
                if slashMatters(path, at: i, rules) { verdict = .other }
            case UInt8(ascii: "%"):
                switch checkEscape(in: path, at: i, rules) {
                case .normal: break
                case .other: verdict = .other
                case .refused(let reason): return .refused(reason)
                }
                i += 2
            case UInt8(ascii: "\\"):
                if rules.normalize { return .refused(.backslash) }
            default:
                return .refused(.badByte)
            }
            i += 1
        }
        return verdict
    }

    /// Whether what follows this slash, unescaped, is an empty or a dot segment.
    private static func slashMatters(_ path: UnsafeRawBufferPointer, at slash: Int, _ rules: PathRules) -> Bool {
        guard slash + 1 < path.count else { return false }
        if path[slash + 1] == UInt8(ascii: "/") { return rules.mergeSlashes }
        guard rules.normalize, path[slash + 1] == UInt8(ascii: ".") else { return false }
        var end = slash + 2
        if end < path.count, path[end] == UInt8(ascii: ".") { end += 1 }
        return end == path.count || isSegmentEnd(path[end])
    }

    private static func checkEscape(in path: UnsafeRawBufferPointer, at i: Int, _ rules: PathRules) -> Verdict {
        guard let value = escape(in: path, at: i) else { return .refused(.badEscape) }
        if value == 0 { return .refused(.nul) }
        if value == UInt8(ascii: "/") || value == UInt8(ascii: "\\") {
            switch rules.encodedSlash {
            case .refuse: return .refused(.encodedSlash)
            case .keep: return .normal
            case .decode: return .other
            }
        }
        return rules.normalize && isUnreserved(value) ? .other : .normal
    }

    /// Writes the normal form of a scanned path; the target is as long as the path.
    private static func rewrite(
        _ path: UnsafeRawBufferPointer,
        to target: UnsafeMutableRawBufferPointer,
        _ rules: PathRules
    ) -> Result<Int, PathRefusal> {
        var writer = PathWriter(target: target, rules: rules)
        var i = min(1, path.count)
        while i < path.count {
            let byte = path[i]
            if byte == UInt8(ascii: "%"), let value = escape(in: path, at: i) {
                i += 3
                if value == UInt8(ascii: "/") || value == UInt8(ascii: "\\") {
                    if rules.encodedSlash == .keep {
                        writer.copy(path, from: i - 3, count: 3)
                    } else if let refusal = writer.slash() {
                        return .failure(refusal)
                    }
                } else if rules.normalize, isUnreserved(value) {
                    writer.write(value)
                } else {
                    writer.copy(path, from: i - 3, count: 3)
                }
                continue
            }
            i += 1
            if byte != UInt8(ascii: "/") {
                writer.write(byte)
            } else if let refusal = writer.slash() {
                return .failure(refusal)
            }
        }
        if let refusal = writer.end() { return .failure(refusal) }
        return .success(writer.count)
    }

    // MARK: - Bytes

    /// Bytes of a path that need no second look: `pchar` without `%` (RFC 3986, section 3.3), and `"<>[]^{|}` and
    /// the back quote, which clients send unescaped.
    @inline(__always)
    private static func isPlain(_ byte: UInt8) -> Bool {
        ASCII.isIn(byte, low: 0x7FFF_7FD6_0000_0000, high: 0x7FFF_FFFF_EFFF_FFFF)
    }

    @inline(__always)
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        // - . 0-9 | A-Z _ a-z ~ (RFC 3986, section 2.3)
        ASCII.isIn(byte, low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
    }

    @inline(__always)
    private static func isSegmentEnd(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "/") || byte == UInt8(ascii: ";") }

    /// The byte that `%XX` at `i` stands for; nil where there is no whole escape.
    @inline(__always)
    private static func escape(in path: UnsafeRawBufferPointer, at i: Int) -> UInt8? {
        guard i + 2 < path.count, path[i] == UInt8(ascii: "%"), let high = ASCII.hexValue(path[i + 1]),
            let low = ASCII.hexValue(path[i + 2])
        else { return nil }
        return high << 4 | low
    }
}

/// Writes a path segment by segment and takes segments back for `..`.
private struct PathWriter {
    let target: UnsafeMutableRawBufferPointer
    let rules: PathRules
    /// Bytes written; never more than were read, which is what the target has room for.
    var count = 1
    /// Where the segment under way begins, behind its slash.
    var segment = 1

    init(target: UnsafeMutableRawBufferPointer, rules: PathRules) {
        self.target = target
        self.rules = rules
        target[0] = UInt8(ascii: "/")
    }

    @inline(__always)
    mutating func write(_ byte: UInt8) {
        target[count] = byte
        count += 1
    }

    mutating func copy(_ path: UnsafeRawBufferPointer, from start: Int, count: Int) {
        for i in start..<(start + count) { write(path[i]) }
    }

    /// Ends a segment with a slash behind it.
    mutating func slash() -> PathRefusal? {
        if segment == count {
            if !rules.mergeSlashes { write(UInt8(ascii: "/")) }
            segment = count
            return nil
        }
        switch dots() {
        case 0: write(UInt8(ascii: "/"))
        case 1: count = segment
        case 2:
            guard removeLast() else { return .aboveRoot }
        default: return .dotSegmentParameter
        }
        segment = count
        return nil
    }

    /// Ends the last segment.
    mutating func end() -> PathRefusal? {
        switch dots() {
        case 0: return nil
        case 1: count = segment
        case 2:
            guard removeLast() else { return .aboveRoot }
        default: return .dotSegmentParameter
        }
        return nil
    }

    /// 1 for `.`, 2 for `..`, 3 for either with parameters, 0 for any other segment.
    private func dots() -> Int {
        guard rules.normalize, segment < count, target[segment] == UInt8(ascii: ".") else { return 0 }
        var i = segment + 1
        if i < count, target[i] == UInt8(ascii: ".") { i += 1 }
        if i == count { return i - segment }
        return target[i] == UInt8(ascii: ";") ? 3 : 0
    }

    /// Takes back the segment under way and the one before it.
    private mutating func removeLast() -> Bool {
        guard segment > 1 else { return false }
        var i = segment - 1
        while i > 0, target[i - 1] != UInt8(ascii: "/") { i -= 1 }
        count = i
        return true
    }
}
