/// Writes indented JSON: members in the order in which they are given.
package struct JSONWriter {
    package private(set) var text = ""
    private var depth = 0
    private var isFirst = true

    package init() {}

    // MARK: Items of a list, or the whole

    package mutating func object(_ body: (inout JSONWriter) -> Void) { nest("{", "}", body) }

    package mutating func array(_ body: (inout JSONWriter) -> Void) { nest("[", "]", body) }

    package mutating func string(_ value: String) {
        separate()
        quote(value)
    }

    /// JSON that is written already.
    package mutating func raw(_ json: String) {
        separate()
        text += json
    }

    // MARK: Members of an object

    package mutating func field(_ name: String, _ value: String) {
        key(name)
        quote(value)
    }

    package mutating func field(_ name: String, _ value: Int) {
        key(name)
        text += String(value)
    }

    package mutating func field(_ name: String, _ value: Bool) {
        key(name)
        text += value ? "true" : "false"
    }

    /// A member whose value is JSON already.
    package mutating func raw(_ name: String, _ json: String) {
        key(name)
        text += json
    }

    package mutating func object(_ name: String, _ body: (inout JSONWriter) -> Void) {
        key(name)
        open("{", "}", body)
    }

    package mutating func array(_ name: String, _ body: (inout JSONWriter) -> Void) {
        key(name)
        open("[", "]", body)
    }

    package mutating func strings(_ name: String, _ values: [String]) {
        array(name) { for value in values { $0.string(value) } }
    }

    // MARK: Inside

    private mutating func nest(_ start: String, _ end: String, _ body: (inout JSONWriter) -> Void) {
        separate()
        open(start, end, body)
    }

    private mutating func open(_ start: String, _ end: String, _ body: (inout JSONWriter) -> Void) {
        text += start
        depth += 1
        isFirst = true
        body(&self)
        depth -= 1
        if !isFirst { newLine() }
        isFirst = false
        text += end
    }

    private mutating func key(_ name: String) {
        separate()
        quote(name)
        text += ": "
    }

    private mutating func separate() {
        if !isFirst { text += "," }
        if depth > 0 { newLine() }
        isFirst = false
    }

    private mutating func newLine() {
        text += "\n" + String(repeating: "  ", count: depth)
    }

    private mutating func quote(_ value: String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case "\r": text += "\\r"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7F {
                    let hex = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
        text += "\""
    }
}
