import NIOCore
import Testing

@testable import SluiceControl

@Suite struct ChangeDetectorTests {
    private static func at(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(1_000_000_000_000) + .milliseconds(milliseconds)
    }

    private func detector() -> ChangeDetector<String> {
        ChangeDetector("a", pause: .milliseconds(500), stability: .milliseconds(200))
    }

    @Test("nothing changes: nothing to read, and long pauses")
    func settled() {
        var detector = detector()
        for time in stride(from: Int64(0), to: 5000, by: 500) {
            #expect(detector.observe("a", at: Self.at(time)) == false)
            #expect(detector.nextLook == .milliseconds(500))
        }
    }

    @Test("a change is read once, when it has held still")
    func change() {
        var detector = detector()
        #expect(detector.observe("b", at: Self.at(0)) == false)
        #expect(detector.nextLook == .milliseconds(50))
        #expect(detector.observe("b", at: Self.at(199)) == false)
        #expect(detector.observe("b", at: Self.at(200)) == true)
        #expect(detector.nextLook == .milliseconds(500))
        #expect(detector.observe("b", at: Self.at(700)) == false)
    }

    @Test("each further change starts the wait anew, also one back to the start")
    func moving() {
        var detector = detector()
        #expect(detector.observe("b", at: Self.at(0)) == false)
        #expect(detector.observe("c", at: Self.at(150)) == false)
        #expect(detector.observe("c", at: Self.at(300)) == false)
        #expect(detector.observe("a", at: Self.at(320)) == false)
        #expect(detector.observe("a", at: Self.at(519)) == false)
        #expect(detector.observe("a", at: Self.at(520)) == true)
    }

    @Test("reading for another reason forgets what was seen")
    func settle() {
        var detector = detector()
        #expect(detector.observe("b", at: Self.at(0)) == false)
        detector.settle("b")
        #expect(detector.observe("b", at: Self.at(300)) == false)
    }

    @Test("a disturbance is read when it has held still")
    func disturbance() {
        var detector = detector()
        detector.disturb(at: Self.at(0))
        #expect(detector.observe("a", at: Self.at(100)) == false)
        #expect(detector.observe("a", at: Self.at(200)) == true)
    }
}
