import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceControl

@Suite struct QuickstartTests {
    @Test("the demo runs what examples/quickstart.yaml says")
    func isTheExample() throws {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        #expect(try TextFile.read("/\(root)/examples/quickstart.yaml") == Quickstart.text)
    }

    @Test("it is valid, and its upstreams are addresses that the demo can serve")
    func isValid() throws {
        let model = try DemoCommand.model()
        #expect(model.listeners.count == 1)
        let addresses = model.upstreams.flatMap(\.endpoints).map(\.address)
        #expect(addresses.count == 2)
        for address in addresses {
            guard case .ip(let ip, _) = address else { throw StartError("no address") }
            #expect(ip.isLoopback)
        }
    }
}
