import NIOCore
import SluiceCore
import Testing

/// The normal form, nil where the path is refused.
private func normalize(_ path: String, _ rules: PathRules = PathRules()) -> Result<String, PathRefusal> {
    var out = ByteBuffer(string: "before")
    let outcome = Array(path.utf8).withUnsafeBytes { PathNormalizer.normalize($0, rules: rules, into: &out) }
    switch outcome {
    case .unchanged:
        #expect(out.readableBytes == 6)
        return .success(path)
    case .rewritten(let range):
        let text = out.getString(at: Int(range.start), length: Int(range.count))
        #expect(text != path, "a rewrite changes something")
        #expect(range.end == out.writerIndex)
        return .success(text ?? "")
    case .refused(let reason):
        #expect(out.readableBytes == 6)
        return .failure(reason)
    }
}

@Suite("Path normalisation (RFC 3986, sections 5.2.4 and 6.2.2)")
struct PathNormalizerTests {
    @Test(
        "dot segments, slashes, escapes",
        arguments: [
            ("/", "/"), ("", "/"), ("/a/b", "/a/b"), ("/a/./b", "/a/b"), ("/a/../b", "/b"), ("/a/b/..", "/a/"),
            ("/a/.", "/a/"), ("/./a", "/a"), ("/a//b", "/a/b"), ("//a", "/a"), ("/a//", "/a/"), ("/a//../b", "/b"),
            ("/a/b/../../c", "/c"), ("/a/..", "/"), ("/%61", "/a"), ("/%7Euser", "/~user"), ("/a/%2e%2e/b", "/b"),
            ("/a/%2E/b", "/a/b"), ("/a/.%2e/b", "/b"), ("/a%20b", "/a%20b"), ("/caf%c3%A9", "/caf%c3%A9"),
            ("/a;x=1/b", "/a;x=1/b"), ("/a/...", "/a/..."), ("/.a", "/.a"), ("/a./b", "/a./b"), ("/..a", "/..a"),
            ("/a/.b/..", "/a/"), ("/%25%34%31", "/%2541"), ("/%252e%252e/a", "/%252e%252e/a"),
            ("/a:b@c!$&'()*+,=", "/a:b@c!$&'()*+,="),
            ("/a/b/c/./../../g", "/a/g"), ("/\"<>^`{|}", "/\"<>^`{|}"), ("/a//./b", "/a/b"), ("/a/.//b", "/a/b"),
        ]
    )
    func normalForm(path: String, expected: String) {
        #expect(normalize(path) == .success(expected))
    }

    @Test(
        "what is refused",
        arguments: [
            ("/..", PathRefusal.aboveRoot), ("/a/../..", .aboveRoot), ("/a/../../b", .aboveRoot),
            ("/%2e%2e/a", .aboveRoot),
            ("//..", .aboveRoot), ("a", .notAbsolute), ("*", .notAbsolute), ("/%", .badEscape), ("/%2", .badEscape),
            ("/%2g", .badEscape), ("/%%41", .badEscape), ("/a%00b", .nul), ("/a%2fb", .encodedSlash),
            ("/a%5Cb", .encodedSlash), ("/a\\b", .backslash), ("/a b", .badByte), ("/a#b", .badByte),
            ("/a?b", .badByte),
            ("/\u{1}", .badByte), ("/\u{7F}", .badByte), ("/é", .badByte), ("/a/..;/b", .dotSegmentParameter),
            ("/a/.;x", .dotSegmentParameter), ("/%2e%2e;x/b", .dotSegmentParameter), ("/..;", .dotSegmentParameter),
        ]
    )
    func refused(path: String, reason: PathRefusal) {
        #expect(normalize(path) == .failure(reason))
    }

    @Test(
        "encoded slashes as the policy says",
        arguments: [
            (EncodedSlash.keep, "/a%2fb", "/a%2fb"), (.keep, "/a%5Cb/%61", "/a%5Cb/a"),
            (.keep, "/a/%2F../b", "/a/%2F../b"),
            (.decode, "/a%2Fb", "/a/b"), (.decode, "/a%5cb", "/a/b"), (.decode, "/a/..%2fb", "/b"),
            (.decode, "/a%2F%2Fb", "/a/b"), (.decode, "/a%252Fb", "/a%252Fb"), (.decode, "/a%2F", "/a/"),
        ]
    )
    func encodedSlash(policy: EncodedSlash, path: String, expected: String) {
        #expect(normalize(path, PathRules(encodedSlash: policy)) == .success(expected))
    }

    @Test("a decoded slash does not lead above the root")
    func decodedSlashAboveRoot() {
        #expect(normalize("/..%2f..%2fetc", PathRules(encodedSlash: .decode)) == .failure(.aboveRoot))
    }

    @Test(
        "slashes are kept where merging is off",
        arguments: [
            ("/a//b", "/a//b"), ("//a", "//a"), ("/a//../b", "/a/b"), ("//..", "/"), ("/a/./b", "/a/b"),
            ("/.//a", "//a"),
        ]
    )
    func unmerged(path: String, expected: String) {
        #expect(normalize(path, PathRules(mergeSlashes: false)) == .success(expected))
    }

