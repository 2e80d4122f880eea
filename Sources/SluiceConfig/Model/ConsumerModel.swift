package import SluiceCore

/// A known caller, its groups and its credentials.
package struct ConsumerModel: Sendable {
    package var name: String
    package var place: SourcePlace
    package var groups: [String] = []
    /// Digests of its keys; the keys themselves are kept nowhere.
    package var keys: [SHA256Digest] = []

    package init(name: String, place: SourcePlace) {
        self.name = name
        self.place = place
    }
}
