import NIOCore
import SluiceConfig
import SluiceCore

/// Compares parts of two models by their members, so that a member that is new to the model is compared too.
///
/// Places in files do not count. Slow, as reflection is: some microseconds for each member.
enum ModelDifference {
    /// What differs, as `limits.connections: 1024 -> 5`; empty when nothing does.
    ///
    /// - Parameters:
    ///   - old: a part of one model.
    ///   - new: the same part of the other one.
    ///   - leavingOut: members of these two, by their names in the model, that do not count.
    static func changes(_ old: Any, _ new: Any, leavingOut: Set<String> = []) -> [String] {
        var found: [String] = []
        compare(old, new, path: "", leavingOut, &found)
        return found
    }

    private static func compare(_ old: Any, _ new: Any, path: String, _ out: Set<String>, _ found: inout [String]) {
        let (before, after) = (Mirror(reflecting: old), Mirror(reflecting: new))
        let isStruct = before.displayStyle == .struct && after.displayStyle == .struct && leaf(old) == nil
        guard isStruct, before.children.count == after.children.count else {
            let (a, b) = (text(old), text(new))
            if a != b { found.append("\(path): \(Printable.short(a)) -> \(Printable.short(b))") }
            return
        }
        for (a, b) in zip(before.children, after.children) {
            guard let label = a.label, !out.contains(label), !(a.value is SourcePlace) else { continue }
            let name = Self.name(label)
            compare(a.value, b.value, path: path.isEmpty ? name : "\(path).\(name)", [], &found)
        }
    }

    /// A value in few words: everything that counts of it, in a form that is equal for equal values.
    static func text(_ value: Any) -> String {
        if let leaf = leaf(value) { return leaf }
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional: return mirror.children.first.map { text($0.value) } ?? "none"
        case .set: return "[\(mirror.children.map { text($0.value) }.sorted().joined(separator: ", "))]"
        case .dictionary: return "[\(mirror.children.map { members($0.value) }.sorted().joined(separator: ", "))]"
        case .collection: return "[\(mirror.children.map { text($0.value) }.joined(separator: ", "))]"
        case .enum:
            guard let child = mirror.children.first else { return "\(value)" }
            return "\(child.label ?? "")(\(members(child.value)))"
        case .struct, .tuple: return mirror.children.isEmpty ? "\(value)" : "(\(members(value)))"
        default: return "\(value)"
        }
    }

    private static func leaf(_ value: Any) -> String? {
        switch value {
        case let amount as TimeAmount: Units.showDuration(amount)
        case let network as CIDR: Wording.network(network)
        case let address as IPAddress: address.description
        case let address as EndpointAddress: Wording.address(address)
        case let address as ListenAddress: address.text
        case let text as String: text
        case let material as TLSMaterial: material.path ?? "***"
        case let condition as RetryModel.Condition: condition.rawValue
        // A range shows itself as children without a kind, which would be looked into for ever.
        case let range as ClosedRange<Int>: "\(range.lowerBound)-\(range.upperBound)"
        default: nil
        }
    }

    private static func members(_ value: Any) -> String {
        let mirror = Mirror(reflecting: value)
        guard leaf(value) == nil, mirror.displayStyle == .struct || mirror.displayStyle == .tuple else {
            return text(value)
        }
        return mirror.children.filter { !($0.value is SourcePlace) }.map { child in
            let label = child.label.map { $0.hasPrefix(".") ? "" : name($0) + ": " } ?? ""
            return label + text(child.value)
        }.joined(separator: ", ")
    }

    /// `responseHeadTimeout` as the files would write it: `response_head_timeout`.
    private static func name(_ label: String) -> String {
        var text = ""
        for character in label {
            if character.isUppercase { text += "_" }
            text += character.lowercased()
        }
        return text
    }
}
