import NIOCore
import SluiceCore
import SluiceHTTP
import SluiceTranscoding

/// Turns calls of gRPC into requests of REST, and what comes of them back.
///
/// Isolation: one loop. Bounds: one message of each direction is kept. Allocates: an object for each call, and what its
/// messages need.
final class GRPCToRESTFilter: Filter {
    /// This loop's own.
    private let transcoder: ReverseTranscoder?

    init(_ transcoder: ReverseTranscoder?) { self.transcoder = transcoder }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        guard let transcoder else { return .respond(LocalReply(.descriptorsUnavailable)) }
        guard exchange.translation == nil, case .post = exchange.request.method,
            let type = exchange.request.fields.grpcContentType, case .plain = type.kind,
            type.suffix.isEmpty || type.suffix == Array("+proto".utf8)
        else { return .next }
        exchange.translation = GRPCCall(transcoder, type: type)
        return .next
    }
}
