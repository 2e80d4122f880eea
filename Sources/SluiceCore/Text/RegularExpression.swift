import CRE2
package import NIOCore

/// A regular expression over bytes, matched in time linear in the text (RE2).
///
/// Patterns and texts are byte sequences: `.` is any byte, line ends included, and obs-text in a header is matched
/// like anything else instead of making the match fail. What RE2 leaves out (look-around, back references) is an
/// error with a help text. `(?<name>...)` is taken as `(?P<name>...)`.
///
/// Isolation: any; matching one expression on several loops at once takes no lock for texts up to 256 bytes.
/// Allocates: in RE2, small scratch memory for some patterns.
package final class RegularExpression: Sendable {
    /// Bounds that keep one pattern from taking memory out of proportion.
    package enum Limit {
        /// Bytes of the pattern.
        package static let patternBytes = 16 * 1024
        /// Instructions of the compiled program.
        package static let programSize: Int32 = 20_000
        /// Bytes of the program and of RE2's cache of states.
        package static let memory: Int64 = 2 << 20
        /// Groups that a match tells, the whole match not counted.
        package static let groups = 16
        /// Matches that one `replaceAll` may replace.
        package static let replacements: Int32 = 1024
    }

    /// The pattern as it was given.
    package let pattern: String
    /// Names of the groups 1, 2, ...; nil for a group without a name.
    package let groupNames: [String?]
    /// Bytes with which every text begins that matches fully; at most 64, often fewer than the pattern shows.
    package let literalPrefix: [UInt8]

    // SAFETY: written once in `init`, freed in `deinit`; RE2's matching functions may be called by many threads.
    private nonisolated(unsafe) let handle: OpaquePointer

    /// Compiles a pattern.
    ///
    /// - Parameters:
    ///   - pattern: RE2 syntax.
    ///   - ignoreCase: whether ASCII letters match in either case.
    /// - Throws: what is wrong with the pattern, in words for the person who wrote it.
    package init(_ pattern: String, ignoreCase: Bool = false) throws(RegularExpressionError) {
        guard pattern.utf8.count <= Limit.patternBytes else {
            throw RegularExpressionError(message: "the pattern is longer than \(Limit.patternBytes) bytes", help: nil)
        }
        let bytes = GroupNameSyntax.converted(Array(pattern.utf8))
        var error = [CChar](repeating: 0, count: 256)
        let compiled = bytes.withUnsafeBufferPointer { text in
            var source = cre2_source(
                bytes: text.baseAddress,
                count: text.count,
                ignore_case: ignoreCase,
                max_memory: Limit.memory,
                max_program_size: Limit.programSize
            )
            return error.withUnsafeMutableBufferPointer { cre2_compile(&source, $0.baseAddress, $0.count) }
        }
        guard let compiled else { throw RegularExpressionError(re2: error) }
        self.pattern = pattern
        self.handle = compiled
        self.groupNames = (0..<cre2_group_count(compiled)).map { index in
            cre2_group_name(compiled, index + 1).map { String(cString: $0) }
        }
        self.literalPrefix = [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
            count = cre2_literal_prefix(compiled, buffer.baseAddress, buffer.count)
        }
    }

    deinit { cre2_free(handle) }

    /// The expression for code that must not count references; see `Unowned`.
    package var unowned: Unowned { Unowned(handle: handle) }

    /// Whether the whole text matches.
    package func matches(_ text: UnsafeRawBufferPointer) -> Bool { unowned.matches(text) }

    /// Matches the whole text and tells the groups; see `Unowned.matches(_:groups:)`.
    package func matches(_ text: UnsafeRawBufferPointer, groups: inout Groups) -> Bool {
        unowned.matches(text, groups: &groups)
    }

    /// Finds the first match at or after `start`; see `Unowned.find(in:from:groups:)`.
    package func find(in text: UnsafeRawBufferPointer, from start: Int = 0, groups: inout Groups) -> Bool {
        unowned.find(in: text, from: start, groups: &groups)
    }
}

// MARK: - Matching

extension RegularExpression {
    /// Where the groups of a match lie; a plain value without memory of its own.
    package struct Groups: Sendable {
        fileprivate var ranges = InlineArray<17, cre2_group>(repeating: cre2_group(start: -1, count: 0))
        /// Groups told, the whole match (group 0) included.
        package fileprivate(set) var count = 0

        package init() {}

        /// The range of group `index` in the text, nil for a group that took no part or does not exist.
        package subscript(index: Int) -> ByteRange? {
            guard index >= 0, index < count, ranges[index].start >= 0 else { return nil }
            return ByteRange(start: Int(ranges[index].start), count: Int(ranges[index].count))
        }
    }

