import SluiceCore

/// The places of one loop for exchanges whose filter waits: each holds a connection and its buffers, so they are bounded.
///
/// A caller may take a place as long as it has fewer than there are free ones (dynamic thresholds; Choudhury, Hahne
/// 1998). So one alone gets half of them, two a third each, and however many there are that take what they can get, as
/// many places as any of them has stay free for those who do not. Isolation: one loop. Memory: an entry for each caller
/// that has a place.
struct WaitingPlaces {
    private let limit: Int
    private(set) var taken = 0
    private var byCaller: [UInt64: Int] = [:]

    init(limit: Int) { self.limit = limit }

    /// Takes a place.
    ///
    /// - Returns: why there is none for this caller; nil: it has one, which `leave` gives back.
    mutating func take(_ caller: UInt64) -> GatewayError? {
        guard taken < limit else { return .tooManyWaiting }
        let own = byCaller[caller, default: 0]
        guard own < limit - taken else { return .tenantShareExceeded }
        byCaller[caller] = own + 1
        taken += 1
        return nil
    }

    mutating func leave(_ caller: UInt64) {
        guard let own = byCaller[caller] else { return }
        byCaller[caller] = own > 1 ? own - 1 : nil
        taken -= 1
    }
}
