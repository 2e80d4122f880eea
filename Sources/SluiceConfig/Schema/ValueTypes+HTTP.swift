package import SluiceCore

extension ValueType where Value == String {
    /// A header's name, given back in lower case.
    package static var headerName: Self {
        token("header name", problem: "is not a header name: {}").map { $0.lowercased() }
    }

    /// A method, case kept. Any token is one.
    package static var method: Self { token("method", problem: "is not a method: {}") }

    package static var cookieName: Self { token("cookie name", problem: "is not a cookie name: {}") }

    /// A header's value, which may hold templates.
    package static var headerTemplate: Self {
        template.checked { text in isFieldValue(text) ? nil : ValueProblem(.fieldSyntax, badValue) }
    }

    /// A header's value.
    package static var headerValue: Self {
        text.checked { text in isFieldValue(text) ? nil : ValueProblem(.fieldSyntax, badValue) }
    }

    private static var badValue: String { "holds a byte that no header value may hold: {}" }

    /// A token of RFC 9110, section 5.6.2.
    private static func token(_ what: String, problem: String) -> Self {
        scalar(.text(what)) { text in
            !text.isEmpty && text.utf8.allSatisfy(ASCII.isToken)
                ? .success(text) : .failure(ValueProblem(.fieldSyntax, problem))
        }
    }

    /// RFC 9110, section 5.5: no CR, LF, NUL or other controls, and nothing to trim at the ends.
    private static func isFieldValue(_ text: String) -> Bool {
        let bytes = text.utf8
        guard bytes.allSatisfy(ASCII.isFieldValue) else { return false }
        func isBlank(_ byte: UInt8?) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        return !isBlank(bytes.first) && !isBlank(bytes.last)
    }

    // MARK: Hosts and paths

    /// `api.example.com`, `*.example.com` or an address, given back in lower case and without a final dot.
    package static var hostPattern: Self {
        scalar(.text("host pattern")) { HostSyntax.pattern($0) }
    }

    /// A host without wildcard, perhaps with a port.
    package static var hostName: Self {
        scalar(.text("host name")) { HostSyntax.nameAndPort($0) }
    }

    package static var path: Self { scalar(.text("path")) { PathSyntax.path($0) } }

    /// A path of whole segments; a slash at the end does not count and is taken away.
    package static var pathPrefix: Self { scalar(.text("path")) { PathSyntax.prefix($0) } }

    /// `/users/{id}/files/{rest...}`
    package static var pathTemplate: Self {
        scalar(.text("path template")) { PathSyntax.template($0) }
    }
}

extension ValueType where Value == CIDR {
    /// `10.0.0.0/8` or one address.
    package static var network: ValueType<CIDR> {
        scalar(.text("network")) { text in
            if let network = CIDR(text) { return .success(network) }
            return .failure(
                ValueProblem(
                    .network,
                    "is not a network: {}",
                    help: "networks look like 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32"
                )
            )
        }
    }
}

extension ValueType where Value == ClosedRange<Int> {
    /// `200` or `200-299`.
    package static var statusRange: Self {
        scalar(
            .anyOf([.integer(100...599), .text("range")])
        ) { text in
            let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            let numbers = parts.map { $0.utf8.allSatisfy(ASCII.isDigit) ? Int($0) : nil }
            guard let first = numbers.first ?? nil, let last = numbers.last ?? nil else {
                return .failure(ValueProblem("is not a status: {}", help: "write 200 or 200-299"))
            }
            guard 100 <= first, first <= last, last <= 599 else {
                return .failure(ValueProblem(.outOfRange, "must lie between 100 and 599, lower number first, not {}"))
            }
            return .success(first...last)
        }
        .shown { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
    }
}
