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
    /// Those that speak the scheme of the URL.
    private let fitting: Int

    init(_ model: GatewayModel, _ request: ExplainRequest) throws(ExplainProblem) {
        all = model.listeners
        isNamed = request.listener != nil
        let isSecure = request.isSecure
        fitting = all.count { ($0.tls != nil) == isSecure }
        guard let name = request.listener else {
            index = all.firstIndex { ($0.tls != nil) == isSecure } ?? 0
            listener = all.isEmpty ? Self.standard : all[index]
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
            } else if fitting == 0 {
                isSecure
                    ? "no listener speaks https: the first one, as behind a proxy that ends TLS"
                    : "no listener speaks http: the first one, as if the URL said https"
            } else if all.count == 1 {
                "the only one"
            } else {
                "the first of \(fitting) that \(fitting == 1 ? "speaks" : "speak") \(isSecure ? "https" : "http")"
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
        if isNamed, listener.tls != nil, !request.isSecure {
            return ["the listener speaks https only: as if the URL said so"]
        }
        guard case .unix = listener.address, request.client != nil else { return [] }
        return ["clients of a Unix socket have no address, so the one that was named does not count"]
    }
}
