import NIOCore
import SluiceCore

/// The edits of one message, prepared for one loop: names interned, constant lines rendered, templates parsed.
///
/// Filling in and editing are two steps. So every template sees the message as it was, which lets a field be renamed,
/// and the head is not read while it is changed.
struct FieldEdits {
    private enum Line {
        case constant(FieldLine)
        /// A name, and the place of its value among the rendered ones.
        case template(name: [UInt8], value: Int)
    }

    /// Lines of one name. A class, since each copy of its parts would count references.
    private final class Group {
        /// They come only if no such field is there.
        let unless: FieldKey?
        let lines: [Line]

        init(unless: FieldKey?, lines: [Line]) {
            self.unless = unless
            self.lines = lines
        }
    }

    /// Those of `remove`, then those that `set` replaces.
    private let removed: [FieldKey]
    private let groups: [Group]
    let templates: [Template]

    init(_ edits: HeaderEdits) {
        var templates: [Template] = []
        func line(_ name: String, _ value: String) -> Line? {
            // Values were checked; one that is no template after all would be nobody's intention, so it is left out.
            guard case .success(let template) = Template.parse(value) else { return nil }
            if let bytes = template.constantBytes {
                let value = bytes.withUnsafeBytes { Array(ASCII.trimmed($0)) }
                return value.isEmpty ? nil : .constant(FieldLine(name: name.utf8, value: value))
            }
            templates.append(template)
            return .template(name: Array(name.utf8), value: templates.count - 1)
        }
        func group(_ field: HeaderEdits.Field, unless: FieldKey? = nil) -> Group {
            Group(unless: unless, lines: field.values.compactMap { line(field.name, $0) })
        }
        removed = edits.remove.map { FieldKey($0) } + edits.set.map { FieldKey($0.name) }
        groups =
            edits.set.map { group($0) } + edits.add.map { group($0, unless: FieldKey($0.name)) }
            + edits.append.map { group($0) }
        self.templates = templates
    }

    /// Whether there is nothing to do.
    var isEmpty: Bool { removed.isEmpty && groups.isEmpty }

    /// Carries them out. Allocates: only while the table grows.
    func apply(to fields: inout HeaderTable, _ values: borrowing RenderedValues) {
        for index in removed.indices { fields.remove(removed[index]) }
        for group in groups {
            if let key = group.unless, fields.find(key) != nil { continue }
            for line in group.lines {
                switch line {
                case .constant(let line): fields.append(line)
                case .template(let name, let value):
                    values.withValue(value) { if !$0.isEmpty { fields.append(name: name, value: $0) } }
                }
            }
        }
    }
}

/// The values of templates, one behind the other.
struct RenderedValues {
    /// What all values of one message together may take: they are made from what a client sent.
    static let limit = 64 * 1024

    private var bytes = ByteBuffer()
    private var ends: ContiguousArray<Int> = []

    /// Fills in all templates, in memory that is lent until `release`.
    ///
    /// - Returns: false when the values together exceed the limit; there are only those before then.
    mutating func render(
        _ templates: [Template],
        for exchange: ExchangeContext,
        in scratch: consuming ByteBuffer
    ) -> Bool {
        // Moved, not copied: memory with two owners would be copied by the first write.
        bytes = consume scratch
        for template in templates {
            exchange.render(template, for: .fieldValue, into: &bytes)
            guard bytes.readableBytes <= Self.limit else { return false }
            ends.append(bytes.readableBytes)
        }
        return true
    }

    /// Forgets the values and gives the memory back.
    mutating func release() -> ByteBuffer {
        var scratch = ByteBuffer()
        swap(&scratch, &bytes)
        ends.removeAll(keepingCapacity: true)
        return scratch
    }

    /// A value without blanks around it; no bytes for one that was not rendered.
    func withValue(_ index: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
        bytes.withUnsafeReadableBytes { all in
            guard ends.indices.contains(index) else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
            let start = index == 0 ? 0 : ends[index - 1]
            body(ASCII.trimmed(UnsafeRawBufferPointer(rebasing: all[start..<ends[index]])))
        }
    }
}
