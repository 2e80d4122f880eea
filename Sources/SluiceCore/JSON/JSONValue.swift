/// A value of a JSON text (RFC 8259): texts are UTF-8 without their escapes, numbers keep their digits.
package enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string([UInt8])
    case array([JSONValue])
    case object(JSONObject)

    package var text: [UInt8]? { if case .string(let text) = self { text } else { nil } }
    package var number: JSONNumber? { if case .number(let number) = self { number } else { nil } }
    package var items: [JSONValue]? { if case .array(let items) = self { items } else { nil } }
    package var object: JSONObject? { if case .object(let object) = self { object } else { nil } }

    /// A text as it is, a number or boolean as JSON writes it; nil for null, a list and an object.
    package var scalarText: [UInt8]? {
        switch self {
        case .bool(let flag): Array((flag ? "true" : "false").utf8)
        case .number(let number): number.digits
        case .string(let text): text
        case .null, .array, .object: nil
        }
    }
}

/// An object: its members in their order, no name twice.
package struct JSONObject: Hashable, Sendable {
    /// One name and its value.
    package struct Member: Hashable, Sendable {
        package let name: [UInt8]
        package let value: JSONValue

        package init(name: [UInt8], value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    package let members: [Member]

    /// The caller answers for names that differ.
    package init(_ members: [Member]) { self.members = members }

    package subscript(name: [UInt8]) -> JSONValue? { members.first { $0.name == name }?.value }

    package subscript(name: String) -> JSONValue? { members.first { $0.name.elementsEqual(name.utf8) }?.value }
}
