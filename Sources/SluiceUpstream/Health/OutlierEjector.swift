package import NIOCore
package import SluiceConfig

/// Decides which failing endpoints of one upstream are left out, and for how long.
///
/// Rules (Envoy's):
/// - An ejection lasts `baseEjection` times how often the endpoint was ejected lately, at most `maxEjection` (or
///   `baseEjection` where that is longer).
/// - Never more than `maxEjectionShare` of the endpoints are out at once, but one may always be.
/// - After each `interval` that an endpoint spent in service its count goes down by one.
///
/// A value without I/O on the control side: loops report what `OutlierCounters` tell them, and learn the result with
/// the next list of endpoints.
package struct OutlierEjector: Sendable {
    private struct Record {
        /// Ejections that still count for the length of the next one.
        var multiplier = 0
        /// nil: in service.
        var until: NIODeadline?
        /// Intervals in service count from here.
        var inServiceSince: NIODeadline
    }

    private var model: OutlierModel
    private let interval: TimeAmount
    private var records: [Int: Record] = [:]

    /// After each `interval` in service one past ejection is forgotten.
    package init(_ model: OutlierModel, interval: TimeAmount = .seconds(10)) {
        self.model = model
        self.interval = interval.nanoseconds > 0 ? interval : .nanoseconds(1)
    }

    /// Other rules for the ejections to come.
    package mutating func configure(_ model: OutlierModel) { self.model = model }

    /// The ids of the endpoints that are out now.
    package var ejected: Set<Int> { Set(records.lazy.filter { $0.value.until != nil }.map(\.key)) }

    package func isEjected(_ id: Int) -> Bool { records[id]?.until != nil }

    /// When `advance` has something to do next; nil: not before the next `report`.
    package var nextDeadline: NIODeadline? { records.values.compactMap(\.until).min() }

    /// Takes over the list of known endpoints; what was known of the others is forgotten.
    package mutating func setEndpoints(_ ids: some Sequence<Int>, at now: NIODeadline) {
        var kept: [Int: Record] = [:]
        for id in ids { kept[id] = records[id] ?? Record(inServiceSince: now) }
        records = kept
    }

    /// An endpoint has failed too often.
    ///
    /// - Returns: whether it is out from now on; false too when it was already, is not known, or too many are.
    package mutating func report(_ id: Int, at now: NIODeadline) -> Bool {
        guard var record = records[id], record.until == nil else { return false }
        guard hasRoom else { return false }
        forgive(&record, at: now)
        record.multiplier += 1
        record.until = now + duration(record.multiplier)
        records[id] = record
        return true
    }

    /// Ends the ejections whose time has come.
    ///
    /// - Returns: the ids of the endpoints that are back, ascending.
    package mutating func advance(to now: NIODeadline) -> [Int] {
        let due = records.filter { $0.value.until.map { $0 <= now } ?? false }.keys.sorted()
        for id in due { restore(id, at: now) }
        return due
    }

    /// Ends an ejection early: an active health check has passed.
    ///
    /// - Returns: whether it was out.
    @discardableResult
    package mutating func restore(_ id: Int, at now: NIODeadline) -> Bool {
        guard records[id]?.until != nil else { return false }
        records[id]?.until = nil
        records[id]?.inServiceSince = now
        return true
    }

    /// Whether one more may be out.
    private var hasRoom: Bool {
        let out = records.values.count { $0.until != nil }
        // A share like 0.29 of 100 is a hair under 29 in binary.
        return out == 0 || Double(out + 1) <= model.maxEjectionShare * Double(records.count) + 1e-9
    }

    /// Lowers the multiplier by the whole intervals in service.
    private func forgive(_ record: inout Record, at now: NIODeadline) {
        guard now > record.inServiceSince else { return }
        let intervals = (now - record.inServiceSince).nanoseconds / interval.nanoseconds
        record.multiplier -= min(record.multiplier, Int(clamping: intervals))
        record.inServiceSince = now
    }

    private func duration(_ multiplier: Int) -> TimeAmount {
        let longest = max(model.maxEjection, model.baseEjection)
        let (time, isTooLong) = model.baseEjection.nanoseconds.multipliedReportingOverflow(by: Int64(multiplier))
        return isTooLong ? longest : min(.nanoseconds(time), longest)
    }
}
