/// Why the gateway, or a new configuration of it, cannot start, in words for people.
package struct StartError: Error, Equatable, Sendable {
    package let message: String

    package init(_ message: String) { self.message = message }
}
