extension RPCStatus {
    /// A `google.rpc.ErrorInfo` as a detail of a status.
    ///
    /// - Parameters:
    ///   - reason: in upper case: `RATE_LIMITED`.
    ///   - domain: who says so.
    package static func errorInfo(
        reason: String,
        domain: String,
        metadata: [(name: String, value: String)] = []
    ) -> [UInt8] {
        var info: [UInt8] = []
        append(1, reason, to: &info)
        append(2, domain, to: &info)
        for entry in metadata {
            var pair: [UInt8] = []
            append(1, entry.name, to: &pair)
            append(2, entry.value, to: &pair)
            pair.withUnsafeBytes { info.appendField(3, $0) }
        }
        var any: [UInt8] = []
        append(1, "type.googleapis.com/google.rpc.ErrorInfo", to: &any)
        info.withUnsafeBytes { any.appendField(2, $0) }
        return any
    }

    private static func append(_ number: UInt32, _ text: String, to out: inout [UInt8]) {
        Array(text.utf8).withUnsafeBytes { out.appendField(number, $0) }
    }
}
