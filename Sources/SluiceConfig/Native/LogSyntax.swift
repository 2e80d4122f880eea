internal import SluiceCore

/// The text form of a log line: literal text and Envoy's operators, `%REQ(X-ID?:PATH):32%`.
///
/// Source: Envoy, "Access logging", format rules and command operators.
package enum LogSyntax {
    /// What is wrong, and the byte of the text where.
    package struct Problem: Error, Equatable {
        package let message: String
        package let offset: Int
        package var help: String?
    }

    package static let maxBytes = 16 * 1024

    /// Takes a format apart. One line a request: a line end is added where there is none.
    package static func parse(_ text: String) -> Result<LogFormat, Problem> {
        guard text.utf8.count <= maxBytes else {
            return .failure(Problem(message: "is longer than 16 KiB", offset: 0))
        }
        let bytes = Array(text.hasSuffix("\n") ? text.utf8 : (text + "\n").utf8)
        var segments: [LogFormat.Segment] = []
        var literal: [UInt8] = []
        var i = 0
        while i < bytes.count {
            guard bytes[i] == UInt8(ascii: "%") else {
                literal.append(bytes[i])
                i += 1
                continue
            }
            if i + 1 < bytes.count, bytes[i + 1] == UInt8(ascii: "%") {
                literal.append(bytes[i])
                i += 2
                continue
            }
            guard let end = end(of: bytes, from: i + 1) else {
                return .failure(Problem(message: "has an operator without an end", offset: i))
            }
            switch command(String(decoding: bytes[(i + 1)..<end], as: UTF8.self)) {
            case .failure(let problem):
                return .failure(Problem(message: problem.message, offset: i + problem.offset, help: problem.help))
            case .success(let segment):
                if !literal.isEmpty { segments.append(.literal(literal)) }
                literal = []
                segments.append(segment)
            }
            i = end + 1
        }
        if !literal.isEmpty { segments.append(.literal(literal)) }
        return .success(LogFormat(isJSON: false, segments: segments))
    }

    /// The `%` that ends a command; those in its parentheses belong to its argument.
    private static func end(of bytes: [UInt8], from start: Int) -> Int? {
        var isInside = false
        for i in start..<bytes.count {
            switch bytes[i] {
            case UInt8(ascii: "("): isInside = true
            case UInt8(ascii: ")"): isInside = false
            case UInt8(ascii: "%") where !isInside: return i
            case 0x0A: return nil
            default: continue
            }
        }
        return nil
    }

    /// `NAME`, `NAME(argument)`, `NAME(argument):length`.
    static func command(_ text: String) -> Result<LogFormat.Segment, Problem> {
        var rest = Substring(text)
        let name = rest.prefix { $0 != "(" && $0 != ":" }
        rest = rest.dropFirst(name.count)
        var argument: String?
        if rest.hasPrefix("(") {
            guard let end = rest.lastIndex(of: ")") else {
                return .failure(Problem(message: "has an operator '%\(name)%' with an open parenthesis", offset: 0))
            }
            argument = String(rest[rest.index(after: rest.startIndex)..<end])
            rest = rest[rest.index(after: end)...]
        }
        var limit: Int?
        if rest.hasPrefix(":") {
            guard let number = Int(rest.dropFirst()), (1...65536).contains(number) else {
                return .failure(
                    Problem(message: "has an operator '%\(name)%' with a length that is not 1 to 65536", offset: 0)
                )
            }
            limit = number
        } else if !rest.isEmpty {
            return .failure(Problem(message: "has text behind the argument of '%\(name)%'", offset: 0))
        }
        return LogCommands.operator(String(name), argument).map { .value($0, limit: limit) }
    }

    /// What a header name stands for that is none: `:path`, `host`; nil for others.
    package static func pseudoField(_ name: String) -> LogOperator? { LogCommands.pseudo(name) }

    /// A JSON string.
    static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case _ where scalar.value < 0x20:
                out += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}

