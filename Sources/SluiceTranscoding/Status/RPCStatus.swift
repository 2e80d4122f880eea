package import SluiceCore

/// How a call ended, with all that gRPC tells about it (google/rpc/status.proto).
package struct RPCStatus: Hashable, Sendable {
    package let code: GRPCCode
    /// For people, decoded.
    package let message: String
    /// Serialized `google.protobuf.Any` messages.
    package let details: [[UInt8]]

    package init(code: GRPCCode, message: String, details: [[UInt8]] = []) {
        self.code = code
        self.message = message
        self.details = details
    }

    /// From the fields of a response's trailers.
    ///
    /// - Parameters:
    ///   - code: `grpc-status`.
    ///   - message: `grpc-message`, as it came: percent-encoded.
    ///   - details: `grpc-status-details-bin`, base64 with or without padding; empty when there is none. It counts only
    ///     if it is a `google.rpc.Status` of the same code; else it is left out.
    package init(code: GRPCCode, message: UnsafeRawBufferPointer, details: UnsafeRawBufferPointer) {
        var decoded: [UInt8] = []
        if !details.isEmpty, Base64.decode(details, as: .lenient, into: &decoded),
            let status = decoded.withUnsafeBytes({ try? RPCStatus(serialized: $0) }), status.code == code
        {
            self = status
        } else {
            self.init(code: code, message: Self.decode(message))
        }
    }

    /// Reads a serialized `google.rpc.Status`.
    package init(serialized bytes: UnsafeRawBufferPointer) throws(TranscodingError) {
        var number: UInt64 = 0
        var message = ""
        var details: [[UInt8]] = []
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            switch (field.number, field.type) {
            case (1, .varint): number = field.value
            case (2, .bytes): message = String(decoding: reader.content(field), as: UTF8.self)
            case (3, .bytes): details.append(Array(reader.content(field)))
            default: break
            }
        }
        self.init(code: GRPCCode(number: number), message: message, details: details)
    }

    /// The serialized `google.rpc.Status`.
    package var serialized: [UInt8] {
        var out: [UInt8] = []
        if code != .ok {
            out.appendTag(1, .varint)
            out.appendVarint(UInt64(code.rawValue))
        }
        if !message.isEmpty { Array(message.utf8).withUnsafeBytes { out.appendField(2, $0) } }
        for detail in details { detail.withUnsafeBytes { out.appendField(3, $0) } }
        return out
    }

    // MARK: - JSON

    /// `{"code":5,"message":"...","details":[...]}`; details are left out when there are none.
    ///
    /// A detail that cannot be printed, mostly since nobody knows its type, is there as base64 of its content.
    func json(pool: DescriptorPool, options: TranscodingOptions) -> [UInt8] {
        var options = options
        options.print.addWhitespace = false
        options.unresolvedAny = .base64
        var printer = MessagePrinter(pool: pool, options: options)
        printer.out.append("{\"code\":")
        JSONText.append(UInt64(code.rawValue), to: &printer.out)
        printer.out.append(",\"message\":")
        Array(message.utf8).withUnsafeBytes { JSONText.appendQuoted($0, to: &printer.out) }
        for (place, detail) in details.enumerated() {
            printer.out.append(place == 0 ? ",\"details\":[" : ",")
            detail.withUnsafeBytes { printer.detail($0) }
        }
        if !details.isEmpty { printer.out.append("]") }
        printer.out.append("}")
        return printer.out
    }

    // MARK: - grpc-message

    /// The text of a `grpc-message` field. Escapes that are none stay as they are (gRPC over HTTP/2, "Status-Message").
    static func decode(_ field: UnsafeRawBufferPointer) -> String {
        var out: [UInt8] = []
        if PercentCoding.decode(field, into: &out) { return String(decoding: out, as: UTF8.self) }
        return String(decoding: field, as: UTF8.self)
    }

    /// The value of a `grpc-message` field: printable ASCII but `%` stands for itself.
    package var messageField: [UInt8] {
        var out: [UInt8] = []
        for byte in message.utf8 {
            if byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "%") {
                out.append(byte)
            } else {
                withUnsafeBytes(of: byte) { PercentCoding.encode($0, into: &out) }
            }
        }
        return out
    }

    /// The value of a `grpc-status-details-bin` field: base64 without padding; empty when there is nothing to tell.
    package var detailsField: [UInt8] {
        guard !details.isEmpty else { return [] }
        var out: [UInt8] = []
        serialized.withUnsafeBytes { Base64.encode($0, as: .unpadded, into: &out) }
        return out
    }
}

extension MessagePrinter {
    /// One detail of a status, as it can be printed.
    mutating func detail(_ bytes: UnsafeRawBufferPointer) {
        guard let place = pool.message(named: "google.protobuf.Any") else { return }
        do {
            try append(place, bytes)
        } catch {
            out.append("{\"@type\":\"\",\"value\":")
            appendBase64(bytes)
            out.append("}")
        }
    }
}
