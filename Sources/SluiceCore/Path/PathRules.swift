/// What happens to a path before routes are matched.
package struct PathRules: Equatable, Sendable {
    /// Resolve dot segments, decode escapes of unreserved characters, refuse `\`.
    package var normalize: Bool
    package var mergeSlashes: Bool
    package var encodedSlash: EncodedSlash

    /// The safe defaults: everything on, encoded slashes refused.
    package init(normalize: Bool = true, mergeSlashes: Bool = true, encodedSlash: EncodedSlash = .refuse) {
        self.normalize = normalize
        self.mergeSlashes = mergeSlashes
        self.encodedSlash = encodedSlash
    }
}

/// What `%2F` and `%5C` in a path mean.
package enum EncodedSlash: UInt8, Sendable {
    case refuse
    /// Passed on as it is, a byte of its segment.
    case keep
    /// Both become `/`: servers that split at `\` exist, and the reading with more segments is the careful one.
    case decode
}

/// Why a path is answered with 400.
package enum PathRefusal: String, Error, CaseIterable {
    /// Does not begin with `/`.
    case notAbsolute = "path_not_absolute"
    /// A byte that no path holds: control, space, `?`, `#`, above 126.
    case badByte = "path_bad_byte"
    /// `%` without two hexadecimal digits.
    case badEscape = "path_bad_escape"
    /// `%00`.
    case nul = "path_nul"
    /// `%2F` or `%5C` where they are refused.
    case encodedSlash = "path_encoded_slash"
    /// `\`, which some servers read as `/`.
    case backslash = "path_backslash"
    /// More `..` than segments.
    case aboveRoot = "path_above_root"
    /// `..;x` or `.;x`: servers that cut path parameters off would resolve it.
    case dotSegmentParameter = "path_dot_segment_parameter"
}

/// What normalising a path came to.
package enum PathOutcome: Equatable, Sendable {
    /// The path is in normal form as it stands; nothing was written.
    case unchanged
    /// The normal form lies here, behind what the buffer held before.
    case rewritten(ByteRange)
    case refused(PathRefusal)
}
