package import NIOCore

/// Fields written as lines again.
extension HeaderTable {
    /// As `write(to:)` for a buffer, into memory of the caller's.
    ///
    /// - Returns: how many bytes, or nil when they do not fit.
    package mutating func write(to out: UnsafeMutableRawBufferPointer) -> Int? {
        entries.withUnsafeBufferPointer { entries in
            bytes.withUnsafeReadableBytes { all in
                var written = 0
                var runStart = 0
                var runEnd = 0
                for i in 0...entries.count {
                    if i < entries.count, entries[i].isRemoved { continue }
                    let start = i < entries.count ? Int(entries[i].nameStart) : -1
                    if start != runEnd || start < 0 {
                        let run = all[runStart..<runEnd]
                        guard run.count <= out.count - written else { return nil }
                        if !run.isEmpty {
                            UnsafeMutableRawBufferPointer(rebasing: out[written...]).copyMemory(
                                from: UnsafeRawBufferPointer(rebasing: run)
                            )
                        }
                        written += run.count
                        runStart = max(0, start)
                    }
                    if i < entries.count { runEnd = Self.lineEnd(of: entries[i], in: all) }
                }
                return written
            }
        }
    }

    /// Writes all live lines, each `name: value CRLF`, received ones in runs exactly as they came.
    ///
    /// Changes nothing: `mutating` so that a table inside of a class instance is borrowed and not copied for the call.
    package mutating func write(to out: inout ByteBuffer) {
        bytes.withUnsafeReadableBytes { all in
            var runStart = 0
            var runEnd = 0
            for entry in entries where !entry.isRemoved {
                let start = Int(entry.nameStart)
                let end = Self.lineEnd(of: entry, in: all)
                if start == runEnd {
                    runEnd = end
                    continue
                }
                if runEnd > runStart { out.writeBytes(UnsafeRawBufferPointer(rebasing: all[runStart..<runEnd])) }
                runStart = start
                runEnd = end
            }
            if runEnd > runStart { out.writeBytes(UnsafeRawBufferPointer(rebasing: all[runStart..<runEnd])) }
        }
    }

    /// Where the line of an entry ends: behind its CRLF, trailing white space included.
    @inline(__always)
    private static func lineEnd(of entry: Entry, in all: UnsafeRawBufferPointer) -> Int {
        var i = Int(entry.valueStart) + Int(entry.valueCount)
        while i + 1 < all.count, all[i] != 0x0D { i += 1 }
        return min(i + 2, all.count)
    }
}
