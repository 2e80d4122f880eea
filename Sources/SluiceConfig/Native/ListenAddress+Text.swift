extension ListenAddress {
    /// Reads what a listener's `address` may say: `0.0.0.0:8080`, `[::]:8080`, `:8080`, `unix:/path`.
    ///
    /// - Returns: the address, or what is wrong with the text, for people.
    package static func parse(_ text: String) -> (address: ListenAddress?, help: String) {
        switch AddressSyntax.listen(text) {
        case .success(let address): (address, "")
        case .failure(let problem): (nil, problem.help ?? "this is not an address")
        }
    }

    /// The text that `parse` reads.
    package var text: String {
        switch self {
        case .ip(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
