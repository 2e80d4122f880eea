import SluiceFilters

/// The filters of a route in their order, and what they want of bodies; one per loop, shared by routes alike.
final class FilterChain {
    /// What the filters have to do besides their request hooks: an exchange keeps it, so that asking counts no reference.
    struct Work: OptionSet {
        let rawValue: UInt8
        static let requestBody = Work(rawValue: 1)
        static let responseBody = Work(rawValue: 2)
        static let attempts = Work(rawValue: 4)
        static let end = Work(rawValue: 8)
    }

    let filters: ContiguousArray<any Filter>
    /// Indexes of those that look at request bodies, in order; of those that look at response bodies, in reverse.
    let requestBodyFilters: [Int]
    let responseBodyFilters: [Int]
    /// Which of them look at the heads of responses.
    let wantsResponse: ContiguousArray<Bool>
    /// Indexes of those that want to know the end, in reverse.
    let endFilters: [Int]
    /// Indexes of those that follow each try, in order.
    let attemptFilters: [Int]
    /// Whether one of them answers CORS preflights.
    let answersPreflights: Bool
    /// Slots that the exchange must have.
    let slotCount: Int

    init(_ filters: ContiguousArray<any Filter>, slotCount: Int, answersPreflights: Bool = false) {
        self.filters = filters
        self.slotCount = slotCount
        self.requestBodyFilters = filters.indices.filter { filters[$0].requestBody != .none }
        self.responseBodyFilters = filters.indices.filter { filters[$0].responseBody != .none }.reversed()
        self.wantsResponse = ContiguousArray(filters.map { $0.wantsResponse })
        self.attemptFilters = filters.indices.filter { filters[$0].wantsAttempts }
        self.endFilters = filters.indices.filter { filters[$0].wantsEnd }.reversed()
        self.answersPreflights = answersPreflights
        self.wholeRequestLimit = filters.compactMap { filter -> Int? in
            if case .whole(let limit) = filter.requestBody { limit } else { nil }
        }.min()
        var work = Work()
        if !requestBodyFilters.isEmpty { work.insert(.requestBody) }
        if !responseBodyFilters.isEmpty { work.insert(.responseBody) }
        if !attemptFilters.isEmpty { work.insert(.attempts) }
        if !endFilters.isEmpty { work.insert(.end) }
        self.work = work
    }

    let work: Work
    var hasRequestBodyFilters: Bool { work.contains(.requestBody) }
    var hasResponseBodyFilters: Bool { work.contains(.responseBody) }

    /// The smallest limit of those that want the whole request body before anything is sent; nil: nobody does.
    let wholeRequestLimit: Int?
}
