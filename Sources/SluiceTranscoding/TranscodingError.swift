package import SluiceCore

/// Why a request or a response could not be translated, and where.
///
/// One per call that fails, so it may hold texts: nothing of it is made on the way of a call that succeeds.
package struct TranscodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of mistake it is; status and gRPC code follow from it.
    package enum Kind: String, CaseIterable, Sendable {
        /// The text is not JSON, not UTF-8, or ends too early.
        case syntax
        /// A value that its field cannot hold.
        case value
        /// A field or a query parameter that the message does not have.
        case unknownField
        /// A name given twice, two fields of one oneof, or the URL and the body contradicting each other.
        case conflict
        /// Beyond the limit of bytes of one message.
        case tooLarge
        /// Beyond the limit of nesting.
        case tooDeep
        /// No message where one is needed, or more than one where one is allowed.
        case count
        /// What came in the protobuf or gRPC format is malformed.
        case wire
        /// A well-formed message that has no form in the other format: a NaN in a `google.protobuf.Value`.
        case unprintable
    }

    package let kind: Kind
    /// Where in the JSON text, as `$.items[3].price`; in protobuf the same path of field names. Empty when unknown.
    package private(set) var path: String
    /// Bytes in front of the value in the text or message, counted from the start of the body; nil when there is none.
    package let offset: Int?
    /// What is wrong, without the place: `1e400 is not a double`.
    package let reason: String

    package init(_ kind: Kind, _ reason: String, at offset: Int? = nil, path: String = "") {
        self.kind = kind
        self.path = path
        self.offset = offset
        self.reason = reason
    }

    /// `$.items[3].price: at byte 217: 1e400 is not a double`.
    package var description: String {
        var text = path.isEmpty ? "" : "\(path): "
        if let offset { text += "at byte \(offset): " }
        return text + reason
    }

    /// The status when the mistake is in a request.
    package var status: UInt16 { kind == .tooLarge ? 413 : 400 }

    /// The gRPC code when the mistake is in a request.
    package var code: GRPCCode { kind == .tooLarge ? .resourceExhausted : .invalidArgument }

    /// The same with its place, when it has none yet.
    func located(_ path: @autoclosure () -> String) -> TranscodingError {
        guard self.path.isEmpty else { return self }
        var error = self
        error.path = path()
        return error
    }
}

extension TranscodingError {
    /// A piece of a peer's bytes for an error text: short, and without anything that spoils a log line.
    static func excerpt(_ bytes: UnsafeRawBufferPointer) -> String {
        var text = ""
        for scalar in String(decoding: bytes.prefix(40), as: UTF8.self).unicodeScalars {
            text += scalar.value < 0x20 || scalar.value == 0x7F ? "?" : String(scalar)
        }
        return bytes.count > 40 ? text + "..." : text
    }
}
