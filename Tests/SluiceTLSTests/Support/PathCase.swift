import Glibc
import SluiceCore
import Testing

@testable import SluiceTLS

/// One case of C2SP's x509-limbo, or of Tests/Fixtures/tls/make.py, which has the same form.
struct PathCase: Sendable, CustomTestStringConvertible {
    let id: String
    let isGood: Bool
    private let isServer: Bool
    private let trusted: [[UInt8]]
    private let lists: [[UInt8]]
    private let chain: [[UInt8]]
    private let time: Int64
    private let host: [UInt8]?
    private let depth: Int?

    var testDescription: String { id }

    init?(_ object: JSONObject) {
        guard let id = object["id"]?.string, let result = object["expected_result"]?.string,
            let peer = object["peer_certificate"]?.text
        else { return nil }
        self.id = id
        isGood = result == "SUCCESS"
        isServer = object["validation_kind"]?.string == "SERVER"
        trusted = object["trusted_certs"]?.texts ?? []
        lists = object["crls"]?.texts ?? []
        chain = [peer] + (object["untrusted_intermediates"]?.texts ?? [])
        time = object["validation_time"]?.string.flatMap(Self.seconds) ?? SystemClock.secondsSince1970()
        host = object["expected_peer_name"]?.object?["value"]?.text
        depth = object["max_chain_depth"]?.string.flatMap { Int($0) }
    }

    /// Why the chain is refused; nil where it is accepted.
    func refusal() -> String? {
        do {
            let trust = try TLSTrustStore(bundle: trusted.flatMap { $0 + [0x0A] }, revocationLists: lists)
            let certificates = try chain.map { bytes throws(TLSSettingsError) in
                try CertificateChain.parse(bytes, of: "chain", item: .trust)[0]
            }
            let verifier = PeerVerifier(
                role: isServer ? .server : .client,
                trust: trust,
                rules: try PeerRuleSet(TLSPeerRules()),
                maximumDepth: depth,
                checksHost: host != nil,
                clock: { [time] in time }
            )
            return verifier.verify(certificates, host: host.flatMap { PeerHost($0) })?.text
        } catch {
            return error.message
        }
    }

    /// `2026-06-01T00:00:00+00:00`, always in UTC.
    private static func seconds(_ text: String) -> Int64? {
        let numbers = text.split { !$0.isNumber }.prefix(6).compactMap { Int32($0) }
        guard numbers.count == 6 else { return nil }
        var parts = tm()
        parts.tm_year = numbers[0] - 1900
        parts.tm_mon = numbers[1] - 1
        parts.tm_mday = numbers[2]
        parts.tm_hour = numbers[3]
        parts.tm_min = numbers[4]
        parts.tm_sec = numbers[5]
        return Int64(timegm(&parts))
    }

    /// Those of Tests/Fixtures/tls/paths.json.
    static let own: [PathCase] = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        return read(parts.joined(separator: "/") + "/Fixtures/tls/paths.json")
    }()

    /// Those of the file that the environment names, such as limbo.json.
    static let foreign = getenv("SLUICE_PATH_CASES").map { read(String(cString: $0)) } ?? []

    private static func read(_ path: String) -> [PathCase] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&part, 1, part.count, file), count > 0 { all += part[..<count] }
        let limits = JSONLimits(bytes: 1 << 28, depth: 16, values: 1 << 20)
        let cases = (try? JSONParser.parse(all, limits: limits))?.object?["testcases"]?.items
        return cases?.compactMap { $0.object.flatMap { PathCase($0) } } ?? []
    }
}

extension JSONValue {
    fileprivate var string: String? { scalarText.map { String(decoding: $0, as: UTF8.self) } }

    fileprivate var texts: [[UInt8]] { items?.compactMap(\.text) ?? [] }
}
