extension ValueType where Value == [FilterModel] {
    /// A list of filters: bare words, or mappings of one name to its configuration.
    static var filterList: Self {
        ValueType(.filters) { node, scope in
            guard let items = scope.items(of: node) else { return nil }
            var filters: [FilterModel] = []
            var first: [String: NodeSpan] = [:]
            for item in items {
                guard let filter = FilterItem(item, scope) else { continue }
                if let earlier = first[filter.name], !filter.mayRepeat {
                    scope.context.report(
                        .repeatedFilter,
                        at: filter.span,
                        "the filter '\(filter.name)' is in this list twice",
                        notes: [(text: "first here", span: earlier)]
                    )
                }
                first[filter.name] = filter.span
                if let model = filter.model(scope) { filters.append(model) }
            }
            return filters
        }
        .shown { $0.isEmpty ? "[]" : "..." }
    }
}

/// One item of a list of filters.
private struct FilterItem {
    let name: String
    let span: NodeSpan
    private let type: any FilterConfiguration.Type
    private let configuration: ConfigNode

    var mayRepeat: Bool { type.mayRepeat }

    /// Reports and answers nil where there is no such filter, or not one filter.
    init?(_ node: ConfigNode, _ scope: Scope) {
        switch node.value {
        case .scalar:
            guard let name = scope.text(of: node) else { return nil }
            self.name = name
            self.span = node.span
            self.configuration = ConfigNode(.mapping([]), span: node.span)
        case .mapping(let entries) where entries.count == 1:
            guard let entry = entries.first else { return nil }
            self.name = entry.key
            self.span = entry.keySpan
            self.configuration = entry.value
        default:
            let help = "write each filter as its own item: '- name: {...}'"
            scope.report(
                .wrongKind,
                at: node,
                "a filter is a name, or a mapping of one name to its settings",
                help: help
            )
            return nil
        }
        guard let type = scope.context.filters[name] else {
            let names = scope.context.filters.names
            let near = Spelling.nearest(to: name, in: names).map { "did you mean '\($0)'?" }
            scope.context.report(
                .unknownFilter,
                at: span,
                "there is no filter '\(Printable.short(name))'",
                help: near ?? Spelling.choices(names)
            )
            return nil
        }
        self.type = type
    }

    func model(_ scope: Scope) -> FilterModel? {
        let owner = Owner(kind: "filter", name: name)
        var inner = scope
        inner.field = name
        guard let reader = ObjectReader(configuration, schema: type.schema, scope: inner, owner: owner) else {
            return nil
        }
        let value = type.init(from: reader)
        reader.finish()
        return FilterModel(name: name, place: scope.context.place(span), configuration: value)
    }
}
