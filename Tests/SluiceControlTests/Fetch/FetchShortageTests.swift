import Glibc
import SluiceControl
import SluiceCore
import Testing

/// Fetches of a gateway that has run out of descriptors.
@Suite struct FetchShortageTests {
    @Test("a fetch for which the gateway has no descriptor is told to the operator, and as what it is")
    func withoutDescriptors() async {
        await #expect(processExitsWith: .success) {
            let lines = Lines()
            try FetchKit.run {
                $0.shortage = ResourceShortage(log: lines.write)
            } _: { kit in
                var none = rlimit()
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none)
                for _ in 0..<2 {
                    let message = try kit.failure(try FetchKit.request(9, "/keys?secret=1"))
                    guard message.hasSuffix("cannot connect to 127.0.0.1:9: Too many open files") else { exit(1) }
                }
                let told = "cannot fetch from http://127.0.0.1:9: Too many open files (EMFILE)"
                exit(lines.all.count == 1 && lines.all[0].hasPrefix(told) ? 0 : 2)
            }
        }
    }
}
