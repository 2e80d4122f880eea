import Glibc
import SluiceCore

/// Which origins a policy knows, prepared for one loop.
///
/// Origins are compared as browsers send them: lower case, without the port that goes without saying. Isolation: one
/// loop. Allocates: only for an origin that comes in another form.
struct OriginMatcher {
    enum Match: Equatable {
        case none
        /// It is, byte by byte, the rule at that place of `exact`.
        case exact(Int)
        case other
    }

    /// Whether every origin is allowed, `null` too.
    let allowsAll: Bool
    private let allowsNull: Bool
    /// Sorted by length, then by bytes.
    let exact: [[UInt8]]
    private let bytes: ContiguousArray<UInt8>
    private let ends: ContiguousArray<Int>
    private let patterns: [OriginPattern]
    private let expressions: [RegularExpression]

    init(_ rules: [OriginRule]) {
        allowsAll = rules.contains(.any)
        allowsNull = rules.contains(.null)
        let texts = rules.compactMap { if case .exact(let text) = $0 { Array(text.utf8) } else { nil } }
        exact = Set(texts).sorted { $0.count != $1.count ? $0.count < $1.count : $0.lexicographicallyPrecedes($1) }
        bytes = ContiguousArray(exact.joined())
        var ends: ContiguousArray<Int> = []
        for origin in exact { ends.append((ends.last ?? 0) + origin.count) }
        self.ends = ends
        patterns = rules.compactMap { if case .pattern(let pattern) = $0 { pattern } else { nil } }
        // Expressions were compiled when the configuration was read; one that fails now takes nobody in.
        expressions = rules.compactMap { if case .regex(let text) = $0 { try? RegularExpression(text) } else { nil } }
    }

    func match(_ origin: UnsafeRawBufferPointer) -> Match {
        if let place = find(origin) { return .exact(place) }
        if allowsAll { return .other }
        if origin.elementsEqual("null".utf8) { return allowsNull ? .other : .none }
        guard let parts = OriginParts(origin) else { return .none }
        guard !parts.isNormal else { return matchesLoosely(origin, parts) ? .other : .none }
        return parts.normalized(origin).withUnsafeBytes { normal in
            if find(normal) != nil { return .other }
            guard let parts = OriginParts(normal) else { return .none }
            return matchesLoosely(normal, parts) ? .other : .none
        }
    }

    private func matchesLoosely(_ origin: UnsafeRawBufferPointer, _ parts: OriginParts) -> Bool {
        for pattern in patterns where pattern.matches(origin, parts) { return true }
        for expression in expressions where expression.matches(origin) { return true }
        return false
    }

    /// Halves the sorted list.
    private func find(_ origin: UnsafeRawBufferPointer) -> Int? {
        bytes.withUnsafeBytes { all in
            var low = 0
            var high = ends.count
            while low < high {
                let middle = (low + high) / 2
                let start = middle == 0 ? 0 : ends[middle - 1]
                let order = Self.order(origin, UnsafeRawBufferPointer(rebasing: all[start..<ends[middle]]))
                if order == 0 { return middle }
                if order < 0 { high = middle } else { low = middle + 1 }
            }
            return nil
        }
    }

    private static func order(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> CInt {
        if a.count != b.count { return a.count < b.count ? -1 : 1 }
        guard let first = a.baseAddress, let second = b.baseAddress else { return 0 }
        return memcmp(first, second, a.count)
    }
}
