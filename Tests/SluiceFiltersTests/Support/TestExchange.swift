import NIOCore
import NIOEmbedded
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceTLS
import SluiceUpstream

/// An exchange without sockets: what filters see and do is all there is.
final class TestExchange: ExchangeContext, ExchangeEngine {
    /// Values of variables; those of headers and the id are found where the engine finds them.
    var variables: [TemplateVariable: String] = [:]
    private(set) var resumed: [HeadVerdict] = []

    init(request: [(String, String)] = [], response: [(String, String)] = [], slots count: Int = 0) {
        super.init()
        engine = self
        for (name, value) in request { self.request.fields.append(name: name.utf8, value: value.utf8) }
        for (name, value) in response { self.response.fields.append(name: name.utf8, value: value.utf8) }
        slots = ContiguousArray(repeating: nil, count: count)
    }

    func resolve(_ variable: TemplateVariable, into out: inout ByteBuffer) {
        switch variable {
        case .header(let name):
            guard let index = request.fields.firstIndex(ofLowercased: Array(name.utf8)) else { return }
            out.writeBytes(request.fields.withBytes(request.fields.entries[index].valueRange) { Array($0) })
        case .requestID: out.writeBytes(requestID)
        case .responseStatus: out.writeString(String(response.status))
        default: out.writeString(variables[variable] ?? "")
        }
    }

    func random() -> UInt64 { 4 }

    var nameOfRoute: [UInt8] { Array((variables[.routeName] ?? "").utf8) }
    var tlsSession: TLSSession?
    var nameOfUpstream: [UInt8] { Array((variables[.upstreamName] ?? "").utf8) }

    func resume(_ verdict: HeadVerdict) {
        generation &+= 1
        resumed.append(verdict)
    }

    /// The lines that go on, each as `Name: value`.
    var requestLines: [String] { Self.lines(&request.fields) }
    var responseLines: [String] { Self.lines(&response.fields) }

    static func lines(_ fields: inout HeaderTable) -> [String] {
        var out = ByteBuffer()
        fields.write(to: &out)
        let text = String(buffer: out)
        return text.split(separator: "\r\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// What the table says about the field, found the way that the engine does.
    func values(_ name: String, of fields: HeaderTable) -> [String] {
        var found: [String] = []
        var from = 0
        while let index = fields.firstIndex(of: FieldKey(name), from: from) {
            found.append(fields.string(fields.entries[index].valueRange))
            from = index + 1
        }
        return found
    }
}

extension FilterResources {
    /// Those of a loop that stands still, with the same random numbers in every run.
    static func forTest(slot: Int = 0, callouts: CalloutTargets = CalloutTargets()) -> FilterResources {
        let loop = LoopContext(
            loop: EmbeddedEventLoop(),
            random: RandomSource(seed: 7),
            clock: { .uptimeNanoseconds(0) },
            wallClock: { 0 }
        )
        return FilterResources(loop: loop, slot: slot, surroundings: FilterSurroundings(callouts: callouts))
    }
}

extension HeadVerdict {
    var isNext: Bool { if case .next = self { true } else { false } }

    /// The answer, if it is one.
    var reply: LocalReply? { if case .respond(let reply) = self { reply } else { nil } }
}
