import NIOCore
import SluiceConfig
import SluiceCore

/// A model as JSON, by its members, so that one that is new to the model is shown too.
///
/// Of filters only name and place are shown: what their settings hold may be secret. So may the values that headers
/// with telling names are compared with or set to, all that exporters send, and the queries of URLs. Slow, as
/// reflection is.
enum ModelJSON {
    private static let hidden = "***"

    /// Writes the members of a struct into the object that is open.
    static func write(members value: Any, to json: inout JSONWriter) {
        for child in Mirror(reflecting: value).children {
            guard let label = child.label else { continue }
            write(name(label), child.value, to: &json)
        }
    }

    private static func write(_ key: String?, _ value: Any, to json: inout JSONWriter) {
        if write(leaf: value, key, to: &json) { return }
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional:
            // What is not there has no member.
            if let child = mirror.children.first { write(key, child.value, to: &json) }
        case .collection, .set:
            json.array(key: key) { json in for child in mirror.children { write(nil, child.value, to: &json) } }
        case .enum:
            guard let child = mirror.children.first else { return json.string(key: key, "\(value)") }
            json.object(key: key) { write(child.label ?? "value", child.value, to: &$0) }
        case .struct, .tuple:
            json.object(key: key) { json in
                for (i, child) in mirror.children.enumerated() {
                    let label = child.label.flatMap { $0.hasPrefix(".") ? nil : $0 }
                    write(label.map(name) ?? "value_\(i)", child.value, to: &json)
                }
            }
        default: json.string(key: key, hidden)
        }
    }

    private static func write(leaf value: Any, _ key: String?, to json: inout JSONWriter) -> Bool {
        switch value {
        case let filter as FilterModel:
            json.object(key: key) { json in
                json.field("name", filter.name)
                json.field("place", filter.place.description)
            }
        case let match as FieldMatch where Discretion.isSecret(match.name):
            json.object(key: key) { json in
                json.field("name", match.name)
                json.field("value", hidden)
            }
        case let header as HeaderValueModel where Discretion.isSecret(header.name):
            json.object(key: key) { json in
                json.field("name", header.name)
                json.field("value", hidden)
            }
        case let tracing as TracingModel:
            json.object(key: key) { json in
                for child in Mirror(reflecting: tracing).children where child.label != "headers" {
                    if let label = child.label { write(name(label), child.value, to: &json) }
                }
                json.strings("headers", tracing.headers.map(\.name))
            }
        case let url as FetchURL: json.string(key: key, shown(url))
        case let place as SourcePlace: json.string(key: key, place.description)
        case let amount as TimeAmount: json.string(key: key, Units.showDuration(amount))
        case let network as CIDR: json.string(key: key, Wording.network(network))
        case let address as IPAddress: json.string(key: key, address.description)
        case let address as EndpointAddress: json.string(key: key, Wording.address(address))
        case let address as ListenAddress: json.string(key: key, address.text)
        case let range as ClosedRange<Int>: json.string(key: key, "\(range.lowerBound)-\(range.upperBound)")
        case let text as String: json.string(key: key, Discretion.withoutCredentials(text))
        case let material as TLSMaterial: json.string(key: key, material.path ?? hidden)
        case let flag as Bool: json.raw(key: key, flag ? "true" : "false")
        case let number as any BinaryInteger: json.raw(key: key, "\(number)")
        case let number as Double: json.raw(key: key, number.isFinite ? "\(number)" : "null")
        case is SHA256Digest: json.string(key: key, hidden)
        default: return false
        }
        return true
    }

    private static func shown(_ url: FetchURL) -> String {
        let path = url.text.prefix { $0 != "?" }
        return path.count < url.text.count ? "\(path)?\(hidden)" : url.text
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

extension JSONWriter {
    fileprivate mutating func object(key: String?, _ body: (inout JSONWriter) -> Void) {
        if let key { object(key, body) } else { object(body) }
    }

    fileprivate mutating func array(key: String?, _ body: (inout JSONWriter) -> Void) {
        if let key { array(key, body) } else { array(body) }
    }

    fileprivate mutating func string(key: String?, _ value: String) {
        if let key { field(key, value) } else { string(value) }
    }

    fileprivate mutating func raw(key: String?, _ text: String) {
        if let key { raw(key, text) } else { raw(text) }
    }
}
