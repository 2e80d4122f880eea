/// Everything that can go wrong with a request or a connection, as one small value.
///
/// A case is the reason code that the access log, the metrics, `explain` and the error body all use. What follows from
/// it (who is to blame, which status the client sees) is computed here and nowhere else, so the table below is the whole
/// error contract, but for what is tried again: see `AttemptOutcome`.
package enum GatewayError: UInt8, Error, CaseIterable, Sendable {
    // The client's bytes.
    case badRequestLine, badTarget, badVersion, unsupportedVersion, badFieldName, badFieldValue, obsoleteFold
    case bareCarriageReturn, bareLineFeed, badContentLength, conflictingContentLength, lengthAndTransferEncoding
    case badTransferEncoding, unknownTransferCoding, transferEncodingInHTTP10, missingHost, severalHosts, badHost
    case badChunkSize, chunkExtensionTooLong, badChunkEnd, badTrailer, underscoreInName, encodedSlash
    case uriTooLong, headTooLarge, tooManyFields, bodyTooLarge, lengthRequired, unknownExpectation, methodNotEnabled
    case badUpgrade, misdirected, badProxyHeader, badGRPCWeb, untranslatableRequest
    // The client's pace.
    case requestHeadTimeout, requestBodyTimeout, downstreamIdle, downstreamClosed, downstreamReset
    // Routing.
    case noRoute, methodNotAllowed, noBinding, loopDetected
    // Policies.
    case credentialMissing, credentialInvalid, tokenMalformed, tokenSignatureInvalid, tokenExpired, tokenNotYetValid
    case tokenClaimInvalid, scopeMissing, keysUnavailable, consumerForbidden, addressForbidden, originForbidden
    case rateLimited, concurrencyExceeded, tenantShareExceeded, faultInjected, tooManyWaiting
    // The upstream.
    case noHealthyUpstream, upstreamOverflow, connectFailed, connectTimeout, upstreamReset, upstreamClosedEarly
    case upstreamProtocolError, upstreamHeadTooLarge, responseHeadTimeout, perTryTimeout, routeTimeout, streamIdle
    case upstreamTLSFailed, upstreamRefusedStream
    case untranslatableResponse, upstreamTruncated, retryBudgetExhausted, upgradeRefused, staleConnection
    // The gateway.
    case draining, tooManyConnections, gatewayExhausted, filterTimeout, filterFailed, internalError, bufferLimit
    case descriptorsUnavailable

    /// Who caused it.
    package enum Source: String, Sendable { case downstream, upstream, gateway }

    /// The stable machine-readable code, e.g. `connect_failed`.
    package var code: String { row.code }

    /// The status that the client sees when nothing was sent yet.
    package var status: UInt16 { row.status }

    package var source: Source { row.source }

    /// One short sentence for the error body; says nothing of the inside.
    package var message: String { row.message }

    /// Envoy's response flag for the same situation, which dashboards know; empty where it has none.
    package var responseFlag: String {
        switch self {
        case .noRoute, .methodNotAllowed, .noBinding: "NR"
        case .noHealthyUpstream: "UH"
        case .upstreamOverflow: "UO"
        case .connectFailed, .connectTimeout, .upstreamTLSFailed: "UF"
        case .upstreamClosedEarly, .upstreamTruncated, .staleConnection: "UC"
        case .upstreamReset, .upstreamRefusedStream: "UR"
        case .upstreamProtocolError, .upstreamHeadTooLarge, .upgradeRefused, .untranslatableResponse: "UPE"
        case .responseHeadTimeout, .perTryTimeout, .routeTimeout: "UT"
        case .streamIdle, .downstreamIdle: "SI"
        case .retryBudgetExhausted: "URX"
        case .downstreamClosed, .downstreamReset: "DC"
        case .draining, .tooManyConnections, .gatewayExhausted: "OM"
        case .credentialMissing, .credentialInvalid, .tokenMalformed, .tokenSignatureInvalid, .tokenExpired,
            .tokenNotYetValid, .tokenClaimInvalid, .scopeMissing, .consumerForbidden, .addressForbidden,
            .originForbidden, .keysUnavailable:
            "UAEX"
        case .rateLimited: "RL"
        case .concurrencyExceeded, .tenantShareExceeded, .tooManyWaiting: "UO"
        case .faultInjected: "FI"
        case .filterTimeout, .filterFailed, .internalError, .bufferLimit, .descriptorsUnavailable, .loopDetected: ""
        default: status == 0 ? "" : "DPE"
        }
    }

    private typealias Row = (code: String, status: UInt16, source: Source, message: String)

    private var row: Row { downstreamRow ?? policyRow ?? upstreamRow ?? gatewayRow }

    private var downstreamRow: Row? {
        switch self {
        case .badRequestLine: ("bad_request_line", 400, .downstream, "The request line is malformed.")
        case .badTarget: ("bad_target", 400, .downstream, "The request target is malformed.")
        case .badVersion: ("bad_version", 400, .downstream, "The protocol version is malformed.")
        case .unsupportedVersion: ("unsupported_version", 505, .downstream, "This HTTP version is not supported.")
        case .badFieldName: ("bad_field_name", 400, .downstream, "A header name is malformed.")
        case .badFieldValue: ("bad_field_value", 400, .downstream, "A header value holds a forbidden byte.")
        case .obsoleteFold: ("obsolete_fold", 400, .downstream, "A header line is folded.")
        case .bareCarriageReturn: ("bare_cr", 400, .downstream, "A CR stands without its LF.")
        case .bareLineFeed: ("bare_lf", 400, .downstream, "An LF stands without its CR.")
        case .badContentLength: ("bad_content_length", 400, .downstream, "Content-Length is malformed.")
        case .conflictingContentLength:
            ("conflicting_content_length", 400, .downstream, "Content-Length is given with different values.")
        case .lengthAndTransferEncoding:
            (
                "length_and_transfer_encoding", 400, .downstream,
                "Content-Length and Transfer-Encoding exclude each other."
            )
        case .badTransferEncoding: ("bad_transfer_encoding", 400, .downstream, "Transfer-Encoding is malformed.")
        case .unknownTransferCoding: ("unknown_transfer_coding", 501, .downstream, "The transfer coding is not known.")
        case .transferEncodingInHTTP10:
            ("transfer_encoding_in_http10", 400, .downstream, "HTTP/1.0 has no Transfer-Encoding.")
        case .missingHost: ("missing_host", 400, .downstream, "The Host field is missing.")
        case .severalHosts: ("several_hosts", 400, .downstream, "There is more than one Host field.")
        case .badHost: ("bad_host", 400, .downstream, "The host is malformed.")
        case .badChunkSize: ("bad_chunk_size", 400, .downstream, "A chunk size is malformed.")
        case .chunkExtensionTooLong: ("chunk_extension_too_long", 400, .downstream, "A chunk extension is too long.")
        case .badChunkEnd: ("bad_chunk_end", 400, .downstream, "A chunk does not end where its size says.")
        case .badTrailer: ("bad_trailer", 400, .downstream, "A trailer field is malformed or not allowed.")
        case .underscoreInName: ("underscore_in_name", 400, .downstream, "A header name holds an underscore.")
        case .encodedSlash: ("encoded_slash", 400, .downstream, "The path holds an encoded slash.")
        case .uriTooLong: ("uri_too_long", 414, .downstream, "The request target is too long.")
        case .headTooLarge: ("head_too_large", 431, .downstream, "The request head is too large.")
        case .tooManyFields: ("too_many_fields", 431, .downstream, "The request has too many header fields.")
        case .bodyTooLarge: ("body_too_large", 413, .downstream, "The request body is too large.")
        case .lengthRequired: ("length_required", 411, .downstream, "The request needs a Content-Length.")
        case .unknownExpectation: ("unknown_expectation", 417, .downstream, "The expectation is not known.")
        case .methodNotEnabled: ("method_not_enabled", 405, .downstream, "This method is not enabled here.")
        case .badProxyHeader: ("bad_proxy_header", 0, .downstream, "The PROXY protocol header is missing or malformed.")
        case .misdirected:
            ("misdirected_request", 421, .downstream, "This connection is not meant for this host.")
        case .badUpgrade: ("bad_upgrade", 501, .downstream, "This protocol cannot be switched to here.")
        case .badGRPCWeb: ("bad_grpc_web", 400, .downstream, "The body is not the base64 of gRPC-Web.")
        case .untranslatableRequest:
            ("untranslatable_request", 400, .downstream, "The request cannot be translated for the service.")
        case .requestHeadTimeout: ("request_head_timeout", 408, .downstream, "The request head took too long.")
        case .requestBodyTimeout: ("request_body_timeout", 408, .downstream, "The request body took too long.")
        case .downstreamIdle: ("downstream_idle", 0, .downstream, "The connection was idle.")
        case .downstreamClosed: ("downstream_closed", 499, .downstream, "The client left.")
        case .downstreamReset: ("downstream_reset", 499, .downstream, "The client reset the connection.")
        case .noRoute: ("no_route", 404, .downstream, "There is nothing at this address.")
        case .methodNotAllowed: ("method_not_allowed", 405, .downstream, "This method is not allowed here.")
        case .noBinding: ("no_binding", 404, .downstream, "No method of the service is called like this.")
        default: nil
        }
    }

    private var policyRow: Row? {
        switch self {
        case .credentialMissing: ("credential_missing", 401, .downstream, "A credential is needed.")
        case .credentialInvalid: ("credential_invalid", 401, .downstream, "The credential is not valid.")
        case .tokenMalformed: ("token_malformed", 401, .downstream, "The token is malformed.")
        case .tokenSignatureInvalid:
            ("token_signature_invalid", 401, .downstream, "The token's signature is not valid.")
        case .tokenExpired: ("token_expired", 401, .downstream, "The token has expired.")
        case .tokenNotYetValid: ("token_not_yet_valid", 401, .downstream, "The token is not valid yet.")
        case .tokenClaimInvalid: ("token_claim_invalid", 401, .downstream, "The token is not meant for this service.")
        case .scopeMissing: ("scope_missing", 403, .downstream, "The token does not allow this.")
        case .keysUnavailable: ("keys_unavailable", 503, .gateway, "Tokens cannot be checked at the moment.")
        case .consumerForbidden: ("consumer_forbidden", 403, .downstream, "This caller may not do this.")
        case .addressForbidden: ("address_forbidden", 403, .downstream, "This address may not do this.")
        case .originForbidden: ("origin_forbidden", 403, .downstream, "This origin may not do this.")
        case .rateLimited: ("rate_limited", 429, .downstream, "There were too many requests.")
        case .concurrencyExceeded: ("concurrency_exceeded", 503, .gateway, "Too many requests are under way.")
        case .tenantShareExceeded: ("tenant_share_exceeded", 503, .gateway, "This caller has too much under way.")
        case .tooManyWaiting: ("too_many_waiting", 503, .gateway, "Too many requests wait for a policy.")
        case .faultInjected: ("fault_injected", 503, .gateway, "This failure was asked for.")
        default: nil
        }
    }

    private var upstreamRow: Row? {
        switch self {
        case .noHealthyUpstream: ("no_healthy_upstream", 503, .upstream, "The service is not available.")
        case .upstreamTLSFailed:
            ("upstream_tls_failed", 503, .upstream, "A secure connection to the service could not be made.")
        case .upstreamRefusedStream:
            ("upstream_refused_stream", 503, .upstream, "The service did not take the request.")
        case .connectFailed: ("connect_failed", 503, .upstream, "The service could not be reached.")
        case .connectTimeout: ("connect_timeout", 503, .upstream, "The service could not be reached in time.")
        case .upstreamReset: ("upstream_reset", 502, .upstream, "The service reset the connection.")
        case .upstreamClosedEarly: ("upstream_closed", 502, .upstream, "The service closed the connection.")
        case .staleConnection: ("stale_connection", 502, .upstream, "The service closed the connection.")
        case .upstreamProtocolError: ("upstream_protocol_error", 502, .upstream, "The service answered nonsense.")
        case .upstreamHeadTooLarge:
            ("upstream_head_too_large", 502, .upstream, "The service's answer has too large a head.")
        case .responseHeadTimeout: ("response_head_timeout", 504, .upstream, "The service did not answer in time.")
        case .perTryTimeout: ("per_try_timeout", 504, .upstream, "The service did not answer in time.")
        case .routeTimeout: ("route_timeout", 504, .upstream, "The request took longer than allowed.")
        case .streamIdle: ("stream_idle", 504, .upstream, "Nothing came for too long.")
        case .untranslatableResponse:
            ("untranslatable_response", 502, .upstream, "The service's answer cannot be translated.")
        case .upstreamTruncated: ("upstream_truncated", 502, .upstream, "The service's answer was cut short.")
        case .upgradeRefused: ("upgrade_refused", 502, .upstream, "The service's answer to the upgrade makes no sense.")
        default: nil
        }
    }

    private var gatewayRow: Row {
        switch self {
        case .upstreamOverflow: ("upstream_overflow", 503, .gateway, "The service has too much to do.")
        case .retryBudgetExhausted:
            ("retry_budget_exhausted", 503, .gateway, "The service fails too often to try again.")
        case .draining: ("draining", 503, .gateway, "The gateway is shutting down.")
        case .tooManyConnections: ("too_many_connections", 503, .gateway, "The gateway has too many connections.")
        case .gatewayExhausted: ("gateway_exhausted", 503, .gateway, "The gateway has too much to do.")
        case .filterTimeout: ("filter_timeout", 503, .gateway, "A policy took too long to decide.")
        case .filterFailed: ("filter_failed", 500, .gateway, "A policy failed.")
        case .descriptorsUnavailable:
            ("descriptors_unavailable", 503, .gateway, "It is not known yet what the service can do.")
        case .loopDetected:
            ("loop_detected", 508, .gateway, "The request came back to the gateway too often.")
        case .bufferLimit: ("buffer_limit", 507, .gateway, "The body is too large to be kept.")
        default: ("internal_error", 500, .gateway, "The gateway made a mistake.")
        }
    }
}