/// The names of the operators.
enum LogCommands {
    /// Those without an argument.
    private static let plain: [String: LogOperator] = [
        "DURATION": .duration(.whole), "REQUEST_DURATION": .duration(.request),
        "REQUEST_TX_DURATION": .duration(.request), "RESPONSE_DURATION": .duration(.response),
        "RESPONSE_TX_DURATION": .duration(.responseSending), "UPSTREAM_DURATION": .duration(.upstream),
        "BYTES_RECEIVED": .requestBytes, "BYTES_SENT": .responseBytes,
        "PROTOCOL": .protocolName, "UPSTREAM_PROTOCOL": .upstreamProtocol,
        "RESPONSE_CODE": .status, "RESPONSE_CODE_DETAILS": .reasonCode, "RESPONSE_FLAGS": .flags,
        "UPSTREAM_TRANSPORT_FAILURE_REASON": .upstreamTLSFailure,
        "RESPONSE_FLAGS_LONG": .flagsLong, "ROUTE_NAME": .routeName, "UPSTREAM_CLUSTER": .upstreamName,
        "UPSTREAM_CLUSTER_RAW": .upstreamName, "UPSTREAM_HOST": .endpoint, "UPSTREAM_HOST_NAME": .endpoint,
        "UPSTREAM_REMOTE_ADDRESS": .endpoint, "UPSTREAM_REQUEST_ATTEMPT_COUNT": .attempts,
        "DOWNSTREAM_REMOTE_ADDRESS": .client, "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": .client,
        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": .peer, "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": .peer,
        "DOWNSTREAM_LOCAL_ADDRESS": .listenerAddress, "FILTER_CHAIN_NAME": .listenerName,
        "UNIQUE_ID": .requestID, "STREAM_ID": .requestID, "TRACE_ID": .traceID, "CONSUMER": .consumer,
        "METHOD": .method, "REQ_WITHOUT_QUERY": .pathWithoutQuery,
        "GRPC_STATUS": .grpcStatus(.camel), "GRPC_STATUS_NUMBER": .grpcStatus(.number),
        "DOWNSTREAM_TLS_VERSION": .tls(.version), "DOWNSTREAM_TLS_CIPHER": .tls(.cipher),
        "REQUESTED_SERVER_NAME": .tls(.serverName), "DOWNSTREAM_PEER_SUBJECT": .tls(.clientSubject),
        "DOWNSTREAM_PEER_ISSUER": .tls(.clientIssuer), "DOWNSTREAM_PEER_SERIAL": .tls(.clientSerial),
        "DOWNSTREAM_PEER_FINGERPRINT_256": .tls(.clientFingerprint), "DOWNSTREAM_PEER_URI_SAN": .tls(.clientURI),
        "DOWNSTREAM_PEER_DNS_SAN": .tls(.clientDNS), "DOWNSTREAM_PEER_EMAIL_SAN": .tls(.clientEmail),
    ]

    /// Operators of Envoy's for what is never known here.
    private static let absentPrefixes = [
        "DOWNSTREAM_TLS_", "DOWNSTREAM_PEER_", "DOWNSTREAM_LOCAL_SUBJECT", "DOWNSTREAM_LOCAL_URI_SAN", "UPSTREAM_TLS_",
        "UPSTREAM_PEER_", "TLS_JA",
    ]
    private static let absent: Set<String> = [
        "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
        "CONNECTION_TERMINATION_DETAILS",
    ]
    private static let withArgument = [
        "REQ", "RESP", "TRAILER", "START_TIME", "EMIT_TIME", "QUERY_PARAM", "PATH", "JWT",
    ]

    static func `operator`(_ name: String, _ argument: String?) -> Result<LogOperator, LogSyntax.Problem> {
        switch (name, argument) {
        case ("START_TIME", let format): return time(format).map { .startTime($0) }
        case ("EMIT_TIME", let format): return time(format).map { .emitTime($0) }
        case ("REQ", let names?): return field(names, pseudo: pseudo) { .requestField($0, or: $1) }
        case ("RESP", let names?): return field(names, pseudo: { _ in nil }) { .responseField($0, or: $1) }
        case ("TRAILER", _?): return .success(.absent)
        case ("QUERY_PARAM", let name?) where !name.isEmpty: return .success(.queryParameter(name))
        case ("JWT", let name?) where !name.isEmpty: return .success(.claim(name))
        case ("GRPC_STATUS", let form?): return grpcStatus(form)
        case ("PATH", let form): return .success(form == "NQ" ? .pathWithoutQuery : .originalPath)
        default: break
        }
        if let known = plain[name] { return .success(known) }
        if absent.contains(name) || absentPrefixes.contains(where: name.hasPrefix) { return .success(.absent) }
        if withArgument.contains(name) {
            return .failure(LogSyntax.Problem(message: "has an operator '%\(name)%' that needs an argument", offset: 0))
        }
        let near = Spelling.nearest(to: name, in: plain.keys.sorted() + withArgument)
        return .failure(
            LogSyntax.Problem(
                message: "has an unknown operator '%\(Printable.short(name))%'",
                offset: 0,
                help: near.map { "did you mean '%\($0)%'?" } ?? "write '%%' for a percent sign"
            )
        )
    }

