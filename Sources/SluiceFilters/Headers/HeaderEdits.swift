/// What is to be done with the header of one message, as plain values; in this order: remove, set, add, append.
///
/// Names keep their case. Values are templates that were checked (`Template.parse`); an absent field gets one line
/// for each.
package struct HeaderEdits: Sendable {
    /// One field and its values.
    package struct Field: Sendable {
        package var name: String
        package var values: [String]

        package init(_ name: String, _ values: [String]) {
            self.name = name
            self.values = values
        }
    }

    /// Fields that go, however often they are there.
    package var remove: [String] = []
    /// Fields that replace all of the same name, or come new.
    package var set: [Field] = []
    /// Fields that come only where none of the same name is there.
    package var add: [Field] = []
    /// Fields that come in any case, behind those of the same name.
    package var append: [Field] = []

    package init() {}
}
