import NIOCore
import SluiceCore
import SluiceHTTP

/// What the codec made of the bytes of one message.
enum Outcome<Head> {
    case message(Seen<Head>)
    case refused(GatewayError)
    case waits

    var message: Seen<Head>? {
        if case .message(let seen) = self { seen } else { nil }
    }

    var error: GatewayError? {
        if case .refused(let error) = self { error } else { nil }
    }
}

/// A message that was accepted.
struct Seen<Head> {
    var head: Head
    var body = ""
    /// Field lines as `name: value`; empty where there were no trailers.
    var trailers: [String] = []
    /// What follows the message.
    var rest = ""
}

/// Reads single messages; text is ISO 8859-1, one scalar for each byte.
enum Codec {
    static func request(_ text: String) -> Outcome<RequestHead> {
        var parser = RequestParser()
        var head = RequestHead()
        var input = buffer(text)
        switch parser.parse(input, into: &head, limits: .init()) {
        case .incomplete: return .waits
        case .invalid(let error): return .refused(error)
        case .complete(let consumed):
            input.moveReaderIndex(forwardBy: consumed)
            return body(Seen(head: head), head.framing, &input)
        }
    }

    /// An answer to a request with this method.
    static func response(_ text: String, to method: Method = .get) -> Outcome<ResponseHead> {
        var parser = ResponseParser()
        var head = ResponseHead()
        var input = buffer(text)
        let result = parser.parse(
            input,
            into: &head,
            requestMethod: method,
            maximumHead: 64 * 1024,
            maximumFields: 200
        )
        switch result {
        case .incomplete: return .waits
        case .invalid(let error): return .refused(error)
        case .complete(let consumed):
            input.moveReaderIndex(forwardBy: consumed)
            return body(Seen(head: head), head.framing, &input)
        }
    }

    private static func body<Head>(
        _ seen: Seen<Head>,
        _ framing: BodyFraming,
        _ input: inout ByteBuffer
    ) -> Outcome<Head> {
        var seen = seen
        var decoder = BodyDecoder()
        decoder.start(framing)
        while true {
            switch decoder.next(&input) {
            case .data(let slice): seen.body += text(slice.readableBytesView)
            case .invalid(let error): return .refused(error)
            case .needMore where !decoder.endsAtClose: return .waits
            case .end, .needMore:
                seen.trailers = decoder.trailers.map { lines(of: $0.fields) } ?? []
                seen.rest = text(input.readableBytesView)
                return .message(seen)
            }
        }
    }

    private static func buffer(_ text: String) -> ByteBuffer {
        ByteBuffer(bytes: text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
    }

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    /// The live lines of a table as `name: value`.
    static func lines(of table: HeaderTable) -> [String] {
        table.entries.filter { !$0.isRemoved }.map { entry in
            table.withBytes(entry.nameRange) { text($0) } + ": " + table.withBytes(entry.valueRange) { text($0) }
        }
    }
}

extension RequestHead {
    func text(_ range: ByteRange) -> String { fields.withBytes(range) { Codec.text($0) } }
}
