/// Takes fields out of a message on the wire.
enum WireFilter {
    /// The message without some fields, each given by the fields that lead to it.
    ///
    /// Messages that a path leads through stay, even when nothing is left in them. Allocates: the result.
    static func removing(
        _ paths: [ArraySlice<Int>],
        from bytes: UnsafeRawBufferPointer,
        _ pool: DescriptorPool
    ) throws(TranscodingError) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            let here = paths.filter { path in path.first.map { pool.fields[$0].number == field.number } ?? false }
            if here.isEmpty {
                out.append(UnsafeRawBufferPointer(rebasing: bytes[field.start..<reader.at]))
                continue
            }
            if here.contains(where: { $0.count == 1 }) { continue }
            let inner = try removing(here.map { $0.dropFirst() }, from: reader.content(field), pool)
            if field.type == .startGroup {
                out.appendTag(field.number, .startGroup)
                out += inner
                out.appendTag(field.number, .endGroup)
            } else if field.type == .bytes {
                inner.withUnsafeBytes { out.appendField(field.number, $0) }
            }
        }
        return out
    }
}
