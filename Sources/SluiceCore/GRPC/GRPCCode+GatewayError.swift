extension GRPCCode {
    /// How a client of gRPC is told of an answer that the gateway makes itself.
    ///
    /// As Envoy has it by default, from the HTTP status by gRPC's own table, but for reasons that gRPC has an exact code
    /// for: what took too long, what is too large, what is not there.
    ///
    /// - Parameter httpStatus: what other clients get for it.
    package init(_ error: GatewayError, httpStatus: UInt16) {
        self =
            switch error {
            case .routeTimeout, .perTryTimeout, .responseHeadTimeout, .streamIdle, .requestBodyTimeout:
                .deadlineExceeded
            case .bodyTooLarge, .headTooLarge, .tooManyFields, .uriTooLong, .bufferLimit: .resourceExhausted
            case .methodNotAllowed, .methodNotEnabled, .noBinding: .unimplemented
            case .untranslatableRequest: .invalidArgument
            case .untranslatableResponse: .internal
            case .downstreamClosed, .downstreamReset: .cancelled
            default: .transport(httpStatus: httpStatus)
            }
    }
}
