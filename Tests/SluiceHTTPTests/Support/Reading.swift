import NIOCore
import SluiceCore
import SluiceHTTP

/// One message of a connection, as far as it was read.
struct Message<Head: Equatable>: Equatable {
    var head: Head
    var body: [UInt8] = []
    var trailers: [FieldText]?
    var isComplete = false
}

/// Everything that one side of a connection said.
struct Reading<Head: Equatable>: Equatable {
    enum End: Equatable {
        /// Between two messages.
        case idle
        /// In the middle of one.
        case incomplete
        /// Behind a message that is the last of its connection.
        case last
        case refused(GatewayError)
        /// The codec broke its own contract.
        case broken(String)
    }

    var messages: [Message<Head>] = []
    var end = End.idle

    var complete: [Message<Head>] { messages.filter(\.isComplete) }
}

/// What one look at a head found out.
struct HeadResult<Head> {
    var result: ParseResult
    var framing = BodyFraming.none
    /// Whether another message may follow.
    var goesOn = false
    /// nil: not complete.
    var head: Head?
}

/// Reads a connection with the codec as the engine does: head, body, next head, what is left over kept.
struct Reader<Head: Equatable> {
    private(set) var reading = Reading<Head>()
    private var input = ByteBuffer()
    private var body = BodyDecoder()
    private var isInBody = false
    private var isLast = false
    private var hasEnded = false

    /// Reads on; `parse` looks at all bytes that are not consumed.
    mutating func take(_ piece: [UInt8], parse: (ByteBuffer) -> HeadResult<Head>) {
        input.writeBytes(piece)
        while !hasEnded, isInBody ? decodeBody() : parseHead(parse) {}
    }

    mutating func finish() -> Reading<Head> {
        guard !hasEnded else { return reading }
        if isInBody, body.endsAtClose {
            complete()
            reading.end = .last
        } else {
            reading.end = isInBody || input.readableBytes > 0 ? .incomplete : .idle
        }
        return reading
    }

    /// Answers whether to go on at once, as `decodeBody` does.
    private mutating func parseHead(_ parse: (ByteBuffer) -> HeadResult<Head>) -> Bool {
        guard input.readableBytes > 0 else { return false }
        let found = parse(input)
        switch found.result {
        case .incomplete: return false
        case .invalid(let error): return end(.refused(error))
        case .complete(let consumed):
            guard consumed > 0, consumed <= input.readableBytes, let head = found.head else {
                return end(.broken("a head of \(consumed) bytes out of \(input.readableBytes)"))
            }
            input.moveReaderIndex(forwardBy: consumed)
            body.start(found.framing)
            isInBody = true
            isLast = !found.goesOn
            reading.messages.append(Message(head: head))
            return true
        }
    }

    private mutating func decodeBody() -> Bool {
        let before = input.readableBytes
        switch body.next(&input) {
        case .needMore: return false
        case .invalid(let error): return end(.refused(error))
        case .data(let slice):
            guard slice.readableBytes > 0, before - input.readableBytes >= slice.readableBytes else {
                return end(.broken("\(slice.readableBytes) bytes of data out of \(before)"))
            }
            reading.messages[reading.messages.count - 1].body += Array(buffer: slice)
            return true
        case .end:
            complete()
            return isLast ? end(.last) : true
        }
    }

    private mutating func complete() {
        reading.messages[reading.messages.count - 1].trailers = body.trailers?.fields.lines
        reading.messages[reading.messages.count - 1].isComplete = true
        isInBody = false
    }

    private mutating func end(_ how: Reading<Head>.End) -> Bool {
        reading.end = how
        hasEnded = true
        return false
    }
}

/// Whole connections, read.
enum Wire {
    static func requests(
        _ pieces: [[UInt8]],
        limits: RequestParser.Limits = RequestParser.Limits()
    ) -> Reading<RequestFacts> {
        var parser = RequestParser()
        var head = RequestHead()
        var reader = Reader<RequestFacts>()
        for piece in pieces {
            reader.take(piece) { input in
                let result = parser.parse(input, into: &head, limits: limits)
                guard case .complete = result else { return HeadResult(result: result) }
                parser.reset()
                let goesOn = head.keepAlive && !head.wantsUpgrade && head.method != .connect
                return HeadResult(result: result, framing: head.framing, goesOn: goesOn, head: RequestFacts(head))
            }
        }
        return reader.finish()
    }

    static func requests(
        _ whole: String,
        limits: RequestParser.Limits = RequestParser.Limits()
    ) -> Reading<RequestFacts> {
        requests([wire(whole)], limits: limits)
    }

    /// Answers to requests with these methods; behind the last of them nothing is read. None: any number of GET.
    static func responses(
        _ pieces: [[UInt8]],
        to methods: [Method] = [],
        maximumHead: Int = 64 * 1024,
        maximumFields: Int = 200
    ) -> Reading<ResponseFacts> {
        var parser = ResponseParser()
        var head = ResponseHead()
        var reader = Reader<ResponseFacts>()
        var answered = 0
        for piece in pieces {
            reader.take(piece) { input in
                let method = answered < methods.count ? methods[answered] : .get
                let result = parser.parse(
                    input,
                    into: &head,
                    requestMethod: method,
                    maximumHead: maximumHead,
                    maximumFields: maximumFields
                )
                guard case .complete = result else { return HeadResult(result: result) }
                parser.reset()
                let isInterim = head.status < 200 && head.status != 101
                if !isInterim { answered += 1 }
                let opensTunnel = head.status == 101 || (method == .connect && (200...299).contains(head.status))
                let isLast = answered == methods.count && !methods.isEmpty
                let goesOn = isInterim || (head.keepAlive && !opensTunnel && !isLast)
                return HeadResult(result: result, framing: head.framing, goesOn: goesOn, head: ResponseFacts(head))
            }
        }
        return reader.finish()
    }

    static func responses(_ whole: String, to methods: [Method] = []) -> Reading<ResponseFacts> {
        responses([wire(whole)], to: methods)
    }
}
