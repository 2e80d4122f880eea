import SluiceCore
import Testing

@testable import SluiceTranscoding

@Suite struct StatusTests {
    private static let codes: [(UInt8, UInt16, String)] = [
        (0, 200, "OK"), (1, 499, "CANCELLED"), (2, 500, "UNKNOWN"), (3, 400, "INVALID_ARGUMENT"),
        (4, 504, "DEADLINE_EXCEEDED"), (5, 404, "NOT_FOUND"), (6, 409, "ALREADY_EXISTS"),
        (7, 403, "PERMISSION_DENIED"), (8, 429, "RESOURCE_EXHAUSTED"), (9, 400, "FAILED_PRECONDITION"),
        (10, 409, "ABORTED"), (11, 400, "OUT_OF_RANGE"), (12, 501, "UNIMPLEMENTED"), (13, 500, "INTERNAL"),
        (14, 503, "UNAVAILABLE"), (15, 500, "DATA_LOSS"), (16, 401, "UNAUTHENTICATED"),
    ]

    @Test(arguments: codes) func `google/rpc/code.proto: a code and its status`(
        _ number: UInt8,
        _ status: UInt16,
        _ name: String
    ) {
        let code = GRPCCode(number: UInt64(number))
        #expect(code.rawValue == number)
        #expect(code.httpStatus == status)
        #expect(code.name == name)
    }

    @Test func `numbers that are no code are UNKNOWN`() {
        #expect(GRPCCode(number: 17) == .unknown)
        #expect(GRPCCode(number: .max) == .unknown)
        for (field, code) in [
            ("0", GRPCCode.ok), ("16", .unauthenticated), ("", .unknown), ("-1", .unknown), ("5 ", .unknown),
            ("99999999999999999999999", .unknown), ("05", .notFound), ("x", .unknown),
        ] {
            #expect(Array(field.utf8).withUnsafeBytes { GRPCCode(field: $0) } == code, "\(field)")
        }
    }

    /// gRPC, "HTTP to gRPC Status Code Mapping".
    @Test func `the code of an answer that is no gRPC`() {
        let table: [(UInt16, GRPCCode)] = [
            (400, .internal), (401, .unauthenticated), (403, .permissionDenied), (404, .unimplemented),
            (429, .unavailable), (502, .unavailable), (503, .unavailable), (504, .unavailable), (200, .unknown),
            (500, .unknown), (302, .unknown),
        ]
        for (status, code) in table { #expect(GRPCCode.transport(httpStatus: status) == code) }
    }

    @Test func `the code of a REST service's answer goes back to the status it came from`() {
        for status in [UInt16(400), 401, 403, 404, 409, 429, 499, 500, 501, 503, 504] {
            #expect(GRPCCode.rest(httpStatus: status).httpStatus == status)
        }
        #expect(GRPCCode.rest(httpStatus: 204) == .ok)
        #expect(GRPCCode.rest(httpStatus: 418) == .failedPrecondition)
        #expect(GRPCCode.rest(httpStatus: 599) == .internal)
        #expect(GRPCCode.rest(httpStatus: 302) == .unknown)
    }

    // MARK: - Status

    private func json(_ status: RPCStatus) -> String {
        String(decoding: status.json(pool: Fixture.pool, options: Fixture.options), as: UTF8.self)
    }

    private func status(_ code: GRPCCode, _ message: String, _ details: [UInt8] = []) -> RPCStatus {
        Array(message.utf8).withUnsafeBytes { message in
            details.withUnsafeBytes { RPCStatus(code: code, message: message, details: $0) }
        }
    }

    @Test func `a status without details is code and message`() {
        #expect(json(status(.notFound, "no %22x%22%E2%82%AC")) == #"{"code":5,"message":"no \"x\"€"}"#)
        #expect(json(status(.unknown, "")) == #"{"code":2,"message":""}"#)
        #expect(json(status(.unknown, "100% bad")) == #"{"code":2,"message":"100% bad"}"#)
    }

    private func detail(_ text: String) throws -> [UInt8] {
        try #require(try Translate.parse(text, as: "google.protobuf.Any").first)
    }

    @Test func `details are printed by the types that everybody uses`() throws {
        let texts = [
            #"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R","domain":"d","metadata":{"a":"b"}}"#,
            #"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.500s"}"#,
            #"{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"f","description":"d"}]}"#,
            #"{"@type":"type.googleapis.com/sluice.library.Book","title":"t"}"#,
        ]
        let full = RPCStatus(code: .invalidArgument, message: "m", details: try texts.map(detail))
        let read = status(.invalidArgument, "other", full.detailsField)
        #expect(read == full)
        #expect(json(read) == #"{"code":3,"message":"m","details":[\#(texts.joined(separator: ","))]}"#)
    }

    @Test func `a detail of unknown type is passed as base64, and what is no Any too`() throws {
        var unknown: [UInt8] = []
        Array("x/no.such".utf8).withUnsafeBytes { unknown.appendField(1, $0) }
        ([1] as [UInt8]).withUnsafeBytes { unknown.appendField(2, $0) }
        let all = RPCStatus(code: .aborted, message: "", details: [unknown, [0xFF]])
        #expect(
            json(all)
                == #"{"code":10,"message":"","details":[{"@type":"x/no.such","value":"AQ=="},{"@type":"","value":"/w=="}]}"#
        )
    }

    @Test func `details that belong to another status are left out`() throws {
        let other = RPCStatus(code: .aborted, message: "m", details: [[]])
        #expect(status(.notFound, "x", other.detailsField) == RPCStatus(code: .notFound, message: "x"))
        #expect(status(.notFound, "x", Array("!!".utf8)) == RPCStatus(code: .notFound, message: "x"))
        #expect(status(.notFound, "x", Array("/////w".utf8)) == RPCStatus(code: .notFound, message: "x"))
    }

    @Test func `fields of trailers`() {
        let status = RPCStatus(code: .internal, message: "50%\n€ ok")
        #expect(String(decoding: status.messageField, as: UTF8.self) == "50%25%0A%E2%82%AC ok")
        #expect(status.detailsField.isEmpty)
        #expect(status.messageField.withUnsafeBytes { RPCStatus.decode($0) } == status.message)
        let again = status.serialized.withUnsafeBytes { try? RPCStatus(serialized: $0) }
        #expect(again == status)
    }

    @Test func `an error of a request has its own status`() {
        #expect(TranscodingError(.tooLarge, "x").status == 413)
        #expect(TranscodingError(.tooLarge, "x").code == .resourceExhausted)
        for kind in TranscodingError.Kind.allCases where kind != .tooLarge {
            #expect(TranscodingError(kind, "x").status == 400)
            #expect(TranscodingError(kind, "x").code == .invalidArgument)
        }
    }
}
