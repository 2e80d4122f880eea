import NIOCore
import NIOEmbedded
import SluiceConfig
import SluiceCore
import Synchronization

@testable import SluiceFilters

/// A background whose fetches the test answers, on a loop that moves when the test says so.
final class FakeReceiver: BackgroundServices {
    typealias Completion = @Sendable (Result<FetchAnswer, FetchError>) -> Void

    private struct State {
        var requests: [(request: FetchRequest, completion: Completion)] = []
        var lines: [String] = []
    }

    let embedded = EmbeddedEventLoop()
    let metrics = MetricShard()
    private let state = Mutex(State())

    var loop: any EventLoop { embedded }

    func fetch(_ request: FetchRequest, _ completion: @escaping Completion) {
        state.withLock { $0.requests.append((request, completion)) }
    }

    func log(_ line: String) { state.withLock { $0.lines.append(line) } }

    var lines: [String] { state.withLock { $0.lines } }
    /// Requests that were not answered yet.
    var waiting: [FetchRequest] { state.withLock { $0.requests.map(\.request) } }

    /// Lets the loop run and answers the oldest request.
    ///
    /// - Returns: the request; nil when there is none.
    @discardableResult
    func answer(_ result: Result<FetchAnswer, FetchError>) -> FetchRequest? {
        embedded.run()
        let next = state.withLock { $0.requests.isEmpty ? nil : $0.requests.removeFirst() }
        next?.completion(result)
        embedded.run()
        return next?.request
    }

    @discardableResult
    func answer(_ status: Int, _ fields: [(name: String, value: String)] = [], body: [UInt8] = []) -> FetchRequest? {
        answer(.success(FetchAnswer(status: status, fields: fields, body: body)))
    }

    static func model(
        _ url: String = "http://127.0.0.1:4318",
        change: (inout TracingModel) -> Void = { _ in }
    )
        -> TracingModel
    {
        guard let endpoint = FetchURL(url) else { preconditionFailure("no URL: \(url)") }
        var model = TracingModel(endpoint: endpoint)
        change(&model)
        return model
    }
}

/// A protobuf message as it is on the wire, read without the code under test.
struct WireMessage {
    enum Value: Equatable {
        case number(UInt64)
        case bytes([UInt8])
    }

    private(set) var fields: [(number: Int, value: Value)] = []

    /// nil for what is no message.
    init?(_ bytes: [UInt8]) {
        var at = 0
        func varint() -> UInt64? {
            var value: UInt64 = 0
            var factor: UInt64 = 1
            while at < bytes.count {
                let byte = bytes[at]
                at += 1
                value &+= UInt64(byte % 128) &* factor
                if byte < 128 { return value }
                factor = factor &* 128
            }
            return nil
        }
        while at < bytes.count {
            guard let tag = varint() else { return nil }
            var value: Value?
            switch tag % 8 {
            case 0: value = varint().map { .number($0) }
            case 1, 5:
                let size = tag % 8 == 1 ? 8 : 4
                guard at + size <= bytes.count else { return nil }
                value = .number(bytes[at..<(at + size)].reversed().reduce(0) { $0 * 256 + UInt64($1) })
                at += size
            case 2:
                guard let size = varint(), UInt64(bytes.count - at) >= size else { return nil }
                value = .bytes(Array(bytes[at..<(at + Int(size))]))
                at += Int(size)
            default: break
            }
            guard let value else { return nil }
            fields.append((Int(tag / 8), value))
        }
    }

    func messages(_ number: Int) -> [WireMessage] {
        fields.compactMap { field in
            guard field.number == number, case .bytes(let bytes) = field.value else { return nil }
            return WireMessage(bytes)
        }
    }

    func bytes(_ number: Int) -> [UInt8]? {
        for case (number, .bytes(let bytes)) in fields { return bytes }
        return nil
    }

    func number(_ number: Int) -> UInt64? {
        for case (number, .number(let value)) in fields { return value }
        return nil
    }

    func text(_ number: Int) -> String? { bytes(number).map { String(decoding: $0, as: UTF8.self) } }

    /// A list of `KeyValue` as texts; numbers as they are written.
    func attributes(_ number: Int) -> [String: String] {
        var found: [String: String] = [:]
        for pair in messages(number) {
            let value = pair.messages(2).first
            found[pair.text(1) ?? "?"] = value?.text(1) ?? value?.number(3).map { "\($0)" } ?? "?"
        }
        return found
    }
}

/// One span of a request to a receiver.
struct WireSpan {
    let message: WireMessage
    var attributes: [String: String] { message.attributes(9) }
    var name: String { message.text(5) ?? "" }
    var kind: UInt64 { message.number(6) ?? 0 }
    var traceID: String { Self.hex(message.bytes(1)) }
    var id: String { Self.hex(message.bytes(2)) }
    var parent: String { Self.hex(message.bytes(4)) }
    var isFailed: Bool { message.messages(15).first?.number(3) == 2 }

    static func hex(_ bytes: [UInt8]?) -> String {
        (bytes ?? []).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Those of a whole request.
    static func all(in body: [UInt8]) -> [WireSpan] {
        let resources = WireMessage(body)?.messages(1) ?? []
        return resources.flatMap { $0.messages(2).flatMap { $0.messages(2).map(WireSpan.init) } }
    }
}
