import Glibc
import SluiceConfig
import SluiceTesting
import Testing

@testable import SluiceControl

@Suite struct DescriptorLimitTests {
    @Test("the limit is raised as far as it goes")
    func raise() throws {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        try #require(getrlimit(resource, &limit) == 0 && limit.rlim_max > 1)
        // One less is no harm to the tests that run at the same time.
        var lower = limit
        lower.rlim_cur = limit.rlim_max - 1
        try #require(setrlimit(resource, &lower) == 0)
        #expect(DescriptorLimit.raise() == Int(clamping: limit.rlim_max))
        var raised = rlimit()
        getrlimit(resource, &raised)
        #expect(raised.rlim_cur == limit.rlim_max)
    }

    @Test("who may have fewer than the listeners take in is told so")
    func complaint() {
        var model = GatewayModel.routing()
        model.listeners.append(.loopback("second"))
        model.listeners[0].limits.connections = 60
        model.listeners[1].limits.connections = 40
        #expect(DescriptorLimit.complaint(100, for: model) == nil)
        #expect(DescriptorLimit.complaint(99, for: model)?.contains("99 descriptors, its listeners 100") == true)
        model.listeners[1].limits.connections = .max
        #expect(DescriptorLimit.complaint(99, for: model) != nil)
    }
}
