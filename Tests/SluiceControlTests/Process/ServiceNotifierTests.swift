import Glibc
import SluiceControl
import SluiceTesting
import Testing

/// What a service manager listens on.
private final class Manager {
    private let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)

    init(_ name: [UInt8]) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sa_family_t>.size + name.count))
            }
        }
        guard bound == 0 else { throw TestFailure("cannot bind: \(errno)") }
    }

    deinit { close(descriptor) }

    /// The next message, or nil: datagrams of this machine are there when the call that sent them returns.
    func receive() -> String? {
        var memory = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &memory, memory.count, CInt(MSG_DONTWAIT))
        return count < 0 ? nil : String(decoding: memory[..<count], as: UTF8.self)
    }
}

@Suite("Service manager") struct ServiceNotifierTests {
    @Test("states are told in the words of sd_notify(3)")
    func states() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("notify")
        let manager = try Manager(Array(path.utf8) + [0])
        let notifier = ServiceNotifier(path)
        notifier.ready("serving\nMAINPID=1")
        #expect(manager.receive() == "READY=1\nSTATUS=serving")
        notifier.reloading()
        let reloading = try #require(manager.receive())
        #expect(reloading.wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=.+/) != nil)
        notifier.stopping("draining")
        #expect(manager.receive() == "STOPPING=1\nSTATUS=draining")
        #expect(manager.receive() == nil)
    }

    @Test("a name in the abstract namespace is reached")
    func abstract() throws {
        let name = "sluice-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let manager = try Manager([0] + Array(name.utf8))
        ServiceNotifier("@" + name).ready("serving")
        #expect(manager.receive() == "READY=1\nSTATUS=serving")
    }

    @Test(
        "nobody, nonsense and a manager that is gone are no problem",
        arguments: [nil, "", "relative", "/nowhere/at/all"]
    )
    func nobody(path: String?) { ServiceNotifier(path).ready("serving") }
}
