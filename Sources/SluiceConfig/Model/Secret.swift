/// A text that no description, dump or view of the model shows.
package struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package var description: String { "***" }
    package var debugDescription: String { "***" }
    /// Without members, and of a kind that `ModelJSON` hides.
    package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .class) }
}
