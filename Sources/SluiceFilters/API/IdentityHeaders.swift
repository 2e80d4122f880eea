import NIOCore
import SluiceCore

/// The headers that tell an upstream who the caller is. Only the gateway writes them: what a client sent under such a
/// name is removed from every request, whatever becomes of it.
///
/// Many servers cannot tell `X-User-Id` from `X_User_Id`, so neither passes. Isolation: one loop. Allocates: never.
struct IdentityHeaders {
    /// In lower case, with `-` for `_`.
    private let names: [[UInt8]]
    /// A bit for each length that a name has, those from 63 on together.
    private let lengths: UInt64

    init(_ names: some Sequence<[UInt8]>) {
        self.names = names.map { $0.map(Self.folded) }
        lengths = self.names.reduce(0) { $0 | Self.bit($1.count) }
    }

    /// Whether two names are taken for one here.
    static func areSame(_ a: String, _ b: String) -> Bool { a.utf8.map(folded) == b.utf8.map(folded) }

    /// One walk over the fields, however many names there are.
    func remove(from fields: inout HeaderTable) {
        guard !names.isEmpty else { return }
        for index in fields.entries.indices {
            let (start, count) = (Int(fields.entries[index].nameStart), Int(fields.entries[index].nameCount))
            guard Self.bit(count) & lengths != 0, !fields.entries[index].isRemoved else { continue }
            let isFound = fields.bytes.withUnsafeReadableBytes { all in
                guard start + count <= all.count else { return false }
                return isOurs(UnsafeRawBufferPointer(rebasing: all[start..<(start + count)]))
            }
            if isFound { fields.removeEntry(at: index) }
        }
    }

    private func isOurs(_ name: UnsafeRawBufferPointer) -> Bool {
        for own in names where own.count == name.count {
            var at = 0
            while at < own.count, own[at] == Self.folded(name[at]) { at += 1 }
            if at == own.count { return true }
        }
        return false
    }

    @inline(__always)
    private static func bit(_ length: Int) -> UInt64 { 1 &<< UInt64(min(length, 63)) }

    @inline(__always)
    private static func folded(_ byte: UInt8) -> UInt8 {
        byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : ASCII.lowercased(byte)
    }
}
