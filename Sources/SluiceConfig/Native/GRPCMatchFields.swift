/// `match.grpc`: a call of gRPC as what it is on the wire, a path and a content type.
struct GRPCMatch: Sendable {
    var service: String?
    var method: String?

    /// `POST /orders.v1.Orders/Get`. A method of any service is told by the second segment alone.
    var path: PathMatch {
        switch (service, method) {
        case (let service?, let method?): .exact("/\(service)/\(method)")
        case (let service?, nil): .prefix("/\(service)")
        case (nil, let method?): .template("/{service}/\(method)")
        case (nil, nil): .any
        }
    }

    /// `application/grpc`, `application/grpc+proto`, `application/grpc-web+proto` and their like.
    static let contentType = FieldMatch(name: "content-type", value: .prefix("application/grpc"))
}

private enum GRPCMatchFields {
    static let service = OptionalField(
        "service",
        .protobufName,
        absent: "every service",
        doc: "The full name of the service: `orders.v1.Orders`."
    )
    static let method = OptionalField(
        "method",
        .protobufIdentifier,
        absent: "every method",
        doc: "The name of the method: `Get`."
    )
    static let schema = ObjectSchema(
        "grpc",
        doc: "Calls of gRPC. It stands for the path `/SERVICE/METHOD` and a `content-type` that begins with "
            + "`application/grpc`, and ranks like these.",
        fields: [service, method]
    )
}

extension ValueType where Value == GRPCMatch {
    static var grpcMatch: Self {
        .object(GRPCMatchFields.schema) { reader in
            GRPCMatch(service: reader.read(GRPCMatchFields.service), method: reader.read(GRPCMatchFields.method))
        }
    }
}

extension ValueType where Value == String {
    /// Identifiers with dots in between, as Protocol Buffers have them.
    static var protobufName: Self {
        scalar(.text("name of a service")) { text in
            let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            if parts.allSatisfy(ProtobufSyntax.isIdentifier) { return .success(text) }
            let isPath = text.contains("/")
            let help = isPath ? "the method goes into 'method'" : "names look like orders.v1.Orders"
            return .failure(ValueProblem("is not the name of a service: {}", help: help))
        }
    }

    fileprivate static var protobufIdentifier: Self {
        scalar(.text("name of a method")) { text in
            if ProtobufSyntax.isIdentifier(text.utf8[...]) { return .success(text) }
            return .failure(ValueProblem("is not the name of a method: {}", help: "names look like Get"))
        }
    }
}

private enum ProtobufSyntax {
    /// Letters, digits and `_`, no digit first.
    static func isIdentifier(_ text: String.UTF8View.SubSequence) -> Bool {
        guard let first = text.first, !(0x30...0x39).contains(first) else { return false }
        return text.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
        }
    }
}