    @Test(
        "without normalisation dots, escapes and backslashes stay, but bad escapes are refused",
        arguments: [
            ("/a/../b", "/a/../b"), ("/%61", "/%61"), ("/a\\b", "/a\\b"), ("/a//b", "/a/b"), ("/..;/a", "/..;/a"),
        ]
    )
    func off(path: String, expected: String) {
        #expect(normalize(path, PathRules(normalize: false)) == .success(expected))
        #expect(normalize("/%zz", PathRules(normalize: false)) == .failure(.badEscape))
        #expect(normalize("/%00", PathRules(normalize: false)) == .failure(.nul))
    }

    @Test("a path in the middle of a buffer is rewritten behind what the buffer holds")
    func inPlace() {
        var buffer = ByteBuffer(string: "GET /a/../b HTTP/1.1")
        let outcome = PathNormalizer.normalize(ByteRange(start: 4, count: 7), of: &buffer, rules: PathRules())
        #expect(outcome == .rewritten(ByteRange(start: 20, count: 2)))
        #expect(String(buffer: buffer) == "GET /a/../b HTTP/1.1/b")
    }

    @Test(
        "a path in normal form, a refused one and a range outside leave the buffer alone",
        arguments: [
            (ByteRange(start: 4, count: 2), PathOutcome.unchanged),
            (ByteRange(start: 7, count: 3), .refused(.aboveRoot)),
            (ByteRange(start: 7, count: 40), .refused(.notAbsolute)),
        ]
    )
    func inPlaceUnchanged(range: ByteRange, expected: PathOutcome) {
        var buffer = ByteBuffer(string: "GET /a /.. X")
        #expect(PathNormalizer.normalize(range, of: &buffer, rules: PathRules()) == expected)
        #expect(String(buffer: buffer) == "GET /a /.. X")
    }

    @Test("an empty path in a buffer becomes the root")
    func inPlaceEmpty() {
        var buffer = ByteBuffer(string: "x")
        let outcome = PathNormalizer.normalize(ByteRange(start: 1, count: 0), of: &buffer, rules: PathRules())
        #expect(outcome == .rewritten(ByteRange(start: 1, count: 1)))
        #expect(String(buffer: buffer) == "x/")
    }

    @Test(
        "dot segments are seen in any spelling",
        arguments: [
            ("/a/b", false), ("/a/../b", true), ("/..", true), ("/.", true), ("/a/%2e%2E/b", true), ("/a/.%2e", true),
            ("/...", false), ("/a/..b", false), ("/a/..;x/b", true), ("", false), ("..", true), ("/a..", false),
            ("/%2", false),
        ]
    )
    func dotSegments(path: String, expected: Bool) {
        #expect(Array(path.utf8).withUnsafeBytes { PathNormalizer.hasDotSegment($0) } == expected)
    }
}

@Suite("Properties of path normalisation")
struct PathNormalizerPropertyTests {
    private static let pieces = [
        "/", "/", "/", ".", "..", "a", "bc", "%2e", "%2E", "%2f", "%5C", "%61", "%25", "%C3", ";", "\\", "%", "%00",
        "~", "//",
    ]

    private static let allRules = [true, false].flatMap { normalize in
        [true, false].flatMap { merge in
            [EncodedSlash.refuse, .keep, .decode].map {
                PathRules(normalize: normalize, mergeSlashes: merge, encodedSlash: $0)
            }
        }
    }

    @Test("the normal form is a fixed point, safe and never longer", arguments: 1...4)
    func fixedPoint(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var accepted = 0
        for _ in 0..<2500 {
            let path = "/" + (0..<random.below(10)).map { _ in Self.pieces[Int(random.below(20))] }.joined()
            let rules = Self.allRules[Int(random.below(12))]
            guard case .success(let normal) = normalize(path, rules) else { continue }
            accepted += 1
            let context: Comment = "\(path) under \(rules), seed \(seed)"
            #expect(normalize(normal, rules) == .success(normal), context)
            #expect(normal.utf8.count <= path.utf8.count, context)
            #expect(normal.hasPrefix("/"), context)
            #expect(!rules.mergeSlashes || !normal.contains("//"), context)
            guard rules.normalize else { continue }
            #expect(!normal.contains("\\"), context)
            #expect(!Array(normal.utf8).withUnsafeBytes { PathNormalizer.hasDotSegment($0) }, context)
            for part in normal.split(separator: "/") { #expect(part != "." && part != "..", context) }
        }
        #expect(accepted > 200)
    }

    /// RFC 3986, section 5.2.4, as a list of segments.
    @Test("agrees with the segments of RFC 3986", arguments: 1...2)
    func reference(seed: UInt64) {
        var random = RandomSource(seed: seed)
        for _ in 0..<2500 {
            let segments = (0..<(1 + random.below(7))).map { _ in ["a", "b", ".", "..", ""][Int(random.below(5))] }
            let path = "/" + segments.joined(separator: "/")
            var kept: [String] = []
            var isRefused = false
            for (index, segment) in segments.enumerated() {
                let isLast = index + 1 == segments.count
                switch segment {
                case ".": if isLast { kept.append("") }
                case "..":
                    if kept.popLast() == nil { isRefused = true }
                    if isLast { kept.append("") }
                case "": if isLast { kept.append("") }
                default: kept.append(segment)
                }
            }
            let expected: Result<String, PathRefusal> =
                isRefused ? .failure(.aboveRoot) : .success("/" + kept.joined(separator: "/"))
            #expect(normalize(path) == expected, "\(path), seed \(seed)")
        }
    }
}
