import NIOHTTP1
import SluiceCore
import Testing

@Suite("Against SwiftNIO's decoder")
struct DifferentialTests {
    private static let seeds = 0..<16 as Range<UInt64>

    /// Random pieces of one to a dozen bytes.
    private func pieces(_ bytes: [UInt8], _ random: inout RandomSource) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = 1 + Int(random.below(random.below(4) == 0 ? 40 : 5))
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    private func stopped<Head>(_ end: Reading<Head>.End) -> Bool {
        switch end {
        case .refused, .last: true
        case .idle, .incomplete, .broken: false
        }
    }

    private func checkRequests(_ bytes: [UInt8], _ random: inout RandomSource) -> String? {
        let whole = Wire.requests([bytes])
        if case .broken(let why) = whole.end { return why }
        let inPieces = Wire.requests(pieces(bytes, &random))
        if inPieces != whole { return "in pieces \(inPieces), in one piece \(whole)" }
        let theirs = NIODecoder.requests(bytes)
        return Comparison(
            bytes: bytes,
            ours: whole.messages.map(OwnMessage.init),
            weStopped: stopped(whole.end),
            theirs: theirs
        ).difference
    }

    private func checkResponses(_ bytes: [UInt8], _ names: [String], _ random: inout RandomSource) -> String? {
        let methods = names.map { Method.intern($0) }
        let whole = Wire.responses([bytes], to: methods)
        if case .broken(let why) = whole.end { return why }
        let inPieces = Wire.responses(pieces(bytes, &random), to: methods)
        if inPieces != whole { return "in pieces \(inPieces), in one piece \(whole)" }
        let theirs = NIODecoder.responses(bytes, to: names.map { HTTPMethod(rawValue: $0) })
        return Comparison(
            bytes: bytes,
            ours: whole.messages.map(OwnMessage.init),
            weStopped: stopped(whole.end),
            theirs: theirs
        ).difference
    }

    private func report(_ difference: String?, _ seed: UInt64, _ round: Int, _ bytes: [UInt8]) -> Bool {
        guard let difference else { return true }
        Issue.record("seed \(seed), round \(round): \(difference)\nbytes: \(text(bytes).debugDescription)")
        return false
    }

    @Test("valid requests: both accept, and see the same", arguments: seeds)
    func validRequests(seed: UInt64) {
        var generator = MessageGenerator(seed: seed)
        for round in 0..<100 {
            let bytes = generator.requests()
            let reading = Wire.requests([bytes])
            var difference = checkRequests(bytes, &generator.random)
            if difference == nil, reading.end != .idle, reading.end != .last { difference = "\(reading.end)" }
            guard report(difference, seed, round, bytes) else { return }
        }
    }

    @Test("damaged requests: what we accept, both see the same", arguments: seeds)
    func damagedRequests(seed: UInt64) {
        var generator = MessageGenerator(seed: seed &+ 1000)
        var mutator = Mutator(seed: seed)
        for round in 0..<600 {
            let bytes = mutator.mutate(generator.requests())
            guard report(checkRequests(bytes, &generator.random), seed, round, bytes) else { return }
        }
    }

    @Test("valid responses: both accept, and see the same", arguments: seeds)
    func validResponses(seed: UInt64) {
        var generator = MessageGenerator(seed: seed &+ 2000)
        for round in 0..<100 {
            let methods = (0...generator.below(3)).map { _ in generator.pick(["GET", "POST", "HEAD"]) }
            let bytes = generator.responses(to: methods)
            let reading = Wire.responses([bytes], to: methods.map { Method.intern($0) })
            var difference = checkResponses(bytes, methods, &generator.random)
            if difference == nil, reading.end != .last || reading.complete.count < methods.count {
                difference = "\(reading.end)"
            }
            guard report(difference, seed, round, bytes) else { return }
        }
    }

    @Test("damaged responses: what we accept, both see the same", arguments: seeds)
    func damagedResponses(seed: UInt64) {
        var generator = MessageGenerator(seed: seed &+ 3000)
        var mutator = Mutator(seed: seed)
        for round in 0..<600 {
            let methods = (0...generator.below(3)).map { _ in generator.pick(["GET", "POST", "HEAD"]) }
            let bytes = mutator.mutate(generator.responses(to: methods))
            guard report(checkResponses(bytes, methods, &generator.random), seed, round, bytes) else { return }
        }
    }

    @Test("arbitrary bytes trap nothing and take nothing that is not there", arguments: seeds)
    func noise(seed: UInt64) {
        var random = RandomSource(seed: seed &+ 4000)
        let alphabet = wire("GET / HTTP/1.1\r\n\r\n:: ,;chunked0123\u{0}\u{FF}\t\n\r")
        for round in 0..<400 {
            let bytes = (0..<random.below(120)).map { _ in alphabet[Int(random.below(UInt64(alphabet.count)))] }
            guard report(checkRequests(bytes, &random), seed, round, bytes) else { return }
            guard report(checkResponses(wire("HTTP/1.1 200 OK\r\n") + bytes, ["GET"], &random), seed, round, bytes)
            else { return }
        }
    }
}

extension Method {
    fileprivate static func intern(_ name: String) -> Method { wire(name).withUnsafeBytes { intern($0) } }
}
