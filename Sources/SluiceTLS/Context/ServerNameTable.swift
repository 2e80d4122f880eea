/// Which certificates a server name is answered with.
struct ServerNameTable: Sendable {
    /// Certificates that stand in for each other, by their positions, in the order of preference.
    struct Choice: Sendable, Equatable {
        let certificates: [Int]
    }

    private var exact: [[UInt8]: Choice] = [:]
    /// By what follows the `*.`.
    private var wildcards: [[UInt8]: Choice] = [:]
    /// For clients with no name or an unknown one.
    let fallback: Choice

    /// - Parameters:
    ///   - names: For each certificate, what it answers to.
    ///   - isRSA: For each certificate, whether its key is RSA: those are preferred less, since they cost more.
    ///   - fallback: The certificate for all other names; others with the very same names stand beside it.
    init(names: [[[UInt8]]], isRSA: [Bool], fallback: Int) {
        func choice(_ certificates: [Int]) -> Choice {
            Choice(certificates: certificates.filter { !isRSA[$0] } + certificates.filter { isRSA[$0] })
        }
        let sets = names.map { Set($0) }
        let isKnown = sets.indices.contains(fallback)
        self.fallback = choice(sets.indices.filter { isKnown && ($0 == fallback || sets[$0] == sets[fallback]) })
        var found: [[UInt8]: [Int]] = [:]
        for (index, set) in sets.enumerated() {
            for name in set { found[name, default: []].append(index) }
        }
        for (name, certificates) in found {
            if name.first == DNSName.star {
                wildcards[Array(name.dropFirst(2))] = choice(certificates)
            } else {
                exact[name] = choice(certificates)
            }
        }
    }

    /// A name of a certificate or of the settings: as `DNSName.normalised` leaves it, behind `*.` if it had that.
    static func normalised(_ name: [UInt8]) -> [UInt8]? {
        guard name.first == DNSName.star else { return DNSName.normalised(name) }
        guard name.count > 2, name[1] == DNSName.dot else { return nil }
        return DNSName.normalised(name.dropFirst(2)).map { [DNSName.star, DNSName.dot] + $0 }
    }

    /// What a client that asks for this name is shown; nil for a name that nobody speaks for. The name is as
    /// `DNSName.normalised` leaves it.
    func choice(for name: [UInt8]) -> Choice? {
        if let found = exact[name] { return found }
        guard !wildcards.isEmpty, let first = name.firstIndex(of: DNSName.dot) else { return nil }
        return wildcards[Array(name[(first + 1)...])]
    }
}
