import SluiceCore
import SluiceHTTP
import Testing

/// What values of Content-Type are gRPC.
@Suite struct GRPCContentTypeTests {
    private func type(_ text: String) -> GRPCContentType? { Array(text.utf8).withUnsafeBytes { GRPCContentType($0) } }

    private func fields(_ type: String?) -> HeaderTable {
        var table = HeaderTable()
        if let type { table.append(name: "content-type".utf8, value: type.utf8) }
        return table
    }

    static let known: [(String, GRPCContentType)] = [
        ("application/grpc", GRPCContentType(.plain)),
        ("application/grpc+proto", GRPCContentType(.plain, suffix: Array("+proto".utf8))),
        ("Application/GRPC+Proto", GRPCContentType(.plain, suffix: Array("+proto".utf8))),
        ("application/grpc;charset=utf-8", GRPCContentType(.plain)),
        ("application/grpc+json ; a=b", GRPCContentType(.plain, suffix: Array("+json".utf8))),
        ("application/grpc-web", GRPCContentType(.web)),
        ("application/grpc-web+proto", GRPCContentType(.web, suffix: Array("+proto".utf8))),
        ("application/grpc-web-text", GRPCContentType(.webText)),
        ("application/grpc-web-text+proto", GRPCContentType(.webText, suffix: Array("+proto".utf8))),
        ("application/grpc-web-text; charset=utf-8", GRPCContentType(.webText)),
    ]

    private func isGRPC(_ fields: consuming HeaderTable) -> Bool { fields.isGRPC }

    @Test(arguments: known)
    func isKnown(text: String, expected: GRPCContentType) {
        #expect(type(text) == expected)
        var isPlain = false
        if case .plain = expected.kind { isPlain = true }
        #expect(isGRPC(fields(text)) == isPlain)
        #expect(fields(text).grpcContentType == expected)
    }

    @Test(arguments: [
        "", "application/grp", "application/json", "application/grpcx", "application/grpc-", "application/grpc-webx",
        "application/grpc-web-tex", "application/grpc-web-textual", "text/grpc+proto", "application/grpc/proto",
        "application/grpc+a\u{e9}", "xapplication/grpc",
    ])
    func isSomethingElse(_ text: String) {
        #expect(type(text) == nil)
        #expect(!isGRPC(fields(text)))
        #expect(fields(text).grpcContentType == nil)
    }

    @Test func noTypeIsNone() {
        #expect(!isGRPC(fields(nil)))
        #expect(fields(nil).grpcContentType == nil)
    }

    @Test func writesWhatItRead() {
        for (_, type) in Self.known {
            #expect(type.bytes.withUnsafeBytes { GRPCContentType($0) } == type)
        }
        #expect(
            String(decoding: GRPCContentType(.webText, suffix: Array("+json".utf8)).bytes, as: UTF8.self)
                == "application/grpc-web-text+json"
        )
    }

    @Test(
        "the status of a call, from whatever a server writes",
        arguments: [
            ("0", GRPCCode.ok), ("14", .unavailable), (" 5 ", .notFound), ("17", .unknown),
            ("99999999999999999999", .unknown),
            ("", .unknown), ("-1", .unknown), ("4x", .unknown),
        ]
    )
    func status(text: String, code: GRPCCode) {
        var table = HeaderTable()
        table.append(name: "Grpc-Status".utf8, value: text.utf8)
        #expect(table.grpcStatus == code)
        var empty = HeaderTable()
        #expect(empty.grpcStatus == nil)
    }
}
