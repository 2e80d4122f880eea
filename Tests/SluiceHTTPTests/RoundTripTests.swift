import NIOCore
import SluiceCore
import SluiceHTTP
import Testing

/// A head as its lines, beside the table that the parser made of it.
private struct Model {
    /// Each line as it will be written, without its CRLF.
    var lines: [String]

    var names: [String] { lines.map { String($0.prefix { $0 != ":" }).lowercased() } }
}

/// Random field lines with random edits.
private struct Editor {
    var random: RandomSource

    mutating func below(_ bound: Int) -> Int { Int(random.below(UInt64(bound))) }

    mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }

    mutating func name() -> String {
        let known = ["Accept", "cookie", "COOKIE", "Via", "Server", "X-Forwarded-For", "Date", "Origin", "set-cookie"]
        return below(2) == 0
            ? pick(known) : "X-" + (0...below(3)).map { _ in pick(["a", "B", "-", "9", "z"]) }.joined()
    }

    mutating func value() -> String {
        (0..<below(30)).map { _ in pick(["a", "Z", "0", " ", "\t", ",", ";", "\"", "\u{E9}", "\u{FF}", "%", ":", "="]) }
            .joined()
    }

    mutating func line() -> String {
        "\(name()):\(pick(["", " ", "\t", "  \t"]))\(value())\(pick(["", "", " ", "\t\t"]))"
    }

    /// One edit, made in both.
    mutating func edit(_ fields: inout HeaderTable, _ model: inout Model) {
        switch below(4) {
        case 0:
            let name = name().lowercased()
            fields.remove(lowercased: Array(name.utf8))
            model.lines = zip(model.lines, model.names).filter { $0.1 != name }.map(\.0)
        case 1:
            // Live entries and lines stand in the same order.
            let live = fields.entries.indices.filter { !fields.entries[$0].isRemoved }
            guard !live.isEmpty else { return }
            let place = below(live.count)
            fields.removeEntry(at: live[place])
            model.lines.remove(at: place)
        case 2:
            let (name, value) = (name(), text(wire(value()).filter { $0 != 0x09 && $0 != 0x20 }))
            fields.append(name: wire(name), value: wire(value))
            model.lines.append("\(name): \(value)")
        default:
            _ = fields.store(wire(value()))
        }
    }
}

@Suite("Heads that are edited and written again")
struct RoundTripTests {
    @Test(
        "what was not touched is byte for byte the same, and all of it reads the same again",
        arguments: 0..<16 as Range<UInt64>
    )
    func roundTrip(seed: UInt64) throws {
        var editor = Editor(random: RandomSource(seed: seed))
        for round in 0..<60 {
            let model = Model(lines: (0..<editor.below(12)).map { _ in editor.line() })
            try check(&editor, model, "seed \(seed), round \(round)")
        }
    }

    private func check(_ editor: inout Editor, _ start: Model, _ comment: Comment) throws {
        var model = start
        let lead = editor.below(4) == 0 ? "\r\n" : ""
        let received = lead + "GET / HTTP/1.1\r\n" + (["Host: a"] + model.lines).map { $0 + "\r\n" }.joined() + "\r\n"
        var parser = RequestParser()
        var head = RequestHead()
        let result = parser.parse(ByteBuffer(bytes: wire(received)), into: &head, limits: .init())
        try #require(result == .complete(consumed: wire(received).count), comment)
        model.lines.insert("Host: a", at: 0)
        for _ in 0..<editor.below(10) { editor.edit(&head.fields, &model) }

        var out = ByteBuffer()
        head.fields.write(to: &out)
        let expected = model.lines.map { $0 + "\r\n" }.joined()
        try #require(text(out.readableBytesView) == expected, comment)

        // Read again: the same fields in the same order, and nothing else.
        var again = RequestHead()
        parser.reset()
        let hasHost = model.names.contains("host")
        let bytes = wire("GET / HTTP/1.0\r\n\(expected)\r\n")
        let second = parser.parse(ByteBuffer(bytes: bytes), into: &again, limits: .init())
        try #require(second == .complete(consumed: bytes.count), comment)
        try #require(again.fields.lines == head.fields.lines, comment)
        try #require(again.host.isEmpty == !hasHost, comment)
    }
}