    private static func grpcStatus(_ form: String) -> Result<LogOperator, LogSyntax.Problem> {
        switch form {
        case "CAMEL_STRING": return .success(.grpcStatus(.camel))
        case "SNAKE_STRING": return .success(.grpcStatus(.snake))
        case "NUMBER": return .success(.grpcStatus(.number))
        default:
            let help = "CAMEL_STRING, SNAKE_STRING or NUMBER"
            let message = "has '%GRPC_STATUS%' with an unknown form '\(Printable.short(form))'"
            return .failure(LogSyntax.Problem(message: message, offset: 0, help: help))
        }
    }

    /// `X?Y`: header X, or else Y.
    private static func field(
        _ text: String,
        pseudo: (String) -> LogOperator?,
        _ make: (String, String?) -> LogOperator
    ) -> Result<LogOperator, LogSyntax.Problem> {
        let names = text.lowercased().split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init
        )
        // Envoy keeps the path before a rewrite in a header of that name; here it is known anyway.
        if names.contains("x-envoy-original-path") { return .success(.originalPath) }
        if let known = names.first.flatMap(pseudo) { return .success(known) }
        guard let name = names.first, !names.contains("") else {
            return .failure(LogSyntax.Problem(message: "has an operator with an empty header name", offset: 0))
        }
        return .success(make(name, names.count > 1 ? names[1] : nil))
    }

    static func pseudo(_ name: String) -> LogOperator? {
        switch name {
        case ":method": .method
        case ":path": .path
        case ":authority", "host": .requestHost
        case ":scheme": .scheme
        case "x-request-id": .requestID
        default: nil
        }
    }

    /// The strftime letters that are used for logs; always UTC.
    private static func time(_ format: String?) -> Result<LogTimeFormat, LogSyntax.Problem> {
        guard let format, !format.isEmpty else { return .success(.standard) }
        var parts: [LogTimeFormat.Part] = []
        var rest = Substring(format)
        while let first = rest.first {
            rest = rest.dropFirst()
            guard first == "%", let letter = rest.first else {
                parts.append(.literal(Array(String(first).utf8)))
                continue
            }
            rest = rest.dropFirst()
            func text(_ text: String) -> LogTimeFormat.Part { .literal(Array(text.utf8)) }
            switch letter {
            case "Y": parts.append(.year)
            case "m": parts.append(.month)
            case "d": parts.append(.day)
            case "H": parts.append(.hour)
            case "M": parts.append(.minute)
            case "S": parts.append(.second)
            case "s": parts.append(.epoch)
            case "F": parts += [.year, text("-"), .month, text("-"), .day]
            case "T": parts += [.hour, text(":"), .minute, text(":"), .second]
            case "z": parts.append(text("+0000"))
            case "Z": parts.append(text("UTC"))
            case "f": parts.append(.fraction(9))
            case "3" where rest.first == "f", "6" where rest.first == "f", "9" where rest.first == "f":
                parts.append(.fraction(Int(String(letter)) ?? 3))
                rest = rest.dropFirst()
            case "%": parts.append(text("%"))
            default:
                let message =
                    "has a time with '%\(letter)', which is not one of %Y %m %d %H %M %S %F %T %s %3f %6f %9f %z %Z"
                return .failure(LogSyntax.Problem(message: message, offset: 0))
            }
        }
        return .success(LogTimeFormat(parts: parts))
    }
}
