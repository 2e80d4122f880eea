import SluiceCore

/// A token in the compact form of RFC 7515, section 3.1, taken apart but not believed.
///
/// Nothing in it chooses the algorithm or the key: the header's `alg` must be the one that the key is for, `kid` is
/// compared and nothing else, and `jku`, `jwk`, `x5u`, `x5c` are not looked at (RFC 8725, sections 3.1 and 3.10).
struct CompactToken {
    private static let limits = JSONLimits(bytes: 1 << 20, depth: 4, values: 256)
    private static let longestID = 1024

    let algorithm: JWTAlgorithm
    /// `kid`
    let keyID: [UInt8]?
    /// `typ` in lower case, without `application/`.
    let type: [UInt8]?
    /// What is signed: header and payload as they came, with the dot between them.
    let signedCount: Int
    /// Where the payload begins.
    private let payloadStart: Int
    let signature: [UInt8]

    init(_ bytes: UnsafeRawBufferPointer) throws(TokenProblem) {
        let dots = try Self.dots(bytes)
        guard let header = Self.decode(bytes[..<dots.first]), !header.isEmpty else { throw .malformed }
        guard let signature = Self.decode(bytes[(dots.second + 1)...]) else { throw .malformed }
        guard let object = try? JSONParser.parse(header, limits: Self.limits).object else { throw .malformed }
        try Self.checkExtensions(object)
        type = try Self.mediaType("typ", of: object)
        // RFC 7519, section 5.2: a token inside of this one, which would have to be believed in turn.
        if try Self.mediaType("cty", of: object)?.elementsEqual("jwt".utf8) == true { throw .nested }
        keyID = try Self.keyID(object)
        guard let name = object["alg"]?.text else { throw .malformed }
        guard let algorithm = JWTAlgorithm(name) else { throw .algorithm }
        self.algorithm = algorithm
        self.signature = signature
        signedCount = dots.second
        payloadStart = dots.first + 1
    }

    /// The claims; only for a token whose signature was found right.
    func claims(of bytes: UnsafeRawBufferPointer) throws(TokenProblem) -> JSONObject {
        guard let payload = Self.decode(bytes[payloadStart..<signedCount]) else { throw .malformed }
        let limits = JSONLimits(bytes: payload.count, depth: 16, values: 4096)
        guard let object = try? JSONParser.parse(payload, limits: limits).object else { throw .malformed }
        return object
    }

    // MARK: - Parts

    /// Exactly two dots; four are those of an encrypted token (RFC 7516, section 3.1).
    private static func dots(_ bytes: UnsafeRawBufferPointer) throws(TokenProblem) -> (first: Int, second: Int) {
        var places: [Int] = []
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: ".") {
            places.append(index)
            guard places.count <= 4 else { throw .malformed }
        }
        guard places.count != 4 else { throw .encrypted }
        guard places.count == 2 else { throw .malformed }
        return (places[0], places[1])
    }

    private static func decode(_ part: Slice<UnsafeRawBufferPointer>) -> [UInt8]? {
        Base64.decode(UnsafeRawBufferPointer(rebasing: part), as: .url)
    }

    // MARK: - Header

    /// RFC 7515, section 4.1.11: whatever is critical must be understood, and no extension is.
    private static func checkExtensions(_ header: JSONObject) throws(TokenProblem) {
        guard let critical = header["crit"] else { return }
        guard let names = critical.items, !names.isEmpty, names.allSatisfy({ $0.text != nil }) else { throw .malformed }
        throw .critical
    }

    private static func keyID(_ header: JSONObject) throws(TokenProblem) -> [UInt8]? {
        guard let value = header["kid"] else { return nil }
        guard let id = value.text, id.count <= longestID else { throw .malformed }
        return id
    }

    /// RFC 7515, section 4.1.9: `application/` may be left out, and letters may be in any case.
    private static func mediaType(_ name: String, of header: JSONObject) throws(TokenProblem) -> [UInt8]? {
        guard let value = header[name] else { return nil }
        guard let text = value.text else { throw .malformed }
        return shortened(text)
    }

    static func shortened(_ type: [UInt8]) -> [UInt8] {
        let lower = type.map(ASCII.lowercased)
        let prefix = Array("application/".utf8)
        return lower.starts(with: prefix) && !lower.dropFirst(prefix.count).contains(UInt8(ascii: "/"))
            ? Array(lower.dropFirst(prefix.count)) : lower
    }
}
