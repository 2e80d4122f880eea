import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceUpstream

/// What holds for every rule.
@Suite struct BalancerTests {
    @Test("an empty list gives nil", arguments: BalancerKit.all)
    func anEmptyListGivesNil(model: BalancingModel) {
        var balancer = BalancerKit.balancer(model, [])
        #expect(balancer.pick(hash: 1) == nil)
        #expect(balancer.pick() == nil)
        #expect(!balancer.isPanicking)
    }

    @Test("one endpoint gets everything, retries too", arguments: BalancerKit.all)
    func oneEndpointGetsEverythingRetriesToo(model: BalancingModel) {
        var balancer = BalancerKit.balancer(model, BalancerKit.endpoints([3]))
        #expect(balancer.pick(hash: 1) == 0)
        #expect(balancer.pick() == 0)
        #expect(balancer.pick(hash: 1, excluding: BalancerKit.tried(100)) == 0)
    }

    @Test("weight 0 is never picked, not even in a panic", arguments: BalancerKit.all)
    func weight0IsNeverPickedNotEvenInAPanic(model: BalancingModel) {
        var endpoints = BalancerKit.endpoints([0, 1, 0, 2])
        var balancer = BalancerKit.balancer(model, endpoints)
        #expect(balancer.counts(500).enumerated().allSatisfy { ($0.offset % 2 == 1) == ($0.element > 0) })
        for i in endpoints.indices { endpoints[i].isUsable = false }
        balancer.update(endpoints: endpoints)
        #expect(balancer.isPanicking)
        #expect(balancer.counts(500).enumerated().allSatisfy { ($0.offset % 2 == 1) == ($0.element > 0) })
        #expect(balancer.pick(excluding: BalancerKit.tried(101, 103)) != 0)
    }

    @Test("only weight 0 gives nil", arguments: BalancerKit.all)
    func onlyWeight0GivesNil(model: BalancingModel) {
        var balancer = BalancerKit.balancer(model, BalancerKit.endpoints([0, 0]))
        #expect(balancer.pick(hash: 1) == nil)
    }

    @Test("shares follow the weights", arguments: BalancerKit.all)
    func sharesFollowTheWeights(model: BalancingModel) {
        var balancer = BalancerKit.balancer(model, BalancerKit.endpoints([1, 2, 5]))
        let counts = balancer.counts(16_000)
        // A ring of 1,024 points spreads coarsely.
        let tolerance = if case .ringHash = model { 0.25 } else { 0.06 }
        for (count, expected) in zip(counts, [2000.0, 4000, 10_000]) {
            #expect(abs(Double(count) - expected) < expected * tolerance, "\(model): \(counts)")
        }
    }

    @Test("unusable endpoints are left out while enough others are usable", arguments: BalancerKit.all)
    func unusableEndpointsAreLeftOutWhileEnoughOthersAreUsable(model: BalancingModel) {
        var endpoints = BalancerKit.endpoints(count: 4)
        endpoints[1].isUsable = false
        endpoints[2].isUsable = false
        var balancer = BalancerKit.balancer(model, endpoints)
        #expect(!balancer.isPanicking)
        let counts = balancer.counts(400)
        #expect(counts[1] == 0 && counts[2] == 0 && counts[0] > 0 && counts[3] > 0)
    }

    @Test("below the panic threshold all are used", arguments: BalancerKit.all)
    func belowThePanicThresholdAllAreUsed(model: BalancingModel) {
        var endpoints = BalancerKit.endpoints(count: 4)
        for i in 0..<3 { endpoints[i].isUsable = false }
        var balancer = BalancerKit.balancer(model, endpoints)
        #expect(balancer.isPanicking)
        #expect(balancer.counts(800).allSatisfy { $0 > 0 })
        endpoints[0].isUsable = true
        balancer.update(endpoints: endpoints)
        #expect(!balancer.isPanicking)
        #expect(balancer.counts(800)[1] == 0)
    }

    @Test("without a panic threshold the last usable one gets all, and none gives nil", arguments: BalancerKit.all)
    func withoutAPanicThresholdTheLastUsableOneGetsAllAndNone(model: BalancingModel) {
        var endpoints = BalancerKit.endpoints(count: 4)
        for i in 0..<3 { endpoints[i].isUsable = false }
        var balancer = BalancerKit.balancer(model, endpoints, panicThreshold: 0)
        #expect(balancer.counts(50) == [0, 0, 0, 50])
        endpoints[3].isUsable = false
        balancer.update(endpoints: endpoints)
        #expect(!balancer.isPanicking)
        #expect(balancer.pick(hash: 1) == nil)
        #expect(balancer.pick() == nil)
    }

    @Test("tried endpoints are avoided while there is another", arguments: BalancerKit.all)
    func triedEndpointsAreAvoidedWhileThereIsAnother(model: BalancingModel) {
        var balancer = BalancerKit.balancer(model, BalancerKit.endpoints([50, 1, 1]))
        #expect(balancer.counts(300, excluding: BalancerKit.tried(100))[0] == 0)
        #expect(balancer.counts(300, excluding: BalancerKit.tried(100, 102)) == [0, 300, 0])
    }

