import Synchronization
import Testing

@testable import SluiceTLS

@Suite struct TLSTicketKeysTests {
    private func find(_ name: [UInt8], in keys: TLSTicketKeys) -> Bool? {
        name.withUnsafeBufferPointer { keys.key(named: $0)?.isOld }
    }

    @Test func partsOfAFileAreThoseOfNginx() throws {
        let long = try TLSTicketKeys([Array(0..<80)]).current
        #expect(long?.name == Array(0..<16))
        #expect(long?.macKey == Array(16..<48))
        #expect(long?.cipherKey == Array(48..<80))
        let short = try TLSTicketKeys([Array(0..<48)]).current
        #expect(short?.name == Array(0..<16))
        #expect(short?.cipherKey == Array(16..<32))
        #expect(short?.macKey == Array(32..<48))
    }

    @Test func ownKeysChangeWithTime() throws {
        let now = Mutex<Int64>(1000)
        let keys = TLSTicketKeys(rotatedEvery: 100) { now.withLock { $0 } }
        let first = try #require(keys.current)
        now.withLock { $0 = 1099 }
        #expect(keys.current?.name == first.name)
        #expect(find(first.name, in: keys) == false)
        now.withLock { $0 = 1100 }
        let second = try #require(keys.current)
        #expect(second.name != first.name)
        #expect(second.cipherKey != first.cipherKey)
        #expect(find(first.name, in: keys) == true)
        now.withLock { $0 = 1200 }
        #expect(find(first.name, in: keys) == nil)
        #expect(find(second.name, in: keys) == true)
    }

    @Test func aLongPauseLeavesNothing() throws {
        let now = Mutex<Int64>(1000)
        let keys = TLSTicketKeys(rotatedEvery: 100) { now.withLock { $0 } }
        let first = try #require(keys.current)
        now.withLock { $0 = 1200 }
        #expect(find(first.name, in: keys) == nil)
    }

    @Test func aClockThatGoesBackMakesANewKey() throws {
        let now = Mutex<Int64>(1000)
        let keys = TLSTicketKeys(rotatedEvery: 100) { now.withLock { $0 } }
        let first = try #require(keys.current)
        now.withLock { $0 = 10 }
        #expect(keys.current?.name != first.name)
        #expect(find(first.name, in: keys) == nil)
    }

    @Test func keysOfFilesStay() throws {
        let keys = try TLSTicketKeys([TLSResumptionTests.keyFile(1), TLSResumptionTests.keyFile(2)])
        #expect(keys.current?.name == [UInt8](repeating: 1, count: 16))
        #expect(find([UInt8](repeating: 1, count: 16), in: keys) == false)
        #expect(find([UInt8](repeating: 2, count: 16), in: keys) == true)
        #expect(find([UInt8](repeating: 3, count: 16), in: keys) == nil)
    }
}
