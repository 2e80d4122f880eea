package import SluiceCore

/// All message types, enums and services of a descriptor set, compiled for looking things up per request.
///
/// Types and fields are plain values in arrays, referred to by place; names are bytes in one array. So walking them
/// counts no references. Made once with a configuration and never changed. Isolation: any.
package final class DescriptorPool: Sendable {
    package let messages: [MessageEntry]
    package let fields: [FieldEntry]
    package let enums: [EnumEntry]
    let enumValues: [EnumValueEntry]
    package let methods: [MethodEntry]
    /// Names of services, also of those without methods, in the order of the files.
    package let services: [String]
    /// What the ranges of names point to.
    let names: [UInt8]
    private let typeNames: NameTable
    private let fieldNames: NameTable
    private let valueNames: NameTable

    /// The parts as the builder put them together.
    init(_ parts: Parts) {
        messages = parts.messages
        fields = parts.fields
        enums = parts.enums
        enumValues = parts.enumValues
        methods = parts.methods
        services = parts.services
        names = parts.names
        typeNames = parts.typeNames
        fieldNames = parts.fieldNames
        valueNames = parts.valueNames
    }

    /// What a pool consists of, while it is built.
    struct Parts {
        var messages: [MessageEntry] = []
        var fields: [FieldEntry] = []
        var enums: [EnumEntry] = []
        var enumValues: [EnumValueEntry] = []
        var methods: [MethodEntry] = []
        var services: [String] = []
        var names: [UInt8] = []
        var typeNames = NameTable()
        var fieldNames = NameTable()
        var valueNames = NameTable()

        mutating func name(_ text: String) -> ByteRange {
            let range = ByteRange(start: names.count, count: text.utf8.count)
            names += Array(text.utf8)
            return range
        }
    }

    /// Another one that shares no memory with this one.
    func copy() -> DescriptorPool {
        var parts = Parts()
        parts.messages = messages.unshared()
        parts.fields = fields.unshared()
        parts.enums = enums.unshared()
        parts.enumValues = enumValues.unshared()
        parts.methods = methods.unshared()
        parts.services = services.unshared()
        parts.names = names.unshared()
        parts.typeNames = typeNames.copy()
        parts.fieldNames = fieldNames.copy()
        parts.valueNames = valueNames.copy()
        return DescriptorPool(parts)
    }

    // MARK: - Looking up

    /// The message type of a full name without a leading dot, or nil.
    package func message(named name: String) -> Int? {
        Array(name.utf8).withUnsafeBytes { message(named: $0) }
    }

    func message(named name: UnsafeRawBufferPointer) -> Int? { typeNames.find(name, scope: 0) }

    /// The field of a message by its JSON name or its name in the file, or nil.
    func field(named name: UnsafeRawBufferPointer, of message: Int) -> Int? { fieldNames.find(name, scope: message) }

    /// The same by text.
    package func field(named name: String, of message: Int) -> Int? {
        Array(name.utf8).withUnsafeBytes { field(named: $0, of: message) }
    }

    /// The field of a message by number, or nil.
    @inline(__always)
    func field(number: UInt32, of message: MessageEntry) -> Int? {
        // Numbers start at 1; the wire reader lets no other through.
        if number <= UInt32(truncatingIfNeeded: message.denseCount) {
            return Int(message.firstField) &+ Int(number) &- 1
        }
        return sparseField(number: number, of: message)
    }

    private func sparseField(number: UInt32, of message: MessageEntry) -> Int? {
        var low = Int(message.firstField + message.denseCount)
        var high = Int(message.firstField + message.fieldCount)
        while low < high {
            let middle = (low + high) / 2
            let found = fields[middle].number
            if found == number { return middle }
            if found < number { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// The number of an enum's value by its name, or nil; `folded` compares without case.
    func number(ofValue name: UnsafeRawBufferPointer, in type: Int, folded: Bool) -> Int32? {
        if let place = valueNames.find(name, scope: type) { return enumValues[place].number }
        guard folded else { return nil }
        let place = enums[type].values.first { place in
            withName(enumValues[place].quoted) { quoted in
                ASCII.equalsFolded(UnsafeRawBufferPointer(rebasing: quoted.dropFirst().dropLast()), name)
            }
        }
        return place.map { enumValues[$0].number }
    }

    /// The first value of an enum that has a number, or nil.
    func value(number: Int32, of type: Int) -> EnumValueEntry? {
        var low = Int(enums[type].firstValue)
        let end = low + Int(enums[type].valueCount)
        var high = end
        while low < high {
            let middle = (low + high) / 2
            if enumValues[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < end && enumValues[low].number == number ? enumValues[low] : nil
    }

    // MARK: - Names

    @inline(__always)
    func withName<Value>(_ range: ByteRange, _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        names.withRawBytes { body(UnsafeRawBufferPointer(rebasing: $0[Int(range.start)..<range.end])) }
    }

    /// A name as text, for errors and descriptions.
    package func text(_ range: ByteRange) -> String { withName(range) { String(decoding: $0, as: UTF8.self) } }

    /// The full name of a message type.
    package func name(ofMessage place: Int) -> String { text(messages[place].name) }

    /// A field's JSON name, as it is printed, without quotes.
    package func jsonName(ofField place: Int) -> String { String(text(fields[place].jsonKey).dropFirst().dropLast(2)) }

    /// A field's name in its file.
    package func protoName(ofField place: Int) -> String {
        String(text(fields[place].protoKey).dropFirst().dropLast(2))
    }

    /// All names by which a message's fields can be given.
    func fieldNames(of message: Int) -> [String] { fieldNames.names(scope: message) }

    /// Full names of all methods of a service, or of all.
    package func methods(of service: String) -> [MethodEntry] { methods.filter { $0.service == service } }
}
