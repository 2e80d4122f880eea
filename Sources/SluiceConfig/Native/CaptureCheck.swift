internal import SluiceCore

/// Checks what an action takes from the path against what the match gives.
struct CaptureCheck {
    let reader: ObjectReader
    let match: MatchModel

    func check(_ action: ActionModel) {
        switch action {
        case .forward(let model):
            switch model.rewrite {
            case .prefix: needsFixedPart(RouteFields.rewrite)
            case .path(let template): check(template, of: RouteFields.rewrite)
            case .regex, nil: break
            }
        case .redirect(let model):
            if model.prefix != nil { needsFixedPart(RouteFields.redirect) }
            if let to = model.to { check(to, of: RouteFields.redirect) }
        case .respond(let model):
            for header in model.headers { check(header.value, of: RouteFields.respond) }
        }
    }

    /// A prefix can only be exchanged where the match says how much of the path it is.
    private func needsFixedPart(_ field: some AnyField) {
        switch match.path {
        case .exact, .prefix: return
        case .any, .template, .regex:
            let message =
                "'prefix' in '\(field.schema.name)' of \(reader.owner.description) needs 'path' or 'prefix' in the match"
            reader.report(.exclusive, at: reader.span(of: field), message)
        }
    }

    private func check(_ text: String, of field: some AnyField) {
        guard text.contains("${path."), case .success(let template) = Template.parse(text) else { return }
        let captures = captures
        for case .path(let name) in template.variables where !captures.contains(name) {
            let isNumber = name.utf8.allSatisfy(ASCII.isDigit)
            let near = (isNumber ? nil : Spelling.nearest(to: name, in: captures)).map {
                "did you mean '${path.\($0)}'?"
            }
            let message =
                "'\(field.schema.name)' of \(reader.owner.description) uses '${path.\(Printable.short(name))}', which the match does not capture"
            reader.report(.template, at: reader.span(of: field), message, help: near ?? help(captures))
        }
    }

    private func help(_ captures: [String]) -> String {
        captures.isEmpty ? "capture it with 'template: /users/{id}'" : "captured: \(captures.joined(separator: ", "))"
    }

    /// The names that the path match gives.
    private var captures: [String] {
        switch match.path {
        case .any, .exact, .prefix: return []
        case .template(let text):
            guard let template = try? PathTemplate(text) else { return [] }
            return template.names
        case .regex(let text):
            guard let names = (try? RegularExpression(text))?.groupNames else { return [] }
            return names.enumerated().flatMap { index, name in name.map { ["\(index + 1)", $0] } ?? ["\(index + 1)"] }
        }
    }
}
