import SluiceConfig
import SluiceCore
import SluiceFilters

/// Sends every request of a listener to the same place under `https`. Isolation: one loop.
struct HTTPSRedirect {
    private let model: HTTPSRedirectModel

    init(_ model: HTTPSRedirectModel) { self.model = model }

    /// The target goes back as it came: who is redirected by a proxy in front of it wrote it that way.
    func reply(to request: RequestHead) -> LocalReply {
        guard request.method != .connect, request.host.count > 0 else { return LocalReply(.badTarget) }
        var location = Array("https://".utf8)
        request.fields.withBytes(request.host) { location += $0 }
        if model.port != 443 { location += Array(":\(model.port)".utf8) }
        if !request.isAsterisk {
            request.fields.withBytes(request.path) { location += $0.isEmpty ? [UInt8(ascii: "/")] : Array($0) }
        }
        if let query = request.query {
            location.append(UInt8(ascii: "?"))
            request.fields.withBytes(query) { location += $0 }
        }
        var local = LocalReply(status: UInt16(clamping: model.status))
        local.fields = [(name: Array("Location".utf8), value: location)]
        return local
    }
}
