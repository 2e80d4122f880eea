import NIOCore

/// The two text formats that scrapers ask for.
package enum MetricFormat: Sendable {
    /// The Prometheus text format 0.0.4.
    case prometheus
    /// OpenMetrics 1.0.0.
    case openMetrics

    /// What an `Accept` field asks for: OpenMetrics where it is named in a version we write, else the format that
    /// everything understands.
    package init(accept: String) {
        self = .prometheus
        var best = 0.0
        for range in accept.lowercased().split(separator: ",") {
            let parts = range.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            let version = parts.dropFirst().first { $0.hasPrefix("version=") }.map { $0.dropFirst(8) }
            switch parts.first ?? "" {
            case "application/openmetrics-text" where (version ?? "1.0.0") == "1.0.0" && quality > best:
                self = .openMetrics
            case "text/plain" where quality > best: self = .prometheus
            default: continue
            }
            best = quality
        }
    }

    package var contentType: String {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }
}

/// Names, values and numbers as both formats write them.
enum MetricText {
    /// Longer label values are cut, so that one name cannot fill a scrape.
    static let valueLimit = 256

    static func bounded(_ value: String) -> String {
        guard value.utf8.count > valueLimit else { return value }
        var end = value.utf8.index(value.utf8.startIndex, offsetBy: valueLimit - 3)
        // Not in the middle of a character.
        while end > value.startIndex, value.utf8[end] & 0xC0 == 0x80 { end = value.utf8.index(before: end) }
        return String(value[..<end]) + "..."
    }

    /// `name="value",...` with the three bytes escaped that both formats escape.
    static func labels(_ names: [String], _ values: [String]) -> String {
        var out: [UInt8] = []
        for (name, value) in zip(names, values) {
            if !out.isEmpty { out.append(UInt8(ascii: ",")) }
            out += name.utf8
            out += "=\"".utf8
            escape(value, quotes: true, into: &out)
            out.append(UInt8(ascii: "\""))
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Escapes a label value, or with `quotes` false a help text of the Prometheus format.
    static func escape(_ text: String, quotes: Bool, into out: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): out += "\\\\".utf8
            case UInt8(ascii: "\n"): out += "\\n".utf8
            case UInt8(ascii: "\"") where quotes: out += "\\\"".utf8
            default: out.append(byte)
            }
        }
    }

    /// Nanoseconds as seconds, to the last digit.
    static func seconds(_ nanoseconds: Int) -> String {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        guard rest != 0 else { return "\(whole)" }
        var digits = String(rest.magnitude)
        digits = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while digits.utf8.last == UInt8(ascii: "0") { digits.removeLast() }
        return "\(nanoseconds < 0 && whole == 0 ? "-" : "")\(whole).\(digits)"
    }

    /// The shortest text that reads back as the same number.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int(exactly: value), whole.magnitude < 1 << 53 { return "\(whole)" }
        return "\(value)"
    }
}
