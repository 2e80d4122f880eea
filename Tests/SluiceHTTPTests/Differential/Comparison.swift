import SluiceCore

/// One of our messages in the form of `NIOMessage`, with what the list of tolerated differences looks at.
struct OwnMessage {
    var seen: NIOMessage
    /// Empty for a response.
    var method = ""
    var target = ""
    /// 0 for a request.
    var status = 0
    var fields: [FieldText]
    /// Names, in lower case, of lines that the parser itself took out.
    var removed: [String]
    /// An interim answer that says it closes, by the option or as HTTP/1.0 does.
    var isClosingInterim = false

    init(_ message: Message<RequestFacts>) {
        let head = message.head
        method = head.method
        target = head.target
        fields = head.fields
        removed = head.removed
        seen = NIOMessage(start: "\(head.method) \(head.target)", minorVersion: Int(head.minorVersion), fields: [])
        fill(message.body, message.trailers, message.isComplete)
    }

    init(_ message: Message<ResponseFacts>) {
        status = Int(message.head.status)
        fields = message.head.fields
        removed = message.head.removed
        isClosingInterim = status < 200 && !message.head.keepAlive
        seen = NIOMessage(start: "\(status)", minorVersion: Int(message.head.minorVersion), fields: [])
        fill(message.body, message.trailers, message.isComplete)
    }

    private mutating func fill(_ body: [UInt8], _ trailers: [FieldText]?, _ isComplete: Bool) {
        seen.fields = fields.map(Self.decoded)
        seen.body = body
        seen.trailers = trailers?.map(Self.decoded)
        seen.isComplete = isComplete
    }

    /// As SwiftNIO shows it: bytes read as UTF-8.
    private static func decoded(_ field: FieldText) -> FieldText {
        FieldText(name: field.name, value: String(decoding: wire(field.value), as: UTF8.self))
    }
}

/// Compares two readings of the same bytes.
///
/// What we accept, SwiftNIO must have read in the same way or refused; where it refused, `Tolerated` must know why. What
/// we wait for, it must not have found complete.
struct Comparison {
    let bytes: [UInt8]
    var ours: [OwnMessage]
    /// We stopped by ourselves: a refusal, or the last message of the connection.
    var weStopped: Bool
    var theirs: NIOReading

    /// nil: no difference that matters.
    var difference: String? {
        if Tolerated.hasTabBehindFraming(bytes) { return nil }
        for (place, own) in ours.enumerated() {
            guard place < theirs.messages.count else { return refusal(at: place, "head") }
            let other = theirs.messages[place]
            if let difference = headDifference(own, other) { return "message \(place): \(difference)" }
            if own.seen.isComplete, other.isComplete {
                if let difference = bodyDifference(own, other) { return "message \(place): \(difference)" }
                continue
            }
            if own.seen.isComplete { return refusal(at: place, "body") }
            guard other.isComplete else {
                let agree = own.seen.body.starts(with: other.body) || other.body.starts(with: own.seen.body)
                return agree ? nil : "message \(place): the bodies begin differently"
            }
            return weStopped ? nil : "message \(place): SwiftNIO has all of it, we wait for more"
        }
        if theirs.messages.count > ours.count, !weStopped { return "SwiftNIO sees a message that we do not" }
        return nil
    }

    /// We took what SwiftNIO did not.
    private func refusal(at place: Int, _ part: String) -> String? {
        let own = ours[place]
        guard let error = theirs.error else { return "we have a \(part) where SwiftNIO waits for more: \(own.seen)" }
        let found = Tolerated.Case(own: own, earlier: ours[..<place], error: error, bytes: bytes)
        if Tolerated.refusals.contains(where: { $0.covers(found) }) { return nil }
        return "we accept a \(part) that SwiftNIO refuses with \(error): \(own.seen)"
    }

    private func headDifference(_ own: OwnMessage, _ other: NIOMessage) -> String? {
        if own.seen.start != other.start { return "\(own.seen.start) and \(other.start)" }
        if own.seen.minorVersion != other.minorVersion {
            return "HTTP/1.\(own.seen.minorVersion) and HTTP/1.\(other.minorVersion)"
        }
        if own.seen.fields == other.fields || Tolerated.isTakenOut(own, other) { return nil }
        return "\(own.seen.fields) and \(other.fields)"
    }

    private func bodyDifference(_ own: OwnMessage, _ other: NIOMessage) -> String? {
        if own.seen.body != other.body {
            return "bodies \(text(own.seen.body).debugDescription) and \(text(other.body).debugDescription)"
        }
        if own.seen.trailers != other.trailers {
            return "trailers \(own.seen.trailers ?? []) and \(other.trailers ?? [])"
        }
        return nil
    }
}