    @Test("when all were tried one of them is tried again", arguments: BalancerKit.all)
    func whenAllWereTriedOneOfThemIsTriedAgain(model: BalancingModel) {
        var endpoints = BalancerKit.endpoints(count: 4)
        endpoints[3].isUsable = false
        var balancer = BalancerKit.balancer(model, endpoints)
        let counts = balancer.counts(300, excluding: BalancerKit.tried(100, 101, 102))
        #expect(counts.reduce(0, +) == 300)
        #expect(counts[3] == 0)
    }

    @Test("ids of endpoints that are gone exclude nothing", arguments: BalancerKit.all)
    func idsOfEndpointsThatAreGoneExcludeNothing(model: BalancingModel) {
        var balancer = BalancerKit.balancer(model, BalancerKit.endpoints(count: 2))
        #expect(balancer.counts(300, excluding: BalancerKit.tried(0, 1)).allSatisfy { $0 > 0 })
    }

    @Test("the next priority serves only when the first cannot", arguments: BalancerKit.all)
    func theNextPriorityServesOnlyWhenTheFirstCannot(model: BalancingModel) {
        var endpoints = BalancerKit.endpoints(count: 4)
        endpoints[2].priority = 1
        endpoints[3].priority = 1
        var balancer = BalancerKit.balancer(model, endpoints)
        #expect(balancer.counts(200)[2...].allSatisfy { $0 == 0 })
        endpoints[0].isUsable = false
        endpoints[1].isUsable = false
        balancer.update(endpoints: endpoints)
        #expect(!balancer.isPanicking)
        #expect(balancer.counts(200)[...1].allSatisfy { $0 == 0 })
        endpoints[2].isUsable = false
        endpoints[3].isUsable = false
        balancer.update(endpoints: endpoints)
        #expect(balancer.isPanicking)
        #expect(balancer.counts(200)[2...].allSatisfy { $0 == 0 })
    }
}

@Suite struct EndpointSelectionTests {
    @Test(
        "panics strictly below the threshold",
        arguments: [(5, 10, 0.5, false), (4, 10, 0.5, true), (0, 10, 0.5, true), (1, 10, 0, false), (9, 10, 1, true)]
    )
    func panicsStrictlyBelowTheThreshold(usable: Int, total: Int, threshold: Double, panics: Bool) {
        var endpoints = BalancerKit.endpoints(count: total)
        for i in usable..<total { endpoints[i].isUsable = false }
        let selection = EndpointSelection(endpoints, panicThreshold: threshold)
        #expect(selection.isPanicking == panics)
        #expect(selection.candidates == Array(0..<(panics ? total : usable)))
    }

    @Test("endpoints of weight 0 do not count in the share")
    func endpointsOfWeight0DoNotCountInTheShare() {
        var endpoints = BalancerKit.endpoints([1, 1, 0, 0, 0])
        endpoints[1].isUsable = false
        #expect(EndpointSelection(endpoints, panicThreshold: 0.5).candidates == [0])
    }

    @Test("a level in need gives way to a later one that is well")
    func aLevelInNeedGivesWayToALaterOneThatIsWell() {
        var endpoints = BalancerKit.endpoints(count: 6)
        for i in 3..<6 { endpoints[i].priority = 5 }
        for i in 1..<3 { endpoints[i].isUsable = false }
        #expect(EndpointSelection(endpoints, panicThreshold: 0.5).candidates == [3, 4, 5])
        for i in 4..<6 { endpoints[i].isUsable = false }
        // Both are below: the first that has any is taken whole.
        let panic = EndpointSelection(endpoints, panicThreshold: 0.5)
        #expect(panic.isPanicking && panic.candidates == [0, 1, 2])
        endpoints[0].isUsable = false
        #expect(EndpointSelection(endpoints, panicThreshold: 0.5).candidates == [3, 4, 5])
    }
}

@Suite struct TriedEndpointsTests {
    @Test("remembers what it was given, once")
    func remembersWhatItWasGivenOnce() {
        var tried = TriedEndpoints()
        #expect(tried.isEmpty && !tried.contains(0))
        tried.insert(0)
        tried.insert(7)
        tried.insert(7)
        #expect(tried.count == 2 && tried.contains(0) && tried.contains(7) && !tried.contains(1))
    }

    @Test("beyond its capacity the oldest is forgotten")
    func beyondItsCapacityTheOldestIsForgotten() {
        var tried = TriedEndpoints()
        for id in 1...TriedEndpoints.capacity + 2 { tried.insert(id) }
        #expect(tried.count == TriedEndpoints.capacity)
        #expect(!tried.contains(1) && !tried.contains(2) && tried.contains(3) && tried.contains(8))
    }
}
