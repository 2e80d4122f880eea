/// One container of a JSON text that is open, and what it means for the message under way.
///
/// A plain value: frames live in one array that keeps its room.
struct Frame {
    enum Kind: UInt8 {
        /// Around the whole text.
        case root
        /// The array around the messages of a stream.
        case stream
        /// An object that is a message.
        case message
        /// An array whose elements have a tag each.
        case list
        /// An array whose elements share one tag.
        case packed
        /// An object that is a map.
        case map
        /// An object that is a `google.protobuf.Struct`.
        case members
        /// An array that is a `google.protobuf.ListValue`.
        case values
        /// Around the text of an `Any` that is read a second time.
        case any
        /// An object of an `Any` whose content stands behind `"value"`.
        case anyMembers
    }

    let kind: Kind
    /// The message type; in maps the field that is the map, in lists of no use.
    var type = -1
    /// In a message the field whose value comes next, in lists and maps the field of the elements; -1 for none.
    var field = -1
    /// Lengths to close at its end.
    var lengths = 0
    /// The number of the group that ends with it, 0 for none.
    var group: UInt32 = 0
    /// In a message where its bits begin, in `MessageAssembler.seen`; in maps what `KeySet` calls them.
    var seen = 0
    /// In lists and streams the place of the next element, in maps where the key begins in `keyText`.
    var count = 0
    /// State in front of the entry or field under way.
    var mark: MessageBuffer.Mark
    /// Whether the value that comes next is to be skipped.
    var skips = false
    /// Whether this message is inside an `Any`, where `@type` is no field.
    var isInAny = false
    /// The bindings of the URL that are for fields somewhere in this message, one bit each.
    var bound: UInt64 = 0
    /// The binding that is for the field whose value comes next; -1 for none.
    var binding = -1

    init(_ kind: Kind, mark: MessageBuffer.Mark) {
        self.kind = kind
        self.mark = mark
    }
}
