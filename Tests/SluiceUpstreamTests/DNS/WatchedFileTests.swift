import Glibc
import Testing

@testable import SluiceUpstream

@Suite struct WatchedFileTests {
    @Test("a change is seen once: new, rewritten, gone, back")
    func changes() async throws {
        try await TemporaryFile.with("one") { file in
            var watched = WatchedFile<Void>()
            func changed() -> Bool { watched.hasChanged(file.path) }
            #expect([changed(), changed()] == [true, false])
            try file.write("longer")
            #expect([changed(), changed()] == [true, false])
            try file.remove()
            #expect([changed(), changed()] == [true, false])
            try file.write("longer")
            #expect([changed(), changed()] == [true, false])
        }
    }

    @Test("a file is read when it changed, and what cannot be read is empty")
    func reading() async throws {
        try await TemporaryFile.with("one") { file in
            var watched = WatchedFile<[UInt8]>()
            var reads = 0
            func value() -> String {
                let bytes = watched.value(file.path, empty: Array("nothing".utf8)) { bytes in
                    reads += 1
                    return bytes
                }
                return String(decoding: bytes, as: UTF8.self)
            }
            #expect([value(), value()] == ["one", "one"])
            #expect(reads == 1)
            try file.write("two!")
            #expect([value(), value()] == ["two!", "two!"])
            #expect(reads == 2)
            try file.remove()
            #expect([value(), value()] == ["nothing", "nothing"])
            #expect(reads == 2)
        }
    }

    @Test("what could not be read for want of a descriptor is read later: it was taken for an empty file")
    func withoutDescriptors() async {
        await #expect(processExitsWith: .success) {
            try await TemporaryFile.with("one") { file in
                var watched = WatchedFile<String>()
                func value() -> String {
                    watched.value(file.path, empty: "nothing") { String(decoding: $0, as: UTF8.self) }
                }
                let limit = Descriptors.take()
                let before = value()
                Descriptors.give(limit)
                let first = value()
                try file.write("other")
                Descriptors.take()
                let kept = value()
                Descriptors.give(limit)
                exit([before, first, kept, value()] == ["nothing", "one", "one", "other"] ? 0 : 1)
            }
        }
    }

    @Test("a file beyond all measure is cut at the end of a line")
    func large() async throws {
        let line = String(repeating: "x", count: 1023) + "\n"
        try await TemporaryFile.with(String(repeating: line, count: 9 << 10)) { file in
            var watched = WatchedFile<[UInt8]>()
            let bytes = watched.value(file.path, empty: []) { $0 }
            #expect(bytes.count >= HostsFile.largestSize - 1024 && bytes.count <= HostsFile.largestSize + 16384)
            #expect(bytes.count % 1024 == 1023)
        }
    }
}
