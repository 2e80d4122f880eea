import SluiceCore
import Testing

@testable import SluiceFilters

/// What a client is told (RFC 6750, section 3).
@Suite struct TokenRefusalTests {
    private let refusals = TokenRefusals(realm: "Orders API", scopes: ["read", "write"])

    private func field(_ problem: TokenProblem) -> String? {
        guard let field = refusals[problem].fields.first else { return nil }
        return "\(String(decoding: field.name, as: UTF8.self)): \(String(decoding: field.value, as: UTF8.self))"
    }

    @Test func whoSentNoTokenIsOnlyAskedForOne() {
        #expect(refusals[.missing].status == 401)
        #expect(field(.missing) == "WWW-Authenticate: Bearer realm=\"Orders API\"")
    }

    @Test func whatIsWrongIsSaid() {
        #expect(
            field(.expired)
                == "WWW-Authenticate: Bearer realm=\"Orders API\", error=\"invalid_token\", error_description=\"the token has expired\""
        )
        #expect(
            field(.several)
                == "WWW-Authenticate: Bearer realm=\"Orders API\", error=\"invalid_request\", error_description=\"there is more than one token\""
        )
        #expect(
            field(.scope)
                == "WWW-Authenticate: Bearer realm=\"Orders API\", error=\"insufficient_scope\", error_description=\"the token does not have the scope that is needed\", scope=\"read write\""
        )
    }

    @Test func everyProblemHasItsStatus() {
        for problem in TokenProblem.allCases {
            let status: UInt16
            switch problem {
            case .several, .empty: status = 400
            case .scope, .consumer: status = 403
            case .keysUnavailable: status = 503
            default: status = 401
            }
            #expect(refusals[problem].status == status, "\(problem)")
            #expect(refusals[problem].error == problem.error)
            // RFC 9110, section 15.5.2: every 401 says how to do better.
            #expect(
                (field(problem)?.hasPrefix("WWW-Authenticate: Bearer realm=") ?? false)
                    == (status < 500 && problem != .consumer)
            )
            #expect(problem.description.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C })
        }
        #expect(field(.keysUnavailable) == "Retry-After: 5")
        #expect(field(.consumer) == nil)
    }

    @Test func eachHasItsOwnPlaceInTables() {
        #expect(TokenProblem.allCases.map(\.index) == Array(TokenProblem.allCases.indices))
    }

    @Test func realmAndScopesComeFromTheConfiguration() throws {
        let bench = try JWTBench("realm: Shop, scopes: {any: [a, b]}", keys: .json(try keySet(["hmac"])))
        let missing = try #require(bench.filter.onRequest(TestExchange()).reply)
        #expect(missing.fields.map { String(decoding: $0.value, as: UTF8.self) } == ["Bearer realm=\"Shop\""])
        let scope = try #require(bench.filter.onRequest(bench.request(try TokenForge.hs256())).reply)
        #expect(String(decoding: scope.fields[0].value, as: UTF8.self).hasSuffix("scope=\"a b\""))
    }
}
