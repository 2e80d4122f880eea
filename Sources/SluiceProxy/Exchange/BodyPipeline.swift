import NIOCore
import SluiceCore
import SluiceFilters

/// Bodies on their way through the filters that asked to see them. Unused and empty for chains without such filters.
struct BodyPipeline {
    var collectLimit = 0 { didSet { isUsed = true } }
    private var collected = ByteBuffer()
    /// Pieces that a filter asked to see again, by filter.
    private var heldRequest: [Int: ByteBuffer] = [:]
    private var heldResponse: [Int: ByteBuffer] = [:]

    /// What a filter that says `.buffer` may keep back.
    static let holdLimit = 1 << 20

    /// Something may be kept here.
    private var isUsed = false

    mutating func reset() {
        if isUsed { self = BodyPipeline() }
    }

    /// A filter may change the length of what it sees.
    func changesRequestLength(_ chain: FilterChain?, _ exchange: ExchangeContext) -> Bool {
        guard let chain, chain.wholeRequestLimit == nil else { return false }
        return chain.requestBodyFilters.contains { Self.looksAtRequest(chain.filters[$0], exchange) }
    }

    func changesResponseLength(_ chain: FilterChain?, _ exchange: ExchangeContext) -> Bool {
        guard let chain else { return false }
        return chain.responseBodyFilters.contains { Self.looksAtResponse(chain.filters[$0], exchange) }
    }

    private static func looksAtRequest(_ filter: any Filter, _ exchange: ExchangeContext) -> Bool {
        if case .stream = filter.requestBody { filter.looksAtRequestBody(of: exchange) } else { true }
    }

    private static func looksAtResponse(_ filter: any Filter, _ exchange: ExchangeContext) -> Bool {
        if case .stream = filter.responseBody { filter.looksAtResponseBody(of: exchange) } else { true }
    }

    // MARK: - Whole request bodies

    /// - Returns: false when the body is too large to be kept.
    mutating func collect(_ piece: ByteBuffer) -> Bool {
        guard collected.readableBytes + piece.readableBytes <= collectLimit else { return false }
        isUsed = true
        collected.writeImmutableBuffer(piece)
        return true
    }

    /// Keeps what a translation made of a piece, which bounds it itself.
    mutating func hold(_ piece: ByteBuffer) {
        isUsed = true
        if collected.readableBytes == 0 { collected = piece } else { collected.writeImmutableBuffer(piece) }
    }

    mutating func takeCollected() -> ByteBuffer {
        var body = ByteBuffer()
        swap(&body, &collected)
        return body
    }

    /// Shows the whole body to the filters, one after the other.
    mutating func finishCollecting(
        _ chain: FilterChain,
        _ exchange: ExchangeContext
    ) -> Result<ByteBuffer, GatewayError> {
        var body = ByteBuffer()
        swap(&body, &collected)
        for index in chain.requestBodyFilters where Self.looksAtRequest(chain.filters[index], exchange) {
            let verdict = chain.filters[index].onRequestBody(&body, isLast: true, exchange)
            if case .fail(let error) = verdict { return .failure(error) }
        }
        return .success(body)
    }

    // MARK: - Piece by piece

    mutating func runRequest(
        _ piece: ByteBuffer,
        isLast: Bool,
        _ chain: FilterChain,
        _ exchange: ExchangeContext
    ) -> Result<ByteBuffer, GatewayError> {
        if chain.wholeRequestLimit != nil { return .success(piece) }
        isUsed = true
        return run(piece, isLast: isLast, chain.requestBodyFilters, &heldRequest) {
            guard Self.looksAtRequest(chain.filters[$0], exchange) else { return .pass }
            return Self.bounded(chain.filters[$0].onRequestBody(&$1, isLast: $2, exchange), $1)
        }
    }

    mutating func runResponse(
        _ piece: ByteBuffer,
        isLast: Bool,
        _ chain: FilterChain,
        _ exchange: ExchangeContext
    ) -> Result<ByteBuffer, GatewayError> {
        isUsed = true
        return run(piece, isLast: isLast, chain.responseBodyFilters, &heldResponse) { index, piece, last in
            if case .whole(let limit) = chain.filters[index].responseBody {
                if piece.readableBytes > limit { return .fail(.bufferLimit) }
                if !last { return .buffer }
            }
            guard Self.looksAtResponse(chain.filters[index], exchange) else { return .pass }
            return Self.bounded(chain.filters[index].onResponseBody(&piece, isLast: last, exchange), piece)
        }
    }

    /// A filter that looks at pieces may keep back only so much.
    private static func bounded(_ verdict: BodyVerdict, _ piece: ByteBuffer) -> BodyVerdict {
        if case .buffer = verdict, piece.readableBytes > holdLimit { return .fail(.bufferLimit) }
        return verdict
    }

    private func run(
        _ first: ByteBuffer,
        isLast: Bool,
        _ indexes: [Int],
        _ held: inout [Int: ByteBuffer],
        _ show: (Int, inout ByteBuffer, Bool) -> BodyVerdict
    ) -> Result<ByteBuffer, GatewayError> {
        var piece = first
        for index in indexes {
            if var before = held.removeValue(forKey: index) {
                before.writeImmutableBuffer(piece)
                piece = before
            }
            switch show(index, &piece, isLast) {
            case .pass: continue
            case .fail(let error): return .failure(error)
            case .buffer where isLast: continue
            case .buffer:
                held[index] = piece
                return .success(ByteBuffer())
            }
        }
        return .success(piece)
    }
}
