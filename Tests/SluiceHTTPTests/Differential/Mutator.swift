import SluiceCore

/// Small damages of the kinds that smugglers, broken programs and lossy lines make.
struct Mutator {
    private var random: RandomSource

    init(seed: UInt64) { random = RandomSource(seed: seed &* 0x9E37 &+ 1) }

    private mutating func below(_ bound: Int) -> Int { Int(random.below(UInt64(bound))) }

    private mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }

    /// One to four damages.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...below(4) where !bytes.isEmpty { damage(&bytes) }
        return bytes
    }

    private mutating func damage(_ bytes: inout [UInt8]) {
        let place = below(bytes.count)
        switch below(12) {
        case 0: bytes[place] ^= 1 << UInt8(below(8))
        case 1: bytes[place] = pick(Self.bytes)
        case 2: bytes.insert(pick(Self.bytes), at: place)
        case 3: bytes.remove(at: place)
        case 4: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(8)))
        case 5: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 1 + below(24))], at: place)
        case 6: bytes.insert(contentsOf: wire(pick(Self.snippets)), at: place)
        case 7, 8: breakLine(&bytes, near: place)
        case 9: insertLine(&bytes, near: place)
        case 10: duplicateLine(&bytes, near: place)
        default: changeDigit(&bytes, near: place)
        }
    }

    private static let bytes: [UInt8] = wire(
        "\r\n\t :;,\u{0}\u{B}\u{C}\u{7F}\u{80}\u{A0}\u{FF}_-+0123456789xXaG\"'()<>@[]{}#%*?/\\=."
    )

    private static let snippets = [
        "\r\n", "\n", "\r", "\r\n\r\n", "\n\n", "\r\r\n", "\r\n ", "\r\n\t", " :", "\t:", "0\r\n\r\n", "0x", "_", "+",
        ";a=b", " ;", "%", "%zz",
        "HTTP/1.1", "HTTP/1.0", "chunked", ",chunked", ", ", "close", "#",
    ]

    private static let lines = [
        "Transfer-Encoding: chunked", "Transfer-Encoding : chunked", "Transfer-Encoding:\u{B}chunked",
        "Transfer-Encoding: identity", "Transfer-Encoding: gzip, chunked",
        "Content-Length: 0", "Content-Length: 5", "Content-Length: +5", "Content-Length: 5,5", "Content-Length: 0x5",
        "Content-Length:", "Content-Length : 5",
        "Host: b", "Host:", "Host: a b", " folded", "\tfolded", "Connection: close", "Connection: upgrade",
        "Upgrade: websocket", "X_Y: z", "nocolon", ": x",
        "Expect: 100-continue", "Expect: other", "TE: trailers", "Trailer: X",
    ]

    /// The place of a line's end at or behind `place`, or nil.
    private func lineEnd(_ bytes: [UInt8], _ place: Int) -> Int? { bytes[place...].firstIndex(of: 0x0A) }

    /// CR LF becomes something that some take for it.
    private mutating func breakLine(_ bytes: inout [UInt8], near place: Int) {
        guard let end = lineEnd(bytes, place), end > 0, bytes[end - 1] == 0x0D else { return }
        bytes.replaceSubrange(
            (end - 1)...end,
            with: wire(pick(["\n", "\r", "\n\r", "\r\r\n", "\r\n\r\n", " \r\n", "\r\n ", "\u{0}\r\n", "\r \n", ""]))
        )
    }

    private mutating func insertLine(_ bytes: inout [UInt8], near place: Int) {
        guard let end = lineEnd(bytes, place) else { return }
        bytes.insert(contentsOf: wire(pick(Self.lines) + "\r\n"), at: end + 1)
    }

    private mutating func duplicateLine(_ bytes: inout [UInt8], near place: Int) {
        guard let end = lineEnd(bytes, place), let next = end + 1 < bytes.count ? lineEnd(bytes, end + 1) : nil else {
            return
        }
        bytes.insert(contentsOf: bytes[(end + 1)...next], at: end + 1)
    }

    private mutating func changeDigit(_ bytes: inout [UInt8], near place: Int) {
        guard let digit = bytes[place...].firstIndex(where: { ASCII.isDigit($0) }) else { return }
        bytes.replaceSubrange(
            digit...digit,
            with: wire(pick(["0", "1", "9", "00", "", "-1", "+1", "1 ", "0x1", "99999999999999999999", "f"]))
        )
    }
}
