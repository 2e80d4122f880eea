import SluiceCore

/// Quick looks at `HeaderTable.present`, the set of the fields that a head ever had.
///
/// On the bare word, since asking the table inside of an exchange would copy its two references first, and here, since
/// only code of the same target is inlined.
extension UInt64 {
    /// False: there is no such field. True: there is or was one.
    @inline(__always)
    func mayHave(_ name: FieldName) -> Bool {
        self & (1 << UInt64(name.rawValue)) != 0
    }

    /// Any of the fields in which proxies tell each other about clients and about the way so far.
    @inline(__always)
    var mayHaveForwardedFields: Bool {
        mayHave(.xForwardedFor) || mayHave(.xForwardedProto) || mayHave(.xForwardedHost) || mayHave(.forwarded)
            || mayHave(.xRealIP) || mayHave(.sluicePasses)
    }
}
