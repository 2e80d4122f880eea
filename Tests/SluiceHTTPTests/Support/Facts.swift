import NIOCore
import SluiceCore

/// One field line as text.
struct FieldText: Equatable, CustomStringConvertible {
    var name: String
    var value: String

    var description: String { "\(name): \(value)" }
}

extension HeaderTable {
    /// The bytes of a range as text, one scalar for each byte.
    func show(_ range: ByteRange) -> String { withBytes(range) { text($0) } }

    var lines: [FieldText] {
        entries.filter { !$0.isRemoved }.map { FieldText(name: show($0.nameRange), value: show($0.valueRange)) }
    }

    var removedNames: [String] { entries.filter(\.isRemoved).map { show($0.nameRange).lowercased() } }
}

/// Everything that a request head says, as text, so that two readings can be compared and shown.
struct RequestFacts: Equatable {
    var method: String
    var kind: Method
    var target: String
    var path: String
    var query: String?
    var authority: String
    var host: String
    var minorVersion: UInt8
    var framing: BodyFraming
    var keepAlive: Bool
    var expectsContinue: Bool
    var wantsUpgrade: Bool
    var isAsterisk: Bool
    var nominatesFields: Bool
    var fields: [FieldText]
    /// Names, in lower case, of lines that the parser itself took out.
    var removed: [String]

    init(_ head: RequestHead) {
        let table = head.fields
        method = table.show(head.methodRange)
        kind = head.method
        target = table.show(head.target)
        path = table.show(head.path)
        query = head.query.map { table.show($0) }
        authority = table.show(head.authority)
        host = table.show(head.host)
        minorVersion = head.minorVersion
        framing = head.framing
        keepAlive = head.keepAlive
        expectsContinue = head.expectsContinue
        wantsUpgrade = head.wantsUpgrade
        isAsterisk = head.isAsterisk
        nominatesFields = head.nominatesFields
        fields = table.lines
        removed = table.removedNames
    }
}

/// Everything that a response head says.
struct ResponseFacts: Equatable {
    var status: UInt16
    var reason: String
    var minorVersion: UInt8
    var framing: BodyFraming
    var keepAlive: Bool
    var nominatesFields: Bool
    var fields: [FieldText]
    /// Names, in lower case, of lines that the parser itself took out.
    var removed: [String]

    init(_ head: ResponseHead) {
        status = head.status
        reason = head.fields.show(head.reason)
        minorVersion = head.minorVersion
        framing = head.framing
        keepAlive = head.keepAlive
        nominatesFields = head.nominatesFields
        fields = head.fields.lines
        removed = head.fields.removedNames
    }
}