    /// An expression that somebody else keeps alive.
    ///
    /// A plain pointer, so that two loops that match with one expression do not contend for its reference count. It
    /// must not outlive the `RegularExpression` it came from.
    // SAFETY: RE2's matching functions may be called by many threads; the owner keeps the memory alive.
    package struct Unowned: BitwiseCopyable, @unchecked Sendable {
        fileprivate let handle: OpaquePointer

        /// Whether the whole text matches.
        package func matches(_ text: UnsafeRawBufferPointer) -> Bool {
            cre2_match_full(handle, text.bytes, text.count, nil, 0)
        }

        /// Matches the whole text and tells the first `Limit.groups` groups.
        package func matches(_ text: UnsafeRawBufferPointer, groups: inout Groups) -> Bool {
            groups.fill(of: handle) { cre2_match_full(handle, text.bytes, text.count, $0, $1) }
        }

        /// Finds the first match at or after `start` and tells the first `Limit.groups` groups.
        package func find(in text: UnsafeRawBufferPointer, from start: Int = 0, groups: inout Groups) -> Bool {
            guard start >= 0, start <= text.count else { return false }
            return groups.fill(of: handle) { cre2_find(handle, text.bytes, text.count, start, $0, $1) }
        }
    }
}

extension RegularExpression.Groups {
    fileprivate mutating func fill(
        of handle: OpaquePointer,
        _ match: (UnsafeMutablePointer<cre2_group>?, Int32) -> Bool
    ) -> Bool {
        let wanted = min(Int(cre2_group_count(handle)), RegularExpression.Limit.groups) + 1
        var span = ranges.mutableSpan
        let matched = span.withUnsafeMutableBufferPointer { match($0.baseAddress, Int32(wanted)) }
        count = matched ? wanted : 0
        return matched
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var bytes: UnsafePointer<UInt8>? { baseAddress?.assumingMemoryBound(to: UInt8.self) }
}

// MARK: - Replacing

extension RegularExpression {
    /// What became of a text.
    package enum Replacement: Equatable, Sendable {
        /// Nothing matched, nothing was written.
        case unchanged
        /// The new text lies behind what the buffer held.
        case replaced
        /// More than `Limit.replacements` matches, or a result above the limit; nothing was written.
        case tooLarge
    }

    /// What is wrong with a substitution for this pattern, nil if nothing is.
    package func problem(inSubstitution text: String) -> String? {
        var error = [CChar](repeating: 0, count: 128)
        let bytes = Array(text.utf8)
        let valid = bytes.withUnsafeBufferPointer { substitution in
            error.withUnsafeMutableBufferPointer {
                cre2_check_substitution(handle, substitution.baseAddress, substitution.count, $0.baseAddress, $0.count)
            }
        }
        return valid ? nil : String(nulTerminated: error)
    }

    /// Replaces every match from left to right.
    ///
    /// - Parameters:
    ///   - text: what is searched; must not lie in `out`.
    ///   - substitution: bytes with `\0` to `\9` for groups and `\\` for a backslash.
    ///   - limit: most bytes of the result.
    ///   - out: where the result is appended.
    /// - Returns: whether there is a result; if not, `out` is as it was.
    package func replaceAll(
        in text: UnsafeRawBufferPointer,
        with substitution: UnsafeRawBufferPointer,
        limit: Int,
        into out: inout ByteBuffer
    ) -> Replacement {
        var written = 0
        var outcome: Int32 = 0
        let what = cre2_substitution(
            bytes: substitution.bytes,
            count: substitution.count,
            max_replacements: Limit.replacements
        )
        let room = max(0, limit)
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
            withUnsafePointer(to: what) { what in
                outcome = cre2_replace_all(
                    handle,
                    text.bytes,
                    text.count,
                    what,
                    target.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    min(room, target.count),
                    &written
                )
            }
            return written
        }
        switch outcome {
        case Int32(CRE2_REPLACED): return .replaced
        case Int32(CRE2_UNCHANGED): return .unchanged
        default: return .tooLarge
        }
    }
}
