/// Bounds of what one configuration file may make of itself.
package struct TreeLimits: Sendable {
    package var bytes = 64 * 1024 * 1024
    /// Values after aliases are expanded: enough for 100,000 long routes.
    package var nodes = 4_000_000
    package var depth = 64
    package var aliases = 1_000

    package init() {}
}
