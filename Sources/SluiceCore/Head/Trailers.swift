/// The fields behind a body (RFC 9110, section 6.5).
///
/// A table in a box: most messages have none, and an optional box costs a pointer where an optional table is copied and
/// counted field by field on every call that passes it on.
///
/// Isolation: the loop of the exchange that it belongs to.
package final class Trailers {
    package var fields: HeaderTable

    /// Whether there is no field, or none that was not removed.
    package var isEmpty: Bool {
        for i in fields.entries.indices where !fields.entries[i].isRemoved { return false }
        return true
    }

    package init(_ fields: HeaderTable = HeaderTable()) { self.fields = fields }
}
