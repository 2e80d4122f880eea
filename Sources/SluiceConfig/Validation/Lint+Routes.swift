internal import SluiceCore

/// Warnings about routes and listeners as seen from outside.
extension Validation {
    /// Headers that say what kind of program the client is, and not what it asks for.
    private static let clientKinds: Set<String> = [
        "user-agent", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "x-client", "x-client-type",
        "x-client-platform", "x-client-name", "x-platform", "x-device", "x-device-type", "x-app", "x-app-name",
        "x-app-platform", "x-requested-with",
    ]

    /// Routes of one host and path that send kinds of clients to different upstreams.
    func lintClientKinds() {
        var first: [SharedPath: (route: RouteModel, target: String)] = [:]
        var reported: Set<SharedPath> = []
        for route in model.routes where !broken.contains(route.place) {
            guard case .forward(let forward) = route.action, let target = forward.targets.first?.upstream,
                let header = route.match.headers.first(where: { Self.clientKinds.contains($0.name) })
            else { continue }
            for key in SharedPath.all(of: route.match) {
                guard let earlier = first[key] else {
                    first[key] = (route, target)
                    continue
                }
                guard earlier.target != target, reported.insert(key).inserted else { continue }
                report(route, earlier.route, header.name)
                break
            }
        }
    }

    private func report(_ route: RouteModel, _ earlier: RouteModel, _ header: String) {
        context.report(
            .sharedByClientKinds,
            .warning,
            at: SourceSpan(place: route.place),
            "routes '\(Printable.short(earlier.name))' and '\(Printable.short(route.name))' share a path and tell kinds of clients apart by '\(header)', which any client may send as it likes",
            notes: [Diagnostic.Note(text: "the other one", span: SourceSpan(place: earlier.place))],
            help: "give each kind of client a host or a listener of its own"
        )
    }

    /// Networks that hold every address: then the address is what the client says it is.
    func lintTrust() {
        var reported: Set<[CIDR]> = []
        for listener in model.listeners {
            // `0.0.0.0/0` counts the 96 bits in front of an IPv4 address.
            let everybody = listener.trustedProxies.first { $0.prefix == ($0.base.isV4 ? 96 : 0) }
            guard let everybody, reported.insert(listener.trustedProxies).inserted else { continue }
            context.report(
                .trustsEverybody,
                .warning,
                at: SourceSpan(place: listener.place, length: listener.name.unicodeScalars.count),
                "listener '\(Printable.short(listener.name))' trusts '\(everybody.text)', so every client may say what its address is",
                help: "name the networks of the proxies in front, such as 10.0.0.0/8"
            )
        }
    }
}

/// What two routes have in common that differ in headers only.
private struct SharedPath: Hashable {
    let host: String
    let path: PathMatch
    let listeners: [String]

    static func all(of match: MatchModel) -> [SharedPath] {
        (match.hosts.isEmpty ? [""] : match.hosts).map {
            SharedPath(host: $0, path: match.path, listeners: match.listeners)
        }
    }
}

extension CIDR {
    /// As the file would write it.
    fileprivate var text: String { "\(base.description)/\(prefix - (base.isV4 ? 96 : 0))" }
}
