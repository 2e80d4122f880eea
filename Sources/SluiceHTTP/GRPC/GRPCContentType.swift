package import SluiceCore

/// What a `Content-Type` or `Accept` says about gRPC: `application/grpc`, `application/grpc-web+proto`.
///
/// Source: gRPC over HTTP/2, "Content-Type"; gRPC-Web, "Content-Type". Parameters are not looked at.
package struct GRPCContentType: Equatable, Sendable {
    package enum Kind: Sendable {
        /// gRPC over HTTP/2.
        case plain
        /// gRPC-Web, with bytes as they are.
        case web
        /// gRPC-Web, the body in base64.
        case webText
    }

    package let kind: Kind
    /// How messages are written: `+proto`, `+json`; empty where nothing is said.
    package let suffix: [UInt8]

    package init(_ kind: Kind, suffix: [UInt8] = []) {
        self.kind = kind
        self.suffix = suffix
    }

    /// nil: something else. Allocates: only for a suffix.
    package init?(_ value: UnsafeRawBufferPointer) {
        guard let (kind, end) = Self.kind(of: value) else { return nil }
        self.kind = kind
        suffix = value[end...].prefix(while: ASCII.isToken).map(ASCII.lowercased)
    }

    /// The value of a `Content-Type` field.
    package var bytes: [UInt8] {
        let text: StaticString =
            switch kind {
            case .plain: "application/grpc"
            case .web: "application/grpc-web"
            case .webText: "application/grpc-web-text"
            }
        return Array(text.bytes) + suffix
    }

    /// The kind, and where the suffix begins.
    private static func kind(of value: UnsafeRawBufferPointer) -> (kind: Kind, end: Int)? {
        guard value.count >= 16, ASCII.equalsFolded(UnsafeRawBufferPointer(rebasing: value[..<16]), "application/grpc")
        else { return nil }
        var end = 16
        func passes(_ text: StaticString) -> Bool {
            let count = text.utf8CodeUnitCount
            guard value.count - end >= count,
                ASCII.equalsFolded(UnsafeRawBufferPointer(rebasing: value[end..<(end + count)]), text)
            else { return false }
            end += count
            return true
        }
        var kind = Kind.plain
        if passes("-web") { kind = passes("-text") ? .webText : .web }
        var rest = end
        if rest < value.count, value[rest] == UInt8(ascii: "+") {
            while rest < value.count, ASCII.isToken(value[rest]) { rest += 1 }
        }
        guard rest < value.count else { return (kind, end) }
        switch value[rest] {
        case UInt8(ascii: ";"), 0x20, 0x09: return (kind, end)
        default: return nil
        }
    }

    /// Whether the value says plain gRPC. Allocates: never.
    fileprivate static func isPlain(_ value: UnsafeRawBufferPointer) -> Bool {
        if let (kind, _) = kind(of: value), case .plain = kind { true } else { false }
    }
}

extension HeaderTable {
    /// What `Content-Type` says about gRPC; nil: something else, or nothing.
    package var grpcContentType: GRPCContentType? {
        value(of: .contentType).flatMap { withBytes($0) { GRPCContentType($0) } }
    }

    // These change nothing: `mutating` so that a table inside of a class instance is borrowed and not copied.

    /// Whether `Content-Type` says plain gRPC, not gRPC-Web. Allocates: never.
    package var isGRPC: Bool {
        mutating get {
            guard let range = findValue(of: .contentType) else { return false }
            return GRPCContentType.isPlain(lend(range))
        }
    }

    /// The status of a call, in trailers, or in a head that stands for them; nil: there is none.
    package var grpcStatus: GRPCCode? {
        mutating get {
            guard let range = findValue(of: .grpcStatus) else { return nil }
            return GRPCCode(field: ASCII.trimmed(lend(range)))
        }
    }
}
