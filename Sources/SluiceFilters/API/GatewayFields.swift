package import SluiceConfig
import SluiceCore

/// One of the two heads of an exchange.
package enum MessageSide: String, Sendable {
    case request, response
}

/// The fields that no filter edits, because they say where a message ends, how its connection is used or whom it is
/// for. The gateway writes them itself; a second opinion about them is how request smuggling begins.
package enum GatewayFields {
    /// What is wrong with editing a field of that name, in any case of letters; nil: nothing is.
    ///
    /// `replacing`: whatever is there gives way to what the filter says.
    package static func problem(_ name: String, in side: MessageSide, replacing: Bool) -> ValueProblem? {
        let id = FieldKey(name).name
        let isOwn: Bool
        switch id {
        case .host:
            let help = "use 'host' of the route or upstream"
            return ValueProblem("cannot be {}: the Host header follows from the route", help: help)
        case .xForwardedFor where side == .request && !replacing:
            // It is out of the head while filters run, so these edits would not meet what the client sent.
            let help = "'set' replaces it; 'trusted_proxies' of the listener says whose is kept"
            return ValueProblem("cannot be {}: the gateway writes it behind the filters", help: help)
        case .contentLength, .transferEncoding, .connection, .keepAlive, .proxyConnection, .upgrade, .te, .trailer,
            .http2Settings:
            isOwn = true
        case .expect, .proxyAuthorization: isOwn = side == .request
        default: isOwn = false
        }
        return isOwn ? ValueProblem("cannot be {}: the gateway itself answers for that header") : nil
    }
}

extension ValueType where Value == String {
    /// The name of a header that a filter may edit, given back as it was written; `replacing` as above.
    package static func editableHeader(_ side: MessageSide, replacing: Bool = false) -> Self {
        scalar(.text("header name")) { text in
            guard !text.isEmpty, text.utf8.allSatisfy(ASCII.isToken) else {
                let help: String? = text.hasPrefix(":") ? "pseudo headers follow from the route" : nil
                return .failure(ValueProblem(.fieldSyntax, "is not a header name: {}", help: help))
            }
            if let problem = GatewayFields.problem(text, in: side, replacing: replacing) { return .failure(problem) }
            return .success(text)
        }
    }
}
