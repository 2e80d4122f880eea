internal import NIOCore

/// A field whose value is known only with the request: its name and colon ready to be copied.
package struct FieldStem: Sendable {
    /// `Name: `
    fileprivate let bytes: [UInt8]
    fileprivate let name: FieldName

    /// The caller answers for a valid name.
    package init(_ name: some Collection<UInt8>) {
        bytes = Array(name) + [0x3A, 0x20]
        self.name = FieldKey(name).name
    }

    package init(_ name: String) { self.init(name.utf8) }
}

extension HeaderTable {
    /// Adds a field behind the others. The caller answers for a valid value. Allocates: only while the table grows.
    package mutating func append(_ stem: FieldStem, value: [UInt8]) {
        let (before, count) = (stem.bytes.count, value.count)
        let start = appendBytes(before + count + 2) { target in
            stem.bytes.withUnsafeBytes { name in
                if let first = name.baseAddress { target.copyMemory(from: first, byteCount: before) }
            }
            value.withUnsafeBytes { value in
                if let first = value.baseAddress { (target + before).copyMemory(from: first, byteCount: count) }
            }
            target.storeBytes(of: UInt16(0x0D0A).bigEndian, toByteOffset: before + count, as: UInt16.self)
        }
        appendReceived(
            name: stem.name,
            nameRange: ByteRange(start: start, count: before - 2),
            valueRange: ByteRange(start: start + before, count: count)
        )
    }
}
