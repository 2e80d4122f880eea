import SluiceCore

/// Where we and SwiftNIO (llhttp) may differ, and why that is right. Whatever is not in here fails the test.
struct Tolerated: Sendable {
    let reason: String
    let covers: @Sendable (Case) -> Bool

    /// A message that we accept and SwiftNIO refuses.
    struct Case {
        let own: OwnMessage
        let earlier: ArraySlice<OwnMessage>
        let error: String
        /// Of the whole connection.
        let bytes: [UInt8]
    }

    /// What we accept and SwiftNIO refuses.
    static let refusals = [
        Tolerated(reason: "Any token is a method (RFC 9110, section 9.1); llhttp has a list.") {
            $0.error == "invalid HTTP method" && !knownMethods.contains($0.own.method)
        },
        Tolerated(reason: "A length that is repeated is legal and made one (RFC 9110, section 8.6).") {
            $0.error == "unexpected content-length header" && $0.own.removed.contains("content-length")
        },
        Tolerated(reason: "A chunk extension is dropped, not understood; llhttp wants its grammar kept.") {
            $0.error == "strict mode assertion" && hasOddChunkExtension($0.bytes)
        },
        Tolerated(reason: "White space in front of a chunk extension is legal (RFC 9112, section 7.1.1).") {
            $0.error == "invalid character in chunk size header" && hasSpaceBeforeExtension($0.bytes)
        },
        Tolerated(reason: "Connection: close in an interim answer is about the final one; llhttp stops at once.") {
            $0.error == "data received after completed connection: close message"
                && $0.earlier.contains { $0.isClosingInterim }
        },
    ]

    private static let knownMethods: Set<String> = [
        "DELETE", "GET", "HEAD", "POST", "PUT", "CONNECT", "OPTIONS", "TRACE", "COPY", "LOCK", "MKCOL", "MOVE",
        "PROPFIND", "PROPPATCH", "SEARCH",
        "UNLOCK", "BIND", "REBIND", "UNBIND", "ACL", "REPORT", "MKACTIVITY", "CHECKOUT", "MERGE", "M-SEARCH", "NOTIFY",
        "SUBSCRIBE", "UNSUBSCRIBE",
        "PATCH", "PURGE", "MKCALENDAR", "LINK", "UNLINK", "SOURCE",
    ]

    static let framingNames = ["content-length", "transfer-encoding", "connection"]

    /// llhttp takes a tab behind the value of these for a part of it, so it refuses the length and does not know the
    /// coding or the option. It is white space (RFC 9110, section 5.5). What goes on does not have it: codings and options
    /// are written anew, and a length with it is only refused there.
    static func hasTabBehindFraming(_ bytes: [UInt8]) -> Bool {
        bytes.split(separator: 0x0A).contains { line in
            guard let colon = line.firstIndex(of: 0x3A), framingNames.contains(text(line[..<colon]).lowercased()) else {
                return false
            }
            return line[(colon + 1)...].drop { $0 == 0x20 || $0 == 0x09 }.contains(0x09)
        }
    }

    /// Whether a line could be a chunk size with an extension that is not `*( ";" token [ "=" ( token / quoted-string ) ] )`.
    private static func hasOddChunkExtension(_ bytes: [UInt8]) -> Bool {
        bytes.split(separator: 0x0A).contains { line in
            let rest = line.drop { ASCII.hexValue($0) != nil }
            guard rest.count < line.count, let first = rest.first, [0x3B, 0x20, 0x09].contains(first) else {
                return false
            }
            return text(rest).wholeMatch(
                of: /(;[!#$%&'*+.^_`|~0-9A-Za-z-]+(=([!#$%&'*+.^_`|~0-9A-Za-z-]+|"([^"\\]|\\.)*"))?)*\r?/
            ) == nil
        }
    }

    private static func hasSpaceBeforeExtension(_ bytes: [UInt8]) -> Bool {
        bytes.split(separator: 0x0A).contains { text($0).prefixMatch(of: /[0-9A-Fa-f]+[ \t]+;/) != nil }
    }

    /// Framing fields that we take out of answers which have no body, so that the client cannot read them otherwise.
    static func isTakenOut(_ own: OwnMessage, _ other: NIOMessage) -> Bool {
        own.status > 0
            && own.seen.fields
                == other.fields.filter {
                    !["content-length", "transfer-encoding"].contains($0.name.lowercased())
                }
    }
}
