package import SluiceConfig
import SluiceCore

/// `headers`: removes, sets, adds and appends headers of requests and responses.
package struct HeadersConfiguration: RunnableFilterConfiguration {
    static let request = OptionalField(
        "request",
        .edits(.request),
        absent: "nothing",
        doc: "Changes to the request before it is sent upstream."
    )
    static let response = OptionalField(
        "response",
        .edits(.response),
        absent: "nothing",
        doc: "Changes to the response, also to the gateway's own."
    )
    package static let schema = ObjectSchema(
        "headers",
        doc: """
            Removes, sets, adds and appends headers, in this order. Values may be templates, filled in from the request \
            as it was before the filter; a header whose value comes out empty is not sent.
            """,
        fields: [request, response]
    )
    package static let mayRepeat = true

    package var request: HeaderEdits
    package var response: HeaderEdits

    package init(request: HeaderEdits = HeaderEdits(), response: HeaderEdits = HeaderEdits()) {
        self.request = request
        self.response = response
    }

    package init(from reader: ObjectReader) {
        request = reader.read(Self.request) ?? HeaderEdits()
        response = reader.read(Self.response) ?? HeaderEdits()
        if !reader.has(Self.request), !reader.has(Self.response) {
            let help = "write what to change: {response: {set: {x-frame-options: DENY}}}"
            reader.report(.missingField, at: reader.node.span, "filter 'headers' changes nothing", help: help)
        }
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter {
        HeadersFilter(request: FieldEdits(request), response: FieldEdits(response), loop: resources.loop)
    }
}

extension ValueType where Value == HeaderEdits {
    static func edits(_ side: MessageSide) -> Self {
        let fields = EditFields(side)
        return .object(fields.schema) { fields.decode($0) }
    }
}

/// `request:` and `response:`
private struct EditFields: Sendable {
    let remove: Field<[Placed<String>]>
    let set: Field<[Named<[String]>]>
    let add: Field<[Named<[String]>]>
    let append: Field<[Named<[String]>]>
    let schema: ObjectSchema

    init(_ side: MessageSide) {
        let name = ValueType<String>.editableHeader(side)
        let values = ValueType<[String]>.headerValues(side)
        remove = Field("remove", .list(of: .placed(name)), default: [], doc: "Headers that go: a list of names.")
        func lines(_ field: String, _ doc: String) -> Field<[Named<[String]>]> {
            let name = ValueType<String>.editableHeader(side, replacing: field == "set")
            return Field(field, .map(keys: name, of: values), default: [], doc: doc)
        }
        set = lines("set", "Headers that replace those of the same name, or come new.")
        add = lines("add", "Headers that come only where there is none of the same name.")
        append = lines("append", "Further headers, whether or not there are some of the same name.")
        schema = ObjectSchema(
            side.rawValue,
            doc: "Changes to the \(side.rawValue). A value is a text, or a list of texts that become a header each.",
            fields: [remove, set, add, append]
        )
    }

    func decode(_ reader: ObjectReader) -> HeaderEdits {
        var edits = HeaderEdits()
        let removed = reader.read(remove)
        let (set, add, append) = (reader.read(set), reader.read(add), reader.read(append))
        edits.remove = removed.map(\.value)
        edits.set = set.map { HeaderEdits.Field($0.name, $0.value) }
        edits.add = add.map { HeaderEdits.Field($0.name, $0.value) }
        edits.append = append.map { HeaderEdits.Field($0.name, $0.value) }
        refuseDoubles(removed.map { ($0.value, $0.span) }, "in 'remove'", reader)
        // What 'set' gives is there when 'add' looks, so the second of the two could never act.
        refuseDoubles((set + add).map { ($0.name, $0.span) }, "in 'set' and 'add'", reader)
        refuseDoubles(append.map { ($0.name, $0.span) }, "in 'append'", reader)
        return edits
    }

    /// Names in different case are the same name.
    private func refuseDoubles(_ names: [(name: String, span: NodeSpan)], _ place: String, _ reader: ObjectReader) {
        var first: [FieldKey: NodeSpan] = [:]
        for (name, span) in names {
            guard let earlier = first.updateValue(span, forKey: FieldKey(name)) else { continue }
            reader.report(
                .duplicateKey,
                at: span,
                "the header '\(name.lowercased())' is twice \(place) of \(reader.owner.description)",
                notes: [(text: "first here", span: earlier)]
            )
        }
    }
}

extension ValueType where Value == [String] {
    /// A template, or a list of several.
    fileprivate static func headerValues(_ side: MessageSide) -> Self {
        let value = ValueType<String>.editedValue(side)
        return .either(text: value.map { [$0] }, other: .list(of: value, atLeast: 1))
    }
}

extension ValueType where Value == String {
    /// A template whose variables are known when that side of the message passes.
    fileprivate static func editedValue(_ side: MessageSide) -> Self {
        headerTemplate.checked { text in
            if text.isEmpty {
                let help = "use 'remove' to take a header away"
                return ValueProblem("is empty, and an empty header is not sent", help: help)
            }
            guard side == .request, case .success(let template) = Template.parse(text) else { return nil }
            for variable in template.variables {
                switch variable {
                case .responseStatus: return tooEarly("response.status", "there is no response yet")
                case .upstreamName: return tooEarly("upstream.name", "no upstream is chosen yet")
                default: continue
                }
            }
            return nil
        }
    }

    private static func tooEarly(_ name: String, _ reason: String) -> ValueProblem {
        ValueProblem(.template, "uses '${\(name)}', but \(reason) when the request passes")
    }
}
