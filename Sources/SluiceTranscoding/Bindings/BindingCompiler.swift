/// Makes bindings of the rules of all chosen services, and gathers what is wrong with them.
struct BindingCompiler {
    let pool: DescriptorPool
    private(set) var bindings: [Binding] = []
    private(set) var problems: [String] = []

    init(pool: DescriptorPool) { self.pool = pool }

    /// Adds the bindings of all methods of some services.
    ///
    /// - Parameters:
    ///   - services: full names; all of the set when empty.
    ///   - rules: rules that take the place of annotations, by full name of the method.
    ///   - autoMapping: whether methods without a rule are called as `POST /package.Service/Method`.
    mutating func add(services: [String], rules: [HTTPRule], autoMapping: Bool) {
        for name in services where !pool.services.contains(name) {
            let hint = Suggestion.text(for: name, among: pool.services)
            problems.append("the descriptor set has no service '\(name)'\(hint)")
        }
        // Of two rules for one method the later one counts.
        var overriding: [String: HTTPRule] = [:]
        for rule in rules { overriding[rule.selector] = rule }
        let known = Set(pool.methods.map(\.fullName))
        for selector in overriding.keys.sorted() where !known.contains(selector) {
            let hint = Suggestion.text(for: selector, among: Array(known))
            problems.append("the descriptor set has no method '\(selector)'\(hint)")
        }
        for (place, method) in pool.methods.enumerated() where services.isEmpty || services.contains(method.service) {
            if let rule = overriding[method.fullName] ?? method.rule {
                for one in [rule] + rule.additionalBindings { add(one, of: place) }
            } else if autoMapping {
                add(HTTPRule(method: "POST", path: method.path, body: "*"), of: place)
            }
        }
        if bindings.isEmpty, problems.isEmpty {
            problems.append(
                "no method of the chosen services has a google.api.http rule; with auto_mapping each can be called "
                    + "as POST /package.Service/Method"
            )
        }
    }

    /// What is wrong with one binding of a method, which is a place in the pool.
    static func problems(of rule: HTTPRule, method: Int, in pool: DescriptorPool) -> [String] {
        guard pool.methods.indices.contains(method) else { return [] }
        var compiler = BindingCompiler(pool: pool)
        compiler.add(rule, of: method)
        return compiler.problems
    }

    private mutating func add(_ rule: HTTPRule, of place: Int) {
        let method = pool.methods[place]
        var faults: [String] = []
        if rule.method.isEmpty || rule.path.isEmpty { faults.append("it has no method or no path") }
        let template: BindingTemplate
        do {
            template = try BindingTemplate(rule.path)
        } catch {
            problems.append("\(describe(rule, method)): the path is malformed: \(error.reason)")
            return
        }
        let body = body(rule, method.input, &faults)
        let variables = variables(template, method.input, body, &faults)
        let responseBody = responseBody(rule, method.output, &faults)
        problems += faults.map { "\(describe(rule, method)): \($0)" }
        guard faults.isEmpty else { return }
        bindings.append(
            Binding(
                method: place,
                httpMethod: rule.method,
                path: template,
                variables: variables,
                body: body,
                responseBody: responseBody
            )
        )
    }

    /// `GET /v1/{name=shelves/*} of library.v1.Library.GetShelf`.
    private func describe(_ rule: HTTPRule, _ method: MethodEntry) -> String {
        "\(rule.method) \(rule.path) of \(method.fullName)"
    }

    private func body(_ rule: HTTPRule, _ input: Int, _ faults: inout [String]) -> Binding.Body {
        if rule.body.isEmpty { return .none }
        if rule.body == "*" { return .message }
        if let place = pool.field(named: rule.body, of: input) { return .field(place) }
        faults.append("body: " + missing(rule.body, input))
        return .none
    }

    private func responseBody(_ rule: HTTPRule, _ output: Int, _ faults: inout [String]) -> Int? {
        if rule.responseBody.isEmpty { return nil }
        if let place = pool.field(named: rule.responseBody, of: output) { return place }
        faults.append("response_body: " + missing(rule.responseBody, output))
        return nil
    }

    private func variables(
        _ template: BindingTemplate,
        _ input: Int,
        _ body: Binding.Body,
        _ faults: inout [String]
    ) -> [Binding.Variable] {
        var variables: [Binding.Variable] = []
        for variable in template.variables {
            do {
                let fields = try fields(variable, input, body)
                let isMulti = template.isMulti(variable)
                variables.append(Binding.Variable(fields: fields, isMulti: isMulti, segments: variable.segments))
            } catch {
                faults.append("variable '\(variable.fields.joined(separator: "."))': \(error.reason)")
            }
        }
        if variables.count > MessageAssembler.checkedBindings { faults.append("it has too many variables") }
        return variables
    }

    private func missing(_ name: String, _ type: Int) -> String {
        let hint = Suggestion.text(for: name, among: pool.fieldNames(of: type))
        return "\(pool.name(ofMessage: type)) has no field '\(name)'\(hint)"
    }

    /// The fields that a variable's path of names leads through.
    private func fields(
        _ variable: BindingTemplate.Variable,
        _ input: Int,
        _ body: Binding.Body
    ) throws(TemplateFault) -> [Int] {
        var type = input
        var fields: [Int] = []
        for name in variable.fields {
            if let outer = fields.last, !pool.fields[outer].kind.isMessage {
                throw TemplateFault(reason: "'\(pool.protoName(ofField: outer))' is no message")
            }
            guard let place = pool.field(named: name, of: type) else {
                throw TemplateFault(reason: missing(name, type))
            }
            guard pool.fields[place].shape == .singular else {
                throw TemplateFault(reason: "'\(name)' is repeated, and a path sets one value only")
            }
            fields.append(place)
            type = Int(pool.fields[place].type)
        }
        guard let last = fields.last, pool.isTextual(pool.fields[last]) else {
            throw TemplateFault(reason: "it is a message, and a path sets scalars only")
        }
        if body == .field(last), fields.count == 1 {
            throw TemplateFault(reason: "it is the field that the body sets")
        }
        return fields
    }
}

extension DescriptorPool {
    /// Whether the values of a field have a text form, as a URL needs it: scalars, enums, and the messages that are
    /// a string or a scalar in JSON.
    func isTextual(_ field: FieldEntry) -> Bool {
        guard field.kind.isMessage else { return true }
        switch messages[Int(field.type)].wellKnown {
        case .timestamp, .duration, .fieldMask, .wrapper: return true
        case .none, .any, .structure, .value, .listValue, .httpBody: return false
        }
    }
}
