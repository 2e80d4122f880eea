import NIOCore
import SluiceCore
import SluiceHTTP

/// The fields of a policy that are the same for everybody, with their lines ready.
struct CORSLines {
    let star = FieldLine(name: "Access-Control-Allow-Origin".utf8, value: "*".utf8)
    let privateNetwork = FieldLine(name: "Access-Control-Allow-Private-Network".utf8, value: "true".utf8)
    /// Only with credentials.
    let credentials: FieldLine?
    let exposed: FieldLine?
    /// nil: the one that is asked for.
    let methods: FieldLine?
    /// nil: those that are asked for.
    let headers: FieldLine?
    let allowsNoHeaders: Bool
    let maxAge: FieldLine?
    /// What the answer to a preflight depends on.
    let preflightVary: FieldLine

    init(_ configuration: CORSConfiguration, isSameForAll: Bool) {
        func line(_ name: String, _ values: [String]?) -> FieldLine? {
            guard let values, !values.isEmpty else { return nil }
            return FieldLine(name: "Access-Control-\(name)".utf8, value: values.joined(separator: ", ").utf8)
        }
        credentials = configuration.credentials ? line("Allow-Credentials", ["true"]) : nil
        exposed = line("Expose-Headers", configuration.exposed)
        methods = line("Allow-Methods", configuration.methods)
        headers = line("Allow-Headers", configuration.headers)
        allowsNoHeaders = configuration.headers?.isEmpty == true
        maxAge = configuration.maxAge.flatMap { line("Max-Age", [String($0.nanoseconds / 1_000_000_000)]) }
        var asked = ["Access-Control-Request-Method", "Access-Control-Request-Headers"]
        if !isSameForAll { asked.insert("Origin", at: 0) }
        if configuration.privateNetwork { asked.append("Access-Control-Request-Private-Network") }
        preflightVary = FieldLine(name: "Vary".utf8, value: asked.joined(separator: ", ").utf8)
    }
}

extension HeaderTable {
    /// Which of the CORS fields of a response go.
    enum CORSFields {
        case all
        /// What a preflight asked is left to the upstream.
        case origins
    }

    /// Takes out what an upstream says about CORS, in one pass.
    mutating func removeCORS(_ which: CORSFields) {
        guard present & FieldName.other.bit != 0 else { return }
        for index in entries.indices {
            let entry = entries[index]
            guard entry.name == .other, entry.nameCount >= 22, !entry.isRemoved else { continue }
            if isCORS(entry, which) { removeEntry(at: index) }
        }
    }

    private func isCORS(_ entry: Entry, _ which: CORSFields) -> Bool {
        withBytes(entry.nameRange) { name in
            guard ASCII.equalsFolded(UnsafeRawBufferPointer(rebasing: name.prefix(15)), "access-control-") else {
                return false
            }
            if case .all = which { return true }
            return ASCII.equalsFolded(name, "access-control-allow-origin")
                || ASCII.equalsFolded(name, "access-control-allow-credentials")
                || ASCII.equalsFolded(name, "access-control-expose-headers")
        }
    }

    /// Says that the response depends on the origin (RFC 9110, section 12.5.5): caches must keep them apart.
    ///
    /// Once: where it is said already, or `*` says more, nothing changes; otherwise it joins the line that is there.
    mutating func addVaryOrigin() {
        var first: Int?
        var from = 0
        while let index = find(.vary, from: from) {
            if withBytes(entries[index].valueRange, Self.namesOrigin) { return }
            if first == nil { first = index }
            from = index + 1
        }
        guard let first else { return append(Self.varyOrigin) }
        let old = withBytes(entries[first].valueRange) { Array($0) }
        removeEntry(at: first)
        if old.isEmpty {
            append(Self.varyOrigin)
        } else {
            append(name: "Vary".utf8, value: old + Array(", Origin".utf8))
        }
    }

    private static func namesOrigin(_ value: UnsafeRawBufferPointer) -> Bool {
        var found = false
        FieldList.forEach(value) { item in
            if ASCII.equalsFolded(item, "origin") || ASCII.equalsFolded(item, "*") { found = true }
        }
        return found
    }

    private static let varyOrigin = FieldLine(name: "Vary".utf8, value: "Origin".utf8)
}
