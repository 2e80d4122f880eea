/// Which object a value belongs to, for messages.
package struct Owner: Sendable {
    /// "upstream", "route", "filter", or "" for the top of the file.
    package var kind: String
    package var name: String
    /// The field of it that holds the object at hand, or "".
    package var field: String
    /// Whether the object is an item of a list in that field.
    package var isItem = false

    package init(kind: String, name: String = "", field: String = "") {
        self.kind = kind
        self.name = name
        self.field = field
    }

    /// `upstream 'orders'`, `'limits' of upstream 'orders'`, `the configuration`
    package var description: String {
        let whole = kind.isEmpty ? "the configuration" : name.isEmpty ? "a \(kind)" : "\(kind) '\(name)'"
        if field.isEmpty { return whole }
        let part = isItem ? "an item of '\(field)'" : "'\(field)'"
        return kind.isEmpty ? part : "\(part) of \(whole)"
    }
}

/// What a value type sees of its surroundings while it decodes.
package struct Scope {
    package let context: DecodeContext
    package var owner: Owner
    /// The name of the field being decoded.
    package var field: String
    package var isSecret = false
    package var part = Part.whole

    /// Which part of the field's value is being decoded.
    package enum Part: String, Sendable {
        case whole = ""
        case item = "an item of "
        case key = "a key of "
    }

    package init(context: DecodeContext, owner: Owner, field: String) {
        self.context = context
        self.owner = owner
        self.field = field
    }

    /// What a message about the value begins with: `'timeout' of route 'all'`.
    package var subject: String {
        "\(part.rawValue)'\(field)' of \(owner.description)"
    }

    /// The text of a scalar with `${NAME}` and `${file:...}` put in; reports anything else and answers nil.
    package func text(of node: ConfigNode, templates: Bool = false) -> String? {
        guard case .scalar(let raw) = node.value else {
            wrongKind(node, wanted: "a text")
            return nil
        }
        if node.isPlain, node.isNull {
            report(.wrongKind, at: node, "\(subject) has no value")
            return nil
        }
        if isSecret { context.hide(node) }
        guard raw.utf8.contains(UInt8(ascii: "$")) else { return raw }
        return context.substitution.expand(raw, at: node.span, templates: templates, scope: self)
    }

    /// The value in quotes for a message: shortened, without control characters, `***` for secrets.
    package func shown(_ node: ConfigNode) -> String {
        guard case .scalar(let text) = node.value else { return node.kindName }
        return isHidden(node) ? "'***'" : "'\(Printable.short(text))'"
    }

    /// Whether no message may show the value, or what was made of it.
    package func isHidden(_ node: ConfigNode) -> Bool {
        isSecret || node.text?.contains("${") ?? false
    }

    package func report(_ problem: ValueProblem, in node: ConfigNode) {
        let shown = shown(node)
        var text = problem.text.replacing("{}", with: shown)
        if let detail = problem.detail, !isHidden(node) { text += ": \(detail)" }
        let help = problem.help?.replacing("{}", with: shown.dropFirst().dropLast())
        report(problem.code, at: node, "\(subject) \(text)", help: help)
    }

    package func report(_ code: DiagnosticCode, at node: ConfigNode, _ message: String, help: String? = nil) {
        context.report(code, at: node.span, message, help: help)
    }

    package func wrongKind(_ node: ConfigNode, wanted: String, help: String? = nil) {
        if isSecret { context.hide(node) }
        report(.wrongKind, at: node, "\(subject) must be \(wanted), not \(node.kindName)", help: help)
    }
}
