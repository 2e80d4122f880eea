import SluiceConfig

/// The listeners of two configurations that are the same to a client.
struct ListenerPairs {
    /// How many pairs requests are tried at; most configurations have one or two.
    private static let limit = 4

    struct Pair {
        /// Places in the lists of the two models.
        var old: Int
        var new: Int
    }

    private(set) var pairs: [Pair] = []
    /// What differs in the listeners themselves.
    private(set) var changes: [ConfigurationDiff.SharedChange] = []

    init(_ old: GatewayModel, _ new: GatewayModel) {
        // One listener on each side is the same one, whatever it is called.
        if old.listeners.count <= 1, new.listeners.count <= 1 {
            pairs = [Pair(old: 0, new: 0)]
        } else {
            for (index, listener) in old.listeners.enumerated() {
                guard let other = new.listeners.firstIndex(where: { $0.name == listener.name }) else { continue }
                pairs.append(Pair(old: index, new: other))
            }
        }
        compare(old, new)
        pairs = Array(pairs.prefix(Self.limit))
    }

    private mutating func compare(_ old: GatewayModel, _ new: GatewayModel) {
        for pair in pairs where old.listeners.indices.contains(pair.old) && new.listeners.indices.contains(pair.new) {
            let (before, after) = (old.listeners[pair.old], new.listeners[pair.new])
            let found = ModelDifference.changes(before, after, leavingOut: ["name"])
            guard !found.isEmpty else { continue }
            changes.append(
                .init(kind: .listener, name: after.name, old: before.place, new: after.place, changes: found)
            )
        }
        let (known, now) = (Set(pairs.map(\.old)), Set(pairs.map(\.new)))
        for (index, listener) in old.listeners.enumerated() where !known.contains(index) {
            changes.append(
                .init(kind: .listener, name: listener.name, old: listener.place, new: nil, changes: ["removed"])
            )
        }
        for (index, listener) in new.listeners.enumerated() where !now.contains(index) {
            changes.append(
                .init(kind: .listener, name: listener.name, old: nil, new: listener.place, changes: ["added"])
            )
        }
    }
}
