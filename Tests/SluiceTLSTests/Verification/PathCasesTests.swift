import Testing

@testable import SluiceTLS

@Suite struct PathCasesTests {
    @Test("X.509 path validation", arguments: PathCase.own)
    func own(_ given: PathCase) {
        let refusal = given.refusal()
        #expect((refusal == nil) == given.isGood, "\(given.id): \(refusal ?? "accepted")")
    }

    @Test func theFileIsThere() { #expect(PathCase.own.count > 200) }

    /// Says where x509-limbo sees it differently; what is one of its pedantic features is for the reader to tell.
    @Test(.enabled(if: !PathCase.foreign.isEmpty))
    func foreign() {
        for given in PathCase.foreign {
            let refusal = given.refusal()
            guard (refusal == nil) != given.isGood else { continue }
            print("\(given.isGood ? "stricter" : "laxer"): \(given.id): \(refusal ?? "accepted")")
        }
    }
}
