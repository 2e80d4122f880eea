import CNIOBoringSSL

/// What the library leaves out of name constraints (RFC 5280, section 4.2.1.10): those about IP addresses.
///
/// Where an authority constrains addresses, and a certificate below has one, the library gives up; `ChainAttempt` lets
/// that pass, and here is what the library left out: the addresses themselves, and the names behind them.
enum NameConstraints {
    /// Tags of GeneralName.
    private enum Kind {
        static let email: UInt32 = 1
        static let dns: UInt32 = 2
        static let directory: UInt32 = 4
        static let uri: UInt32 = 6
        static let address: UInt32 = 7
        /// What the library can compare.
        static let known: Set<UInt32> = [email, dns, directory, uri]
    }

    /// One name of a certificate, or one that a constraint speaks of.
    private struct Name {
        let kind: UInt32
        let bytes: [UInt8]
    }

    private struct Constraints {
        var permitted: [Name] = []
        var excluded: [Name] = []

        func concern(_ kind: UInt32) -> Bool { (permitted + excluded).contains { $0.kind == kind } }
    }

    /// - Parameter chain: X509, from the leaf to what is trusted.
    static func check(_ chain: [OpaquePointer]) -> TLSFailure? {
        for (upper, authority) in chain.enumerated().dropFirst() {
            guard let bytes = value(of: NID_name_constraints, in: authority) else { continue }
            guard let constraints = constraints(bytes) else { return failure("the name constraints cannot be read") }
            for (lower, certificate) in chain[..<upper].enumerated() {
                let isSelfIssued = X509_get_extension_flags(certificate) & UInt32(EXFLAG_SI) != 0
                guard lower == 0 || !isSelfIssued else { continue }
                if let problem = problem(certificate, constraints) { return failure(problem) }
            }
        }
        return nil
    }

    private static func problem(_ certificate: OpaquePointer, _ constraints: Constraints) -> String? {
        guard let bytes = value(of: NID_subject_alt_name, in: certificate) else { return nil }
        guard let names = names(bytes) else { return "a subject alternative name cannot be read" }
        let concerned = names.filter { constraints.concern($0.kind) }
        // A name of no host is in no permitted part either.
        if concerned.contains(where: { $0.kind == Kind.dns && $0.bytes.first == DNSName.dot }) {
            return "a subject alternative name is none"
        }
        // Then the library has compared them all.
        guard concerned.contains(where: { !Kind.known.contains($0.kind) }) else { return nil }
        for name in concerned {
            switch name.kind {
            case Kind.address:
                if !isGood(name, constraints, isWithin: contains) { return "permitted subtree violation" }
            case Kind.dns: if !isGood(name, constraints, isWithin: covers) { return "permitted subtree violation" }
            default: return "names of this kind cannot be constrained beside addresses"
            }
        }
        return nil
    }

    /// - Parameter isWithin: Whether a name is one that a constraint speaks of; nil if the constraint makes no sense.
    private static func isGood(
        _ name: Name,
        _ constraints: Constraints,
        isWithin: (_ name: [UInt8], _ constraint: [UInt8]) -> Bool?
    ) -> Bool {
        func verdicts(_ list: [Name]) -> [Bool?] {
            list.filter { $0.kind == name.kind }.map { isWithin(name.bytes, $0.bytes) }
        }
        let permitted = verdicts(constraints.permitted)
        var excluded = verdicts(constraints.excluded)
        if name.kind == Kind.dns, name.bytes.first == DNSName.star {
            // A wildcard stands for what is excluded below it, too.
            let parent = Array(name.bytes.dropFirst(2))
            excluded += constraints.excluded.filter { $0.kind == Kind.dns }.map { covers($0.bytes, parent) }
        }
        guard !permitted.contains(nil), !excluded.contains(nil) else { return false }
        return !excluded.contains(true) && (permitted.isEmpty || permitted.contains(true))
    }

