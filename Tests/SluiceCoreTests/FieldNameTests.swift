import SluiceCore
import Testing

@Suite("Interned field names")
struct FieldNameTests {
    static let wellKnown = FieldName.allCases.filter { $0 != .other }

    private func intern(_ name: String) -> FieldName {
        Array(name.utf8).withUnsafeBytes { FieldName.intern($0) }
    }

    @Test("Every well-known name is found in each spelling", arguments: wellKnown)
    func found(name: FieldName) {
        let canonical = name.canonical.description
        #expect(intern(canonical) == name)
        #expect(intern(canonical.lowercased()) == name)
        #expect(intern(canonical.uppercased()) == name)
    }

    @Test("No two names share a spelling")
    func distinct() {
        #expect(Set(Self.wellKnown.map { $0.canonical.description.lowercased() }).count == Self.wellKnown.count)
    }

    @Test("A name that differs in one byte is another name", arguments: wellKnown)
    func neighbours(name: FieldName) {
        let bytes = Array(name.canonical.description.utf8)
        for i in bytes.indices {
            // Only tokens are ever interned; among them, interning may fold more than letters.
            let others = (UInt8.min ... .max).filter {
                ASCII.isToken($0) && ASCII.lowercased($0) != ASCII.lowercased(bytes[i])
            }
            #expect(
                others.allSatisfy { other in
                    var changed = bytes
                    changed[i] = other
                    return changed.withUnsafeBytes { FieldName.intern($0) } == .other
                }
            )
        }
        #expect(intern(name.canonical.description + "s") == .other)
        #expect(Array(bytes.dropLast()).withUnsafeBytes { FieldName.intern($0) } == .other)
    }

    @Test("Everything else is other", arguments: ["", "x", "x-canary", "content_length", "host ", "cookie2"])
    func other(name: String) {
        #expect(intern(name) == .other)
    }

    @Test("A bit per name fits in the 64 bits of a header table")
    func fitsTheMask() {
        #expect(FieldName.allCases.allSatisfy { $0.rawValue < 64 })
    }
}
