/// The name of a field to look for, prepared once: interned where it is well known, in lower case where it is not.
///
/// For everything that knows its names when a configuration is loaded and looks for them in every request.
package struct FieldKey: Hashable, Sendable {
    package let name: FieldName
    package let lowercased: [UInt8]

    /// - Parameter text: the name, letters in any case.
    package init(_ text: some Sequence<UInt8>) {
        let lower = text.map(ASCII.lowercased)
        lowercased = lower
        name = lower.withUnsafeBytes { FieldName.intern($0) }
    }

    package init(_ text: String) { self.init(text.utf8) }
}

extension HeaderTable {
    /// Index of the first live entry with that name, at or after `start`.
    package func firstIndex(of key: FieldKey, from start: Int = 0) -> Int? {
        if key.name != .other { return firstIndex(of: key.name, from: start) }
        return key.lowercased.withUnsafeBytes { firstIndex(ofOther: $0, from: start) }
    }

    package func has(_ key: FieldKey) -> Bool { firstIndex(of: key) != nil }

    /// Removes every field of that name.
    package mutating func remove(_ key: FieldKey) {
        if key.name != .other { return remove(key.name) }
        key.lowercased.withUnsafeBytes { remove(other: $0) }
    }
}