    /// An address, and another one with a mask behind it; the mask is some ones and then zeros.
    private static func contains(_ address: [UInt8], _ network: [UInt8]) -> Bool? {
        let size = network.count / 2
        guard network.count == 8 || network.count == 32 else { return nil }
        let mask = network[size...]
        let bits = mask.reduce(into: [Bool]()) { bits, byte in
            for shift in stride(from: 7, through: 0, by: -1) { bits.append(byte >> UInt8(shift) & 1 == 1) }
        }
        guard !zip(bits, bits.dropFirst()).contains(where: { !$0 && $1 }) else { return nil }
        guard address.count == size else { return false }
        return zip(zip(address, network), mask).allSatisfy { pair, mask in (pair.0 ^ pair.1) & mask == 0 }
    }

    /// The name itself and all below it; an empty one is above all.
    private static func covers(_ name: [UInt8], _ parent: [UInt8]) -> Bool? {
        let name = name.map { lowercased($0) }
        let parent = parent.map { lowercased($0) }
        guard !parent.isEmpty, name.count > parent.count else { return parent.isEmpty || name == parent }
        let rest = name.count - parent.count
        return name[rest...].elementsEqual(parent) && (parent.first == DNSName.dot || name[rest - 1] == DNSName.dot)
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

    private static func failure(_ text: String) -> TLSFailure { TLSFailure(.certificateInvalid, text) }

    // MARK: Reading

    private static func value(of kind: Int32, in certificate: OpaquePointer) -> [UInt8]? {
        let index = X509_get_ext_by_NID(certificate, kind, -1)
        guard index >= 0, let found = X509_get_ext(certificate, index) else { return nil }
        return TLSCertificate.bytes(of: X509_EXTENSION_get_data(found))
    }

    private static let sequence: UInt32 = 0x2000_0010
    private static func tagged(_ number: UInt32) -> UInt32 { 0xA000_0000 | number }

    private static func names(_ bytes: [UInt8]) -> [Name]? {
        bytes.withUnsafeBufferPointer { all in
            var input = CBS()
            var list = CBS()
            CBS_init(&input, all.baseAddress, all.count)
            guard CBS_get_asn1(&input, &list, sequence) == 1, CBS_len(&input) == 0 else { return nil }
            var names: [Name] = []
            while CBS_len(&list) > 0 {
                guard let name = name(&list) else { return nil }
                names.append(name)
            }
            return names
        }
    }

    private static func name(_ input: inout CBS) -> Name? {
        var content = CBS()
        var tag: UInt32 = 0
        guard CBS_get_any_asn1(&input, &content, &tag) == 1 else { return nil }
        let bytes = Array(UnsafeBufferPointer(start: CBS_data(&content), count: CBS_len(&content)))
        return Name(kind: tag & 0x1FFF_FFFF, bytes: bytes)
    }

    private static func constraints(_ bytes: [UInt8]) -> Constraints? {
        bytes.withUnsafeBufferPointer { all in
            var input = CBS()
            var body = CBS()
            CBS_init(&input, all.baseAddress, all.count)
            guard CBS_get_asn1(&input, &body, sequence) == 1, CBS_len(&input) == 0,
                let permitted = subtrees(&body, tagged(0)), let excluded = subtrees(&body, tagged(1)),
                CBS_len(&body) == 0
            else { return nil }
            return Constraints(permitted: permitted, excluded: excluded)
        }
    }

    /// GeneralSubtrees, each without the distances that RFC 5280 does not allow.
    private static func subtrees(_ body: inout CBS, _ tag: UInt32) -> [Name]? {
        var list = CBS()
        var isThere: Int32 = 0
        guard CBS_get_optional_asn1(&body, &list, &isThere, tag) == 1 else { return nil }
        guard isThere == 1 else { return [] }
        var names: [Name] = []
        while CBS_len(&list) > 0 {
            var one = CBS()
            guard CBS_get_asn1(&list, &one, sequence) == 1, let name = name(&one), CBS_len(&one) == 0 else {
                return nil
            }
            names.append(name)
        }
        return names
    }
}
