internal import NIOCore

/// A field whose value never changes, with its whole line ready to be copied.
package struct FieldLine: Sendable {
    /// `Name: value CRLF`
    fileprivate let bytes: [UInt8]
    fileprivate let name: FieldName
    fileprivate let nameCount: Int
    fileprivate let valueCount: Int

    /// The caller answers for valid bytes: the name is a token, the value holds no CR, LF or NUL.
    package init(name: some Collection<UInt8>, value: some Collection<UInt8>) {
        bytes = Array(name) + [0x3A, 0x20] + Array(value) + [0x0D, 0x0A]
        nameCount = name.count
        valueCount = value.count
        self.name = FieldKey(name).name
    }
}

extension HeaderTable {
    /// Adds a field behind the others with one copy.
    package mutating func append(_ line: FieldLine) {
        let start = line.bytes.withUnsafeBytes { source in
            appendBytes(source.count) { target in
                if let first = source.baseAddress { target.copyMemory(from: first, byteCount: source.count) }
            }
        }
        appendReceived(
            name: line.name,
            nameRange: ByteRange(start: start, count: line.nameCount),
            valueRange: ByteRange(start: start + line.nameCount + 2, count: line.valueCount)
        )
    }
}
