import NIOCore
import SluiceCore
import SluiceHTTP
import SluiceTranscoding

/// Turns requests of REST into calls of gRPC, and what comes of them into JSON.
///
/// Isolation: one loop. Bounds: one message of each direction is kept. Allocates: an object for each request that may be one
/// of REST, and what its messages need.
final class GRPCJSONFilter: Filter {
    /// This loop's own.
    private let box: TranscoderBox
    let unmatched: GRPCJSONConfiguration.Unmatched
    let streams: ResponseFormat

    init(_ box: TranscoderBox, unmatched: GRPCJSONConfiguration.Unmatched, streams: ResponseFormat) {
        self.box = box
        self.unmatched = unmatched
        self.streams = streams
    }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        // What is gRPC already needs no translation.
        guard exchange.translation == nil, exchange.request.fields.grpcContentType == nil,
            !exchange.request.wantsUpgrade, exchange.request.method != .connect
        else { return .next }
        guard let transcoder = box.transcoder else { return .respond(LocalReply(.descriptorsUnavailable)) }
        exchange.translation = RESTCall(transcoder, unmatched: unmatched, streams: streams)
        return .next
    }
}
