internal import SluiceCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Matcher {
    /// Whether all conditions of a route but host, path and method hold.
    @inline(__always)
    func conditionsHold(_ route: RouteRecord, _ scratch: inout MatchScratch) -> Bool {
        var i = route.conditionStart
        while i < route.conditionStart + route.conditionCount {
            guard holds(table.pointee.conditions[i], &scratch) else { return false }
            i += 1
        }
        return true
    }

    private func holds(_ condition: Condition, _ scratch: inout MatchScratch) -> Bool {
        switch condition.kind {
        case .listener: return listenerHolds(condition)
        case .sni: return serverNameHolds(condition)
        case .source: return sourceHolds(condition)
        case .exact, .prefix, .suffix, .contains, .regex, .present, .absent:
            return withValue(of: condition.field, &scratch) { value in
                guard let value else { return condition.kind == .absent || mayFollow(condition) }
                return valueHolds(condition, value)
            }
        }
    }

    /// A preflight has no body, and so no `content-type`, but the request it asks for may have the one that is wanted:
    /// gRPC-Web is told by nothing else.
    private func mayFollow(_ condition: Condition) -> Bool {
        isPreflight && table.pointee.fields[condition.field].wellKnown == FieldName.contentType.rawValue
            && !table.pointee.fields[condition.field].isQuery
    }

    // MARK: - The connection's side

    private func listenerHolds(_ condition: Condition) -> Bool {
        for i in condition.start..<(condition.start + condition.count) where table.pointee.numbers[i] == listener {
            return true
        }
        return false
    }

    private func serverNameHolds(_ condition: Condition) -> Bool {
        guard let sni else { return false }
        for i in condition.start..<(condition.start + condition.count) {
            let pattern = table.pointee.names[i]
            let name = table.pointee.arena.bytes(pattern.start, pattern.count)
            if !pattern.isWildcard {
                if ASCII.equalsFolded(sni, name) { return true }
                continue
            }
            // At least one byte and a dot in front.
            let front = sni.count - name.count - 1
            if front > 0, sni[front] == UInt8(ascii: "."),
                ASCII.equalsFolded(UnsafeRawBufferPointer(rebasing: sni[(front + 1)...]), name)
            {
                return true
            }
        }
        return false
    }

    private func sourceHolds(_ condition: Condition) -> Bool {
        guard let source else { return false }
        for i in condition.start..<(condition.start + condition.count) {
            let network = table.pointee.networks[i]
            if network.excludesV4, source.isV4 { continue }
            if (source.high ^ network.high) & network.highMask == 0, (source.low ^ network.low) & network.lowMask == 0 {
                return true
            }
        }
        return false
    }

    // MARK: - Values

    private func valueHolds(_ condition: Condition, _ value: UnsafeRawBufferPointer) -> Bool {
        if condition.kind == .present { return true }
        if condition.kind == .absent { return false }
        if condition.kind == .regex { return table.pointee.regexes[condition.start].matches(value) }
        let wanted = table.pointee.arena.bytes(condition.start, condition.count)
        guard value.count >= wanted.count else { return false }
        switch condition.kind {
        case .exact: return sameBytes(value, wanted)
        case .prefix: return sameBytes(UnsafeRawBufferPointer(rebasing: value[..<wanted.count]), wanted)
        case .suffix: return sameBytes(UnsafeRawBufferPointer(rebasing: value[(value.count - wanted.count)...]), wanted)
        default: return contains(value, wanted)
        }
    }

    /// Looks for the first byte, then compares: quick on text; `value.count * wanted.count` on text made to be slow.
    private func contains(_ value: UnsafeRawBufferPointer, _ wanted: UnsafeRawBufferPointer) -> Bool {
        guard let first = wanted.first else { return true }
        let last = value.count - wanted.count
        var start = 0
        while start <= last, let base = value.baseAddress,
            let found = memchr(base + start, Int32(first), last - start + 1)
        {
            start = UnsafeRawPointer(found) - base
            if sameBytes(UnsafeRawBufferPointer(rebasing: value[start..<(start + wanted.count)]), wanted) {
                return true
            }
            start += 1
        }
        return false
    }
}
