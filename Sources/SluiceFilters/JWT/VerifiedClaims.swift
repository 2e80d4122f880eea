import Glibc
import SluiceCore

/// What a verified token says, in a form that is small to keep and quick to look into: for each claim its name and its
/// text. Claims inside of others are there under the way to them, `realm_access.name`.
///
/// Isolation: one loop.
final class VerifiedClaims: ClaimSource {
    private struct Entry {
        let name: ByteRange
        let text: ByteRange
    }

    /// A token holds some dozens; those behind this many are not found by name.
    private static let maximumCount = 512
    /// A way longer than this is not kept: ways repeat what they have in common.
    private static let longestWay = 128

    private var bytes: [UInt8] = []
    private var entries: ContiguousArray<Entry> = []

    init(_ claims: JSONObject) {
        for member in claims.members { add(member.name, member.value) }
        for member in claims.members {
            if let object = member.value.object { addInner(object, way: member.name) }
        }
    }

    private func addInner(_ object: JSONObject, way: [UInt8]) {
        for member in object.members where way.count + 1 + member.name.count <= Self.longestWay {
            let name = way + [UInt8(ascii: ".")] + member.name
            add(name, member.value)
            if let inner = member.value.object { addInner(inner, way: name) }
        }
    }

    private func add(_ name: [UInt8], _ value: JSONValue) {
        guard entries.count < Self.maximumCount, let text = value.scalarText else { return }
        let start = bytes.count
        bytes += name
        bytes += text
        entries.append(
            Entry(
                name: ByteRange(start: start, count: name.count),
                text: ByteRange(start: start + name.count, count: text.count)
            )
        )
    }

    /// What it takes in memory, about.
    var cost: Int { 128 + bytes.capacity + entries.capacity * MemoryLayout<Entry>.stride }

    func text(ofClaim name: String) -> [UInt8]? {
        var text: [UInt8]?
        _ = withText(ofClaim: Array(name.utf8)) { text = Array($0) }
        return text
    }

    func withText(ofClaim name: [UInt8], _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        name.withUnsafeBytes { wanted in
            bytes.withUnsafeBytes { all in
                for entry in entries where entry.name.count == wanted.count {
                    guard let a = wanted.baseAddress, let b = all.baseAddress,
                        memcmp(a, b + Int(entry.name.start), wanted.count) == 0
                    else { continue }
                    body(UnsafeRawBufferPointer(rebasing: all[Int(entry.text.start)..<entry.text.end]))
                    return true
                }
                return false
            }
        }
    }
}
