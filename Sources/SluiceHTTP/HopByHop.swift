package import SluiceCore

/// Fields that concern one connection only and never pass the gateway (RFC 9110, section 7.6.1).
package enum HopByHop {
    /// Takes them out of a response head, with what `Connection` nominates if it nominates anything.
    package static func remove(from fields: inout HeaderTable, nominated: Bool) {
        if nominated { removeNominated(from: &fields) }
        fields.remove(anyOf: ofResponses)
    }

    private static var ofResponses: UInt64 {
        FieldName.connection.bit | FieldName.keepAlive.bit | FieldName.proxyConnection.bit | FieldName.upgrade.bit
    }

    /// Takes them out of a request head but for `Upgrade`, which is looked at later.
    package static func removeFromRequest(_ fields: inout HeaderTable, nominated: Bool) {
        if nominated { removeNominated(from: &fields) }
        fields.remove(anyOf: ofRequests)
    }

    private static var ofRequests: UInt64 {
        FieldName.connection.bit | FieldName.keepAlive.bit | FieldName.proxyConnection.bit
            | FieldName.proxyAuthorization.bit | FieldName.http2Settings.bit
    }

    /// Takes out `Connection` and every field that it names.
    ///
    /// What frames or routes the message cannot be nominated away: an attacker could use that to make the upstream see
    /// another message than the gateway saw.
    package static func removeNominated(from fields: inout HeaderTable) {
        var nominated: [[UInt8]] = []
        var from = 0
        while let i = fields.firstIndex(of: .connection, from: from) {
            fields.withBytes(fields.entries[i].valueRange) { value in
                FieldList.forEach(value) { item in
                    guard !item.isEmpty, item.allSatisfy(ASCII.isToken), nominated.count < 32 else { return }
                    nominated.append(item.map(ASCII.lowercased))
                }
            }
            from = i + 1
        }
        fields.remove(.connection)
        for name in nominated where !isProtected(name) { fields.remove(lowercased: name) }
    }

    private static func isProtected(_ name: [UInt8]) -> Bool {
        switch name.withUnsafeBytes({ FieldName.intern($0) }) {
        case .host, .contentLength, .transferEncoding, .upgrade, .te, .expect, .trailer, .authorization, .cookie,
            .xForwardedFor, .xForwardedHost, .xForwardedProto, .forwarded, .contentType, .date:
            true
        default: false
        }
    }

    /// `TE` is hop by hop, but `TE: trailers` is what gRPC needs to see, and the gateway passes trailers on.
    ///
    /// - Returns: whether it is there, and must be named in `Connection` (RFC 9110, section 10.1.4).
    package static func keepOnlyTrailers(in fields: inout HeaderTable) -> Bool {
        // What every client of gRPC sends is left as it is.
        if let i = fields.firstIndex(of: .te), fields.firstIndex(of: .te, from: i + 1) == nil,
            fields.withBytes(fields.entries[i].valueRange, { $0.elementsEqual(("trailers" as StaticString).bytes) })
        {
            return true
        }
        var wantsTrailers = false
        var from = 0
        while let i = fields.firstIndex(of: .te, from: from) {
            fields.withBytes(fields.entries[i].valueRange) { value in
                FieldList.forEach(value) { if ASCII.equalsFolded($0, "trailers") { wantsTrailers = true } }
            }
            from = i + 1
        }
        fields.remove(.te)
        if wantsTrailers { fields.append(.te, value: "trailers".utf8) }
        return wantsTrailers
    }
}
