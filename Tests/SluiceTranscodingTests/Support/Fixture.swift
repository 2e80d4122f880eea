import Glibc
import SluiceCore

@testable import SluiceTranscoding

/// The files that Tests/Fixtures/transcoding/make.py wrote.
enum Fixture {
    static let pool: DescriptorPool = {
        do {
            return try DescriptorPool(descriptorSet: bytes("all.pb"))
        } catch {
            fatalError("all.pb: \(error)")
        }
    }()

    static func bytes(_ name: String) -> [UInt8] {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        let path = parts.joined(separator: "/") + "/Fixtures/transcoding/\(name)"
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&part, 1, part.count, file)
            if count == 0 { return all }
            all += part[..<count]
        }
    }

    /// The lines of a file of JSON objects.
    static func lines(_ name: String) throws -> [JSONObject] {
        try bytes(name).split(separator: UInt8(ascii: "\n")).compactMap { line in
            try JSONParser.parse(Array(line), limits: JSONLimits(bytes: 1 << 24, depth: 64, values: 1 << 20)).object
        }
    }

    static func message(_ name: String) -> Int { pool.message(named: name) ?? -1 }

    static let options = TranscodingOptions(secret: SipKey(1, 2))
}

extension JSONObject {
    func text(_ name: String) -> String? { self[name]?.text.map { String(decoding: $0, as: UTF8.self) } }

    func hex(_ name: String) -> [UInt8]? { self[name]?.text.map(Hex.bytes) }
}

enum Hex {
    static func bytes(_ text: some Sequence<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        var high: UInt8?
        for digit in text.compactMap({ ASCII.hexValue($0) }) {
            if let first = high {
                out.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return out
    }

    static func bytes(_ text: String) -> [UInt8] { bytes(Array(text.utf8)) }

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        var out: [UInt8] = []
        for byte in bytes {
            out.append(JSONText.hexDigit(byte >> 4))
            out.append(JSONText.hexDigit(byte & 15))
        }
        return String(decoding: out, as: UTF8.self)
    }
}
