/// Writes what a scrape gathered.
///
/// Sources: Prometheus, Exposition formats, text-based format; OpenMetrics 1.0.0, section "Text format".
struct MetricsWriter {
    let format: MetricFormat
    private(set) var out: [UInt8] = []

    init(_ format: MetricFormat) { self.format = format }

    /// Families in the order of their names.
    static func write(_ samples: MetricSamples, _ format: MetricFormat) -> [UInt8] {
        var writer = MetricsWriter(format)
        for group in samples.groups.values.sorted(by: { $0.family.name < $1.family.name }) { writer.write(group) }
        if case .openMetrics = format { writer.out += "# EOF\n".utf8 }
        return writer.out
    }

    private mutating func write(_ group: MetricSamples.Group) {
        writeHead(group.family)
        out += group.lines
        for (i, labels) in group.labels.enumerated() {
            let place = i * group.width
            if case .histogram = group.family.kind {
                writeHistogram(group.family.name, labels, group.sums[place..<place + group.width])
            } else {
                Self.write(group.family.name, labels, "\(group.sums[place])", into: &out)
            }
        }
    }

    private mutating func writeHead(_ family: MetricFamily) {
        var name = family.name
        // In OpenMetrics the family of `x_total` is `x`.
        if case .openMetrics = format, case .counter = family.kind, name.hasSuffix("_total") { name.removeLast(6) }
        let isOpen = if case .openMetrics = format { true } else { false }
        out += "# HELP \(name) ".utf8
        MetricText.escape(family.help, quotes: isOpen, into: &out)
        out += "\n# TYPE \(name) \(family.kind.rawValue)\n".utf8
    }

    private mutating func writeHistogram(_ name: String, _ labels: String, _ cells: ArraySlice<Int>) {
        let separator = labels.isEmpty ? "" : ","
        var count = 0
        for (bound, cell) in zip(Self.bounds, cells) {
            count &+= cell
            Self.write("\(name)_bucket", "\(labels)\(separator)le=\"\(bound)\"", "\(count)", into: &out)
        }
        count &+= cells.dropLast().last ?? 0
        Self.write("\(name)_bucket", "\(labels)\(separator)le=\"+Inf\"", "\(count)", into: &out)
        Self.write("\(name)_sum", labels, MetricText.seconds(cells.last ?? 0), into: &out)
        Self.write("\(name)_count", labels, "\(count)", into: &out)
    }

    private static let bounds = Histogram.bounds.map(MetricText.seconds).map { $0.contains(".") ? $0 : $0 + ".0" }

    static func write(_ name: String, _ labels: String, _ value: String, into out: inout [UInt8]) {
        out += name.utf8
        if !labels.isEmpty {
            out.append(UInt8(ascii: "{"))
            out += labels.utf8
            out.append(UInt8(ascii: "}"))
        }
        out.append(UInt8(ascii: " "))
        out += value.utf8
        out.append(UInt8(ascii: "\n"))
    }
}
