import NIOCore
import SluiceConfig
import SluiceCore
import SluiceRouting

/// Conditions, failures and other parts of the model in words.
enum Wording {
    /// `a, b and c`
    static func list(_ items: [String], _ last: String = "and") -> String {
        guard let end = items.last, items.count > 1 else { return items.first ?? "" }
        return items.dropLast().joined(separator: ", ") + " \(last) " + end
    }

    /// `a`, `a or b`, `a, b, c or 9 more`: at most three by name.
    static func choice(_ items: [String]) -> String {
        items.count <= 4 ? list(items, "or") : list(items.prefix(3) + ["\(items.count - 3) more"], "or")
    }

    // MARK: Conditions

    static func path(_ match: PathMatch) -> String {
        switch match {
        case .any: "any path"
        case .exact(let path): "path \(path)"
        case .prefix(let path): "prefix \(path)"
        case .template(let path): "template \(path)"
        case .regex(let pattern): "regex \(pattern)"
        }
    }

    /// What a header or parameter of that name must be: `is 'true'`, or behind "must" `be 'true'`.
    static func value(_ match: FieldMatch, behindMust: Bool = false) -> String {
        func shown(_ text: String) -> String { Discretion.shown(text, under: match.name) }
        func verb(_ one: String, _ other: String) -> String { behindMust ? other : one }
        return switch match.value {
        case .exact(let text): "\(verb("is", "be")) \(shown(text))"
        case .prefix(let text): "\(verb("begins", "begin")) with \(shown(text))"
        case .suffix(let text): "\(verb("ends", "end")) with \(shown(text))"
        case .contains(let text): "\(verb("holds", "hold")) \(shown(text))"
        case .regex(let pattern): "\(verb("matches", "match")) \(shown(pattern))"
        case .present(true): "\(verb("is", "be")) there"
        case .present(false): "\(verb("is not", "not be")) there"
        }
    }

    /// `10.0.0.0/8`, or an address alone.
    static func network(_ network: CIDR) -> String {
        let isOne = network.prefix == 128
        return network.base.description + (isOne ? "" : "/\(network.prefix - (network.base.isV4 ? 96 : 0))")
    }

    /// Why a condition does not hold: a clause.
    static func failure(_ failure: MatchFailure) -> String {
        switch failure {
        case .listener(let wanted, let got):
            "it is for listener \(choice(wanted)), and this is \(got ?? "none of the configuration's")"
        case .sni(let wanted, let got):
            "it is for the TLS server name \(choice(wanted)), and \(got.map { "this is \($0)" } ?? "there is no TLS")"
        case .source(let wanted, let got):
            "it is for clients from \(choice(wanted.map(network))), and this is \(got?.description ?? "one without address")"
        case .host(let wanted, let got):
            "it is for host \(choice(wanted)), and this is \(got.isEmpty ? "a request without host" : got)"
        case .path(let wanted, _, let hint): path(wanted, hint)
        case .method(let wanted, let got): "it takes \(choice(wanted)), not \(got)"
        case .header(let wanted, let got): missing("header", wanted, got)
        case .query(let wanted, let got): missing("query parameter", wanted, got)
        case .earlierRoute: "another route goes first"
        }
    }

    private static func path(_ wanted: PathMatch, _ hint: MatchFailure.PathHint?) -> String {
        let front = "its \(path(wanted)) does not fit"
        return switch hint {
        case .trailingSlash?: front + ": with or without the last slash it would"
        case .letterCase?: front + ": only the case of letters differs"
        case nil: front
        }
    }

    private static func missing(_ what: String, _ wanted: FieldMatch, _ got: String?) -> String {
        let must = "it must \(value(wanted, behindMust: true))"
        guard let got else { return "\(what) \(wanted.name) is missing: \(must)" }
        return "\(what) \(wanted.name) is \(Discretion.shown(got, under: wanted.name)): \(must)"
    }

    // MARK: Addresses

    static func address(_ address: EndpointAddress) -> String {
        switch address {
        case .ip(let ip, let port): (ip.isV4 ? ip.description : "[\(ip.description)]") + ":\(port)"
        case .unix(let path): "unix:\(path)"
        case .name(let name, let port): "\(name):\(port)"
        case .service(let name): "\(name) (SRV)"
        }
    }

    static func balancing(_ model: BalancingModel, routeHash: [HashKey]) -> String {
        func keys(_ own: [HashKey]) -> String {
            let used = routeHash.isEmpty ? own : routeHash
            return used.isEmpty ? "of nothing" : "of " + list(used.map(key))
        }
        return switch model {
        case .roundRobin: "round_robin"
        case .leastRequest(let choices): "least_request of \(choices)"
        case .random: "random"
        case .ringHash(_, let hash): "ring_hash \(keys(hash))"
        case .maglev(_, let hash): "maglev \(keys(hash))"
        }
    }

    private static func key(_ key: HashKey) -> String {
        switch key {
        case .header(let name): "header \(name)"
        case .cookie(let name, _, _): "cookie \(name)"
        case .source: "source"
        case .path: "path"
        case .query(let name): "query \(name)"
        }
    }

    // MARK: Quantities

    static func duration(_ amount: TimeAmount) -> String { Units.showDuration(amount) }

    static func size(_ bytes: UInt64) -> String { Units.showSize(Int(clamping: bytes)) }

    /// `5%`, `33.3%`
    static func percent(_ share: Double) -> String {
        let tenths = (share * 10).rounded() / 10
        return tenths == tenths.rounded() ? "\(Int(tenths))%" : "\(tenths)%"
    }
}

extension ListenAddress {
    /// What a client writes into the Host header that speaks to a listener by its address.
    var ownHost: String {
        guard case .ip(let host, let port) = self else { return "localhost" }
        let reachable = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host
        return (reachable.contains(":") ? "[\(reachable)]" : reachable) + (port == 80 ? "" : ":\(port)")
    }
}
