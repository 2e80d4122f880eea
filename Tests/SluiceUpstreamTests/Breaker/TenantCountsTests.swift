import SluiceCore
import Testing

@testable import SluiceUpstream

@Suite struct TenantCountsTests {
    @Test func aCallerHasItsShareAndNotMore() {
        let counts = TenantCounts()
        for _ in 0..<3 { #expect(counts.tryAcquire(7, limit: 3)) }
        #expect(!counts.tryAcquire(7, limit: 3))
        #expect(counts.current(7) == 3)
        counts.release(7)
        #expect(counts.tryAcquire(7, limit: 3))
    }

    @Test("who shares cells with whom follows from a secret: nobody can choose addresses that take another one's share")
    func cellsCannotBeChosen() {
        /// Callers who seem to have something under way since others have.
        func sharers(_ key: SipKey) -> [UInt64] {
            let counts = TenantCounts(key: key)
            for tenant in 1...500 as ClosedRange<UInt64> { _ = counts.tryAcquire(tenant, limit: .max) }
            return (1000..<3000).filter { counts.current($0) > 0 }
        }
        let first = sharers(SipKey(1, 2))
        #expect(first == sharers(SipKey(1, 2)))
        #expect(!first.isEmpty)
        #expect(first != sharers(SipKey(3, 4)))
    }
}
