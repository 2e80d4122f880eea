package import NIOCore
internal import SluiceCore

extension ValueType where Value == String {
    /// Any text, also an empty one in quotes.
    package static var text: Self {
        scalar(.text("text")) { .success($0) }
            .shown { $0.isEmpty ? "\"\"" : $0 }
    }

    /// A text of at least one visible character, without control characters.
    package static var name: Self {
        text.checked { text in
            if text.isEmpty { return ValueProblem("must not be empty") }
            return text.unicodeScalars.contains(where: Printable.isControl)
                ? ValueProblem("must not hold control characters: {}") : nil
        }
    }

    /// A text that may hold run-time templates: `${path.id}`.
    package static var template: Self {
        ValueType(.text("template")) { node, scope in
            guard let text = scope.text(of: node, templates: true) else { return nil }
            guard text.utf8.contains(UInt8(ascii: "$")), case .failure(let error) = Template.parse(text) else {
                return text
            }
            scope.report(error, in: node, text: text)
            return nil
        }
    }

    /// A regular expression in RE2's syntax.
    package static var regex: Self {
        scalar(.text("regular expression (RE2)")) { text in
            do throws(RegularExpressionError) {
                _ = try RegularExpression(text)
                return .success(text)
            } catch {
                return .failure(
                    ValueProblem(.regex, "is not a regular expression", detail: error.message, help: error.help)
                )
            }
        }
    }
}

extension Scope {
    /// Points at the variable itself where the text stands in the file as it is.
    fileprivate func report(_ error: TemplateError, in node: ConfigNode, text: String) {
        var span = node.span
        if node.isPlain, node.text == text {
            let characters = String(decoding: text.utf8.prefix(error.offset), as: UTF8.self).unicodeScalars.count
            span.column += UInt32(clamping: characters)
            span.length -= min(span.length - 1, UInt32(clamping: characters))
        }
        let message = "\(subject) is not a valid template: \(error.message)"
        let name: String? = if case .unknownVariable(let name) = error.kind { name } else { nil }
        let near = name.flatMap { Spelling.nearest(to: $0, in: error.candidates) }
        context.report(.template, at: span, message, help: near.map { "did you mean '${\($0)}'?" })
    }
}

extension ValueType where Value == Bool {
    /// `true` or `false`; `yes`, `on` and their like are texts and refused.
    package static var flag: Self {
        scalar(.boolean) { text in
            switch text {
            case "true": .success(true)
            case "false": .success(false)
            default: .failure(ValueProblem("must be true or false, not {}"))
            }
        }
        .shown { $0 ? "true" : "false" }
    }
}

extension ValueType where Value == Int {
    /// A whole number.
    package static func integer(_ range: ClosedRange<Int> = 0...Int.max) -> Self {
        scalar(.integer(range)) { text in
            guard let value = Int(text), text.utf8.first != UInt8(ascii: "+") else {
                return .failure(ValueProblem("must be a whole number, not {}"))
            }
            guard range.contains(value) else { return .failure(outside(range, show: { "\($0)" })) }
            return .success(value)
        }
        .shown { "\($0)" }
    }

    /// Bytes: `64KiB`.
    package static func size(_ range: ClosedRange<Int> = 0...Int.max) -> Self {
        scalar(.size) { text in
            Units.size(text).flatMap {
                range.contains($0) ? .success($0) : .failure(outside(range, show: Units.showSize))
            }
        }
        .shown(by: Units.showSize)
    }

    /// A status code of a response.
    package static func status(_ range: ClosedRange<Int> = 100...599) -> Self { integer(range) }

    package static var port: Self { integer(1...65535) }

    private static func outside(_ range: ClosedRange<Int>, show: (Int) -> String) -> ValueProblem {
        let bounds =
            range.upperBound == Int.max
            ? "at least \(show(range.lowerBound))" : "from \(show(range.lowerBound)) to \(show(range.upperBound))"
        return ValueProblem(.outOfRange, "must be \(bounds), not {}")
    }
}

extension ValueType where Value == TimeAmount {
    /// `250ms`, `5s`. Zero only where it means something and `least` says so.
    package static func duration(atLeast least: TimeAmount = .milliseconds(1)) -> Self {
        scalar(.duration) { text in
            Units.duration(text).flatMap { amount in
                if amount >= least { return .success(amount) }
                return .failure(ValueProblem(.outOfRange, "must be at least \(Units.showDuration(least)), not {}"))
            }
        }
        .shown(by: Units.showDuration)
    }

    package static var duration: Self { duration() }
}

extension ValueType where Value == Double {
    /// `20%` as 0.2.
    package static func percent(_ range: ClosedRange<Double> = 0...1) -> Self {
        scalar(.percent) { text in
            Units.percent(text).flatMap { share in
                if range.contains(share) { return .success(share) }
                let bounds = "\(Units.showPercent(range.lowerBound)) to \(Units.showPercent(range.upperBound))"
                return .failure(ValueProblem(.outOfRange, "must be from \(bounds), not {}"))
            }
        }
        .shown(by: Units.showPercent)
    }

    package static var percent: Self { percent() }
}

extension ValueType where Value: CaseIterable & RawRepresentable<String> {
    /// One of the words of an enumeration.
    package static func choice(of _: Value.Type = Value.self) -> Self {
        let names = Value.allCases.map(\.rawValue)
        return scalar(.choice(names)) { text in
            if let value = Value(rawValue: text) { return .success(value) }
            let help = Spelling.nearest(to: text, in: names).map { "did you mean '\($0)'?" } ?? Spelling.choices(names)
            return .failure(ValueProblem("cannot be {}", help: help))
        }
        .shown(by: \.rawValue)
    }
}
