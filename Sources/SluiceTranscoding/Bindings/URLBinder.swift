import SluiceCore

/// Writes what the path and the query of a request say into its message.
struct URLBinder {
    let pool: DescriptorPool
    let options: TranscodingOptions
    let binding: Binding

    private var decoded: [UInt8] = []
    private var name: [UInt8] = []
    /// Fields set so far that may be set once only: each as the path that leads to it.
    private var singular: [[Int]] = []

    init(pool: DescriptorPool, options: TranscodingOptions, binding: Binding) {
        self.pool = pool
        self.options = options
        self.binding = binding
        if case .field(let place) = binding.body { singular.append([place]) }
    }

    // MARK: - Path

    /// Binds the variables of the path, whose places are in the order of the binding's.
    mutating func bind(
        _ values: [ByteRange],
        of path: UnsafeRawBufferPointer,
        to assembler: inout MessageAssembler
    ) throws(TranscodingError) {
        for (variable, range) in zip(binding.variables, values) {
            decoded.removeAll(keepingCapacity: true)
            let text = UnsafeRawBufferPointer(rebasing: path[Int(range.start)..<range.end])
            let decoding = options.segmentDecoding
            let isFine = PercentCoding.decode(text, into: &decoded) {
                variable.isMulti && PercentCoding.keeps($0, decoding)
            }
            guard isFine else { throw Self.badEscape("the path") }
            let isChecked = binding.body != .none
            try decoded.withRawBytes { (value) throws(TranscodingError) in
                try assembler.bind(variable.fields, to: value, isChecked: isChecked)
            }
            singular.append(variable.fields)
        }
    }

    private static func badEscape(_ place: String) -> TranscodingError {
        TranscodingError(.syntax, "'%' in \(place) needs two hexadecimal digits behind it")
    }

    // MARK: - Query

    /// Binds the parameters of the query.
    mutating func bind(
        query: UnsafeRawBufferPointer,
        to assembler: inout MessageAssembler
    ) throws(TranscodingError) {
        var count = 0
        var start = 0
        while start < query.count {
            let end = query[start...].firstIndex(of: UInt8(ascii: "&")) ?? query.count
            if end > start {
                count += 1
                guard count <= options.limits.queryParameters else {
                    throw TranscodingError(
                        .tooLarge,
                        "there are more than \(options.limits.queryParameters) query parameters"
                    )
                }
                try parameter(UnsafeRawBufferPointer(rebasing: query[start..<end]), &assembler)
            }
            start = end + 1
        }
    }

    private mutating func parameter(
        _ text: UnsafeRawBufferPointer,
        _ assembler: inout MessageAssembler
    ) throws(TranscodingError) {
        let equals = text.firstIndex(of: UInt8(ascii: "=")) ?? text.count
        name.removeAll(keepingCapacity: true)
        decoded.removeAll(keepingCapacity: true)
        let plus = options.plusIsSpace
        let rawName = UnsafeRawBufferPointer(rebasing: text[..<equals])
        let rawValue = UnsafeRawBufferPointer(rebasing: text[min(text.count, equals + 1)...])
        guard PercentCoding.decode(rawName, plusIsSpace: plus, into: &name),
            PercentCoding.decode(rawValue, plusIsSpace: plus, into: &decoded)
        else { throw Self.badEscape("the query") }
        if options.ignoredQuery.contains(where: { $0.utf8.elementsEqual(name) }) { return }
        guard let fields = try fields() else { return }
        try once(fields)
        try decoded.withRawBytes { (value) throws(TranscodingError) in
            try assembler.bind(fields, to: value, isChecked: false)
        }
    }

    private var shown: String { name.withUnsafeBytes { TranscodingError.excerpt($0) } }

    /// The fields that the name leads through; nil when the parameter is to be ignored.
    private func fields() throws(TranscodingError) -> [Int]? {
        if binding.body == .message {
            return try unknown("the body stands for all fields that the path does not set")
        }
        var type = pool.methods[binding.method].input
        var fields: [Int] = []
        let parts = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count <= options.limits.depth else { return try unknown("it is nested too deeply") }
        for (at, part) in parts.enumerated() {
            guard let place = part.withUnsafeBytes({ pool.field(named: $0, of: type) }) else {
                let text = part.withUnsafeBytes { TranscodingError.excerpt($0) }
                let hint = Suggestion.text(for: text, among: pool.fieldNames(of: type))
                return try unknown("\(pool.name(ofMessage: type)) has no field '\(text)'\(hint)")
            }
            fields.append(place)
            let field = pool.fields[place]
            if at == 0, binding.body == .field(place) { return try unknown("the body stands for this field") }
            if at == parts.count - 1 { return try textual(field, fields) }
            guard field.kind.isMessage, field.shape == .singular else {
                return try unknown("'\(pool.jsonName(ofField: place))' has no fields that a query could set")
            }
            type = Int(field.type)
        }
        return nil
    }

    private func textual(_ field: FieldEntry, _ fields: [Int]) throws(TranscodingError) -> [Int]? {
        let isScalar = pool.isTextual(field) && field.shape != .map
        // Repeated messages are none of the query's business, also where one of them could be.
        if isScalar, field.shape == .singular || !field.kind.isMessage { return fields }
        return try unknown("it is a message, and a query sets scalars only")
    }

    private func unknown(_ reason: String) throws(TranscodingError) -> [Int]? {
        if options.unknownQuery == .ignore { return nil }
        throw TranscodingError(.unknownField, "query parameter '\(shown)': \(reason)")
    }

    /// A field that holds one value is set once, and of a oneof one member.
    private mutating func once(_ fields: [Int]) throws(TranscodingError) {
        guard let last = fields.last, pool.fields[last].shape == .singular else { return }
        for other in singular {
            let shared = zip(fields, other).prefix { $0 == $1 }.count
            if shared == fields.count || shared == other.count {
                guard shared == fields.count, shared == other.count else { continue }
                guard options.duplicates == .refuse || isOfPath(other) else { continue }
                throw TranscodingError(.conflict, "query parameter '\(shown)': the field was given already")
            }
            let (mine, theirs) = (pool.fields[fields[shared]], pool.fields[other[shared]])
            if mine.oneof >= 0, mine.oneof == theirs.oneof {
                throw TranscodingError(
                    .conflict,
                    "query parameter '\(shown)': another field of the same oneof was given already"
                )
            }
        }
        singular.append(fields)
    }

    /// What the path says, the query must not say again, whatever the policy for names given twice.
    private func isOfPath(_ fields: [Int]) -> Bool { binding.variables.contains { $0.fields == fields } }
}
