/// A gRPC status code, and what it is in HTTP (google/rpc/code.proto).
package enum GRPCCode: UInt8, CaseIterable, Sendable {
    case ok = 0
    case cancelled = 1
    case unknown = 2
    case invalidArgument = 3
    case deadlineExceeded = 4
    case notFound = 5
    case alreadyExists = 6
    case permissionDenied = 7
    case resourceExhausted = 8
    case failedPrecondition = 9
    case aborted = 10
    case outOfRange = 11
    case unimplemented = 12
    case `internal` = 13
    case unavailable = 14
    case dataLoss = 15
    case unauthenticated = 16

    /// The code of a number; any other number is `unknown`, as the gRPC specification wants it.
    package init(number: UInt64) { self = UInt8(exactly: number).flatMap(GRPCCode.init(rawValue:)) ?? .unknown }

    /// The code of a `grpc-status` field; `unknown` for what is no number.
    package init(field: UnsafeRawBufferPointer) {
        var value: UInt64 = 0
        var isNumber = !field.isEmpty && field.count <= 10
        for byte in field where isNumber {
            isNumber = byte >= 0x30 && byte <= 0x39
            if isNumber { value = value * 10 + UInt64(byte - 0x30) }
        }
        self = isNumber ? GRPCCode(number: value) : .unknown
    }

    /// The status of a response that ends with this code.
    package var httpStatus: UInt16 {
        switch self {
        case .ok: 200
        case .cancelled: 499
        case .invalidArgument, .failedPrecondition, .outOfRange: 400
        case .unauthenticated: 401
        case .permissionDenied: 403
        case .notFound: 404
        case .alreadyExists, .aborted: 409
        case .resourceExhausted: 429
        case .unimplemented: 501
        case .unavailable: 503
        case .deadlineExceeded: 504
        case .unknown, .internal, .dataLoss: 500
        }
    }

    /// The code of an answer that is no gRPC at all, such as a proxy's (gRPC "HTTP to gRPC Status Code Mapping").
    package static func transport(httpStatus: UInt16) -> GRPCCode {
        switch httpStatus {
        case 400: .internal
        case 401: .unauthenticated
        case 403: .permissionDenied
        case 404: .unimplemented
        case 429, 502, 503, 504: .unavailable
        default: .unknown
        }
    }

    /// The code of a REST service's answer: the inverse of `httpStatus` where there is one.
    package static func rest(httpStatus: UInt16) -> GRPCCode {
        switch httpStatus {
        case 200..<300: .ok
        case 400: .invalidArgument
        case 401: .unauthenticated
        case 403: .permissionDenied
        case 404, 410: .notFound
        case 409: .aborted
        case 412: .failedPrecondition
        case 413, 429: .resourceExhausted
        case 416: .outOfRange
        case 499: .cancelled
        case 405, 501: .unimplemented
        case 408, 504: .deadlineExceeded
        case 502, 503: .unavailable
        case 400..<500: .failedPrecondition
        case 500..<600: .internal
        default: .unknown
        }
    }

    /// As google.rpc.Code writes it.
    package var name: String {
        switch self {
        case .ok: "OK"
        case .cancelled: "CANCELLED"
        case .unknown: "UNKNOWN"
        case .invalidArgument: "INVALID_ARGUMENT"
        case .deadlineExceeded: "DEADLINE_EXCEEDED"
        case .notFound: "NOT_FOUND"
        case .alreadyExists: "ALREADY_EXISTS"
        case .permissionDenied: "PERMISSION_DENIED"
        case .resourceExhausted: "RESOURCE_EXHAUSTED"
        case .failedPrecondition: "FAILED_PRECONDITION"
        case .aborted: "ABORTED"
        case .outOfRange: "OUT_OF_RANGE"
        case .unimplemented: "UNIMPLEMENTED"
        case .internal: "INTERNAL"
        case .unavailable: "UNAVAILABLE"
        case .dataLoss: "DATA_LOSS"
        case .unauthenticated: "UNAUTHENTICATED"
        }
    }

    /// As Envoy and most libraries write it: `DeadlineExceeded`; `OK` and `Canceled` are spelt like that.
    package var camelName: String {
        switch self {
        case .ok: "OK"
        case .cancelled: "Canceled"
        case .unknown: "Unknown"
        case .invalidArgument: "InvalidArgument"
        case .deadlineExceeded: "DeadlineExceeded"
        case .notFound: "NotFound"
        case .alreadyExists: "AlreadyExists"
        case .permissionDenied: "PermissionDenied"
        case .resourceExhausted: "ResourceExhausted"
        case .failedPrecondition: "FailedPrecondition"
        case .aborted: "Aborted"
        case .outOfRange: "OutOfRange"
        case .unimplemented: "Unimplemented"
        case .internal: "Internal"
        case .unavailable: "Unavailable"
        case .dataLoss: "DataLoss"
        case .unauthenticated: "Unauthenticated"
        }
    }
}
