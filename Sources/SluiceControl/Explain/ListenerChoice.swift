import SluiceConfig
import SluiceCore

/// The listener at which a request is taken to come in.
///
/// By the scheme of its URL and not by the port: people explain `https://api.example.com/...`, which reaches the
/// gateway at another port, through somebody who ended TLS.
struct ListenerChoice {
    let listener: ListenerModel
    /// Place in the configuration's list, as routes know it; one past the end for none.
    let index: Int
    private let isNamed: Bool
    private let all: [ListenerModel]

    init(_ model: GatewayModel, _ request: ExplainRequest) throws(ExplainProblem) {
        all = model.listeners
        isNamed = request.listener != nil
        guard let name = request.listener else {
            index = 0
            listener = all.first ?? Self.standard
            return
        }
        guard let found = all.firstIndex(where: { $0.name == name }) else {
            let near = Spelling.nearest(to: name, in: all.map(\.name)).map { ": did you mean '\($0)'?" } ?? ""
            throw ExplainProblem("there is no listener '\(Printable.short(name))'\(near)")
        }
        index = found
        listener = all[found]
    }

    /// What a listener is that says nothing but its address.
    static let standard = ListenerModel(
        name: "(none)",
        place: .builtIn,
        address: .ip(host: "127.0.0.1", port: 8080)
    )

    /// The host of a URL that names none: what a client would write that speaks to the listener.
    var ownHost: String { listener.address.ownHost }

    /// The other end of the connection: clients of a Unix socket have no address.
    func peer(_ given: IPAddress?) -> IPAddress? {
        guard case .ip = listener.address else { return nil }
        return given ?? IPAddress("127.0.0.1")
    }

    func chosen(isSecure: Bool) -> ChosenListener {
        let reason: String =
            if all.isEmpty {
                "the configuration has none: this is one that says nothing but its address"
            } else if isNamed {
                "the one that was named"
            } else if isSecure {
                "no listener speaks https: the first one, as behind a proxy that ends TLS"
            } else {
                all.count == 1 ? "the only one" : "the first of \(all.count) that speaks http"
            }
        return ChosenListener(
            name: listener.name,
            address: listener.address.text,
            place: listener.place,
            reason: reason
        )
    }

    /// What was assumed about the connection.
    func notes(_ request: ExplainRequest) -> [String] {
        guard case .unix = listener.address, request.client != nil else { return [] }
        return ["clients of a Unix socket have no address, so the one that was named does not count"]
    }
}
