import SluiceCore

/// Where we and SwiftNIO (llhttp) may differ, and why that is right. Whatever is not in here fails the test.
struct Tolerated: Sendable {
    let reason: String
    let covers: @Sendable (OwnMessage, String) -> Bool

    /// What we accept and SwiftNIO refuses.
    static let refusals: [Tolerated] = []

    /// Framing fields that we take out of answers which have no body, so that the client cannot read them otherwise.
    static func isTakenOut(_ own: OwnMessage, _ other: NIOMessage) -> Bool {
        own.status > 0 && own.seen.fields == other.fields.filter {
            !["content-length", "transfer-encoding"].contains($0.name.lowercased())
        }
    }
}
