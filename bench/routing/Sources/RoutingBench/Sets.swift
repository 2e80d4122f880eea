import SluiceConfig
import SluiceCore

/// Routes, and requests that they take.
struct RouteSet {
    let name: String
    var routes: [RouteModel] = []
    var requests: [RequestHead] = []

    private mutating func add(_ path: PathMatch, host: String? = nil, headers: [FieldMatch] = []) {
        var route = RouteModel(name: "r\(routes.count)", place: .builtIn, action: .respond(RespondModel()))
        route.match.path = path
        if let host { route.match.hosts = [host] }
        route.match.headers = headers
        routes.append(route)
    }

    private mutating func ask(_ path: String, host: String, headers: [(String, String)] = []) {
        requests.append(Self.head(path, host: host, headers: headers))
    }

    static func head(_ path: String, host: String, headers: [(String, String)]) -> RequestHead {
        var head = RequestHead()
        let usual = [
            ("Host", host), ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)"), ("Accept", "*/*"),
            ("Accept-Encoding", "gzip, br"), ("X-Request-Id", "0af7651916cd43dd8448eb211c80319c"),
            ("Cookie", "sid=31d4d96e407aad42"),
        ]
        for (name, value) in usual + headers { head.fields.append(name: Array(name.utf8), value: Array(value.utf8)) }
        head.methodRange = head.fields.store("GET".utf8)
        head.host = head.fields.store(host.utf8)
        head.path = head.fields.store(path.utf8)
        head.query = head.fields.store("page=2&sort=asc".utf8)
        return head
    }

    /// 1,000 hosts with 100 routes each: prefixes, exact paths, templates, regular expressions and a header canary.
    static func mixed(_ count: Int) -> RouteSet {
        var set = RouteSet(name: "mixed")
        var index = 0
        while set.routes.count < count {
            let host = "tenant-\(index % 1000).example.com"
            let n = index / 1000
            switch n % 10 {
            case 0, 1, 2:
                set.add(.exact("/v1/orders-\(n)/status"), host: host)
                set.ask("/v1/orders-\(n)/status", host: host)
            case 3, 4:
                set.add(.template("/v1/users-\(n)/{id}/files/{rest...}"), host: host)
                set.ask("/v1/users-\(n)/\(index)/files/a/b.txt", host: host)
            case 5:
                set.add(.regex("/v2/items-\(n)/[0-9]+"), host: host)
                set.ask("/v2/items-\(n)/\(index)", host: host)
            case 6:
                let canary = FieldMatch(name: "x-canary", value: .exact("true"))
                set.add(.prefix("/v1/pay-\(n)"), host: host, headers: [canary])
                set.ask("/v1/pay-\(n)/1", host: host, headers: [("X-Canary", "true")])
            default:
                set.add(.prefix("/v1/svc-\(n)"), host: host)
                set.ask("/v1/svc-\(n)/a/b", host: host)
            }
            index += 1
        }
        return set
    }

    /// One host, as many prefixes.
    static func prefixes(_ count: Int) -> RouteSet {
        var set = RouteSet(name: "prefixes")
        for index in 0..<count {
            set.add(.prefix("/team-\(index % 100)/service-\(index)"))
            set.ask("/team-\(index % 100)/service-\(index)/v1/resource/42", host: "api.example.com")
        }
        return set
    }

    /// A host for each route, half of them below wildcards.
    static func hosts(_ count: Int) -> RouteSet {
        var set = RouteSet(name: "hosts")
        for index in 0..<count {
            let domain = "customer-\(index).example.com"
            set.add(.any, host: index.isMultiple(of: 2) ? domain : "*." + domain)
            set.ask("/index.html", host: index.isMultiple(of: 2) ? domain : "www." + domain)
        }
        return set
    }

    /// One path, told apart by a header.
    static func headers(_ count: Int) -> RouteSet {
        var set = RouteSet(name: "headers")
        for index in 0..<count {
            set.add(.prefix("/v1"), headers: [FieldMatch(name: "x-tenant", value: .exact("t\(index)"))])
            set.ask("/v1/a", host: "api.example.com", headers: [("X-Tenant", "t\(index)")])
        }
        return set
    }

    /// The same as `headers`, with prefixes, which are tried one by one: what the worst case costs.
    static func headerPrefixes(_ count: Int) -> RouteSet {
        var set = RouteSet(name: "header prefixes")
        for index in 0..<count {
            set.add(.prefix("/v1"), headers: [FieldMatch(name: "x-tenant", value: .prefix("t\(index)."))])
            set.ask("/v1/a", host: "api.example.com", headers: [("X-Tenant", "t\(index).a")])
        }
        return set
    }

    /// Prefixes of every depth on one path, and a request that meets all of them.
    static func deep(_ count: Int) -> RouteSet {
        var set = RouteSet(name: "deep")
        let never = FieldMatch(name: "x-none", value: .present(true))
        let path = String(repeating: "/a", count: count)
        for depth in 1...count { set.add(.prefix(String(path.prefix(depth * 2))), headers: [never]) }
        set.ask(path, host: "api.example.com")
        return set
    }
}
