/// What one scrape gathers: the sums of the shards, and what providers say.
///
/// Isolation: the scrape's thread.
package struct MetricSamples {
    /// One family with all its series.
    struct Group {
        let family: MetricFamily
        /// The place of each series' first number in `sums`.
        var places: [String: Int] = [:]
        var labels: [String] = []
        /// For each series as many as it has cells.
        var sums: [Int] = []
        /// Series of providers: labels and value, written already.
        var lines: [UInt8] = []

        init(_ family: MetricFamily) { self.family = family }

        var width: Int { family.kind == .histogram ? Histogram.cellCount : 1 }
    }

    private(set) var groups: [String: Group] = [:]

    init() {}

    /// Adds a value of a counter or gauge. One series is given once; missing label values are empty.
    package mutating func add(_ family: MetricFamily, _ labelValues: [String] = [], _ value: Int) {
        add(family, labelValues, text: "\(value)")
    }

    /// As `add`, for a value that is no whole number.
    package mutating func add(_ family: MetricFamily, _ labelValues: [String] = [], _ value: Double) {
        add(family, labelValues, text: MetricText.number(value))
    }

    private mutating func add(_ family: MetricFamily, _ labelValues: [String], text: String) {
        var values = labelValues
        while values.count < family.labels.count { values.append("") }
        let labels = MetricText.labels(family.labels, values)
        groups[family.name, default: Group(family)].addLine(labels, text)
    }

    mutating func add(_ family: MetricFamily, _ series: MetricSeries) {
        groups[family.name, default: Group(family)].add(series)
    }
}

extension MetricSamples.Group {
    mutating func add(_ series: MetricSeries) {
        let width = width
        guard series.count == width else { return }
        let place: Int
        if let known = places[series.labels] {
            place = known
        } else {
            place = sums.count
            places[series.labels] = place
            labels.append(series.labels)
            sums.append(contentsOf: repeatElement(0, count: width))
        }
        sums.withUnsafeMutableBufferPointer { series.add(to: .init(rebasing: $0[place..<place + width])) }
    }

    /// A sample is a line of the name, which the writer puts in front, then this.
    mutating func addLine(_ labels: String, _ text: String) {
        MetricsWriter.write(family.name, labels, text, into: &lines)
    }
}
