/// A known caller, its groups and its credentials.
package struct ConsumerModel: Sendable {
    package var name: String
    package var place: SourcePlace
    package var groups: [String] = []

    package init(name: String, place: SourcePlace) {
        self.name = name
        self.place = place
    }
}
