internal import SluiceCore

/// Reading fields: each is looked for once per match, however many routes ask for it.
extension Matcher {
    /// Calls `body` with the value of a field, nil if the request has none.
    @inline(__always)
    func withValue<R>(
        of field: UInt32,
        _ scratch: inout MatchScratch,
        _ body: (UnsafeRawBufferPointer?) -> R
    ) -> R {
        let index = Int(field)
        if scratch.slots[index].match != scratch.match { read(field, &scratch) }
        let slot = scratch.slots[index]
        switch slot.state {
        case .absent: return body(nil)
        case .inHead: return body(head.part(slot.start, slot.count))
        case .inScratch:
            return scratch.bytes.withUnsafeBytes { body($0.part(slot.start, slot.count)) }
        }
    }

    private func read(_ number: UInt32, _ scratch: inout MatchScratch) {
        let field = table.pointee.fields[number]
        if !field.isQuery {
            readHeader(field, number, &scratch)
            return
        }
        if scratch.queryMatch != scratch.match {
            scratch.queryMatch = scratch.match
            readQuery(&scratch)
        }
        // What the query did not give is absent.
        if scratch.slots[Int(number)].match != scratch.match {
            scratch.slots[Int(number)] = MatchScratch.Slot(match: scratch.match)
        }
    }

    // MARK: - Header

    private func readHeader(_ field: Field, _ number: UInt32, _ scratch: inout MatchScratch) {
        var slot = MatchScratch.Slot(match: scratch.match)
        for entry in entries where isNamed(entry, field) {
            if slot.state == .absent {
                slot.state = .inHead
                slot.start = entry.valueStart
                slot.count = entry.valueCount
            } else {
                join(entry, to: &slot, &scratch)
            }
        }
        scratch.slots[Int(number)] = slot
    }

    @inline(__always)
    private func isNamed(_ entry: HeaderTable.Entry, _ field: Field) -> Bool {
        guard !entry.isRemoved, entry.name.rawValue == field.wellKnown else { return false }
        guard field.wellKnown == 0 else { return true }
        guard UInt32(entry.nameCount) == field.count else { return false }
        let name = table.pointee.arena.bytes(field.start, field.count)
        return ASCII.equalsFolded(head.part(entry.nameStart, field.count), name)
    }

    /// Several lines are one value with commas between (RFC 9110, section 5.3), so that no line can hide behind another.
    private func join(
        _ entry: HeaderTable.Entry,
        to slot: inout MatchScratch.Slot,
        _ scratch: inout MatchScratch
    ) {
        if slot.state == .inHead {
            let first = head.part(slot.start, slot.count)
            slot.state = .inScratch
            slot.start = UInt32(truncatingIfNeeded: scratch.bytes.count)
            scratch.bytes.append(contentsOf: first)
        }
        scratch.bytes.append(UInt8(ascii: ","))
        scratch.bytes.append(contentsOf: head.part(entry.valueStart, entry.valueCount))
        slot.count = UInt32(truncatingIfNeeded: scratch.bytes.count) - slot.start
    }

    // MARK: - Query

    /// Reads the whole query once and keeps the first value of each parameter that any route asks for.
    private func readQuery(_ scratch: inout MatchScratch) {
        let text = head.part(query)
        var start = 0
        while start < text.count {
            var end = start
            var equals = -1
            while end < text.count, text[end] != UInt8(ascii: "&") {
                if equals < 0, text[end] == UInt8(ascii: "=") { equals = end }
                end += 1
            }
            let nameEnd = equals < 0 ? end : equals
            let valueStart = equals < 0 ? end : equals + 1
            keepParameter(
                name: UnsafeRawBufferPointer(rebasing: text[start..<nameEnd]),
                value: ByteRange(start: Int(query.start) + valueStart, count: end - valueStart),
                &scratch
            )
            start = end + 1
        }
    }

    private func keepParameter(name: UnsafeRawBufferPointer, value: ByteRange, _ scratch: inout MatchScratch) {
        let number: UInt32
        if QueryValue.isPlain(name) {
            number = table.pointee.find(name, in: KeySpace.parameter)
        } else {
            let start = scratch.bytes.count
            QueryValue.decode(name, into: &scratch.bytes)
            number = scratch.bytes.withUnsafeBytes {
                table.pointee.find(UnsafeRawBufferPointer(rebasing: $0[start...]), in: KeySpace.parameter)
            }
            scratch.bytes.removeSubrange(start...)
        }
        guard number != none, scratch.slots[Int(number)].match != scratch.match else { return }
        var slot = MatchScratch.Slot(match: scratch.match, state: .inHead, start: value.start, count: value.count)
        let raw = head.part(value)
        if !QueryValue.isPlain(raw) {
            slot.state = .inScratch
            slot.start = UInt32(truncatingIfNeeded: scratch.bytes.count)
            QueryValue.decode(raw, into: &scratch.bytes)
            slot.count = UInt32(truncatingIfNeeded: scratch.bytes.count) - slot.start
        }
        scratch.slots[Int(number)] = slot
    }
}
