import CNIOBoringSSL

/// What an OCSP response (RFC 6960, section 4.2.1) says about one certificate.
///
/// Its signature is not checked: whoever writes the file writes the key beside it, and clients check it themselves.
struct OCSPResponse: Sendable {
    let isGood: Bool
    /// Seconds since 1970.
    let thisUpdate: Int64
    /// Nil: newer information may be there at any time.
    let nextUpdate: Int64?

    func isValid(at now: Int64) -> Bool { thisUpdate <= now && now < nextUpdate ?? .max }

    private static let sequence: UInt32 = 0x2000_0010
    private static let octets: UInt32 = 0x04
    private static let integer: UInt32 = 0x02
    private static let enumerated: UInt32 = 0x0A
    private static let identifier: UInt32 = 0x06
    private static let time: UInt32 = 0x18
    private static func tagged(_ number: UInt32) -> UInt32 { 0xA000_0000 | number }

    /// - Parameter certificate: The X509 that the response must speak of.
    init(_ bytes: [UInt8], certificate: LibraryObject, index: Int) throws(TLSSettingsError) {
        let item = TLSSettingsError.Item.ocspResponse(index)
        let serial = certificate.lend { certificate in
            LibraryObject.bytes { i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), $0) }
        }
        guard let serial else { throw TLSSettingsError(.library, "the library has no memory") }
        let found = bytes.withUnsafeBufferPointer { all -> OCSPResponse? in
            var input = CBS()
            CBS_init(&input, all.baseAddress, all.count)
            return Self.read(&input, serial: serial)
        }
        guard let found else {
            let text = "the OCSP response is broken, reports an error, or does not speak of the certificate"
            throw TLSSettingsError(item, text)
        }
        guard found.isGood else {
            throw TLSSettingsError(item, "the OCSP response says that the certificate is revoked or unknown")
        }
        self = found
    }

    private init(isGood: Bool, thisUpdate: Int64, nextUpdate: Int64?) {
        self.isGood = isGood
        self.thisUpdate = thisUpdate
        self.nextUpdate = nextUpdate
    }

    /// Down to the list of answers, of which the one for `serial` (an INTEGER in DER) is taken.
    private static func read(_ input: inout CBS, serial: [UInt8]) -> OCSPResponse? {
        var response = CBS()
        var status = CBS()
        var explicit = CBS()
        var typed = CBS()
        var body = CBS()
        // OCSPResponse: a status, of which 0 is success, and an OCTET STRING with a BasicOCSPResponse.
        guard CBS_get_asn1(&input, &response, sequence) == 1, CBS_len(&input) == 0,
            CBS_get_asn1(&response, &status, enumerated) == 1, CBS_len(&status) == 1, CBS_data(&status)?.pointee == 0,
            CBS_get_asn1(&response, &explicit, tagged(0)) == 1, CBS_get_asn1(&explicit, &typed, sequence) == 1,
            CBS_get_asn1(&typed, nil, identifier) == 1, CBS_get_asn1(&typed, &body, octets) == 1
        else { return nil }
        var basic = CBS()
        var data = CBS()
        var answers = CBS()
        // ResponseData: version, responder, time, answers.
        guard CBS_get_asn1(&body, &basic, sequence) == 1, CBS_get_asn1(&basic, &data, sequence) == 1,
            CBS_get_optional_asn1(&data, nil, nil, tagged(0)) == 1,
            CBS_get_any_asn1(&data, nil, nil) == 1, CBS_get_asn1(&data, nil, time) == 1,
            CBS_get_asn1(&data, &answers, sequence) == 1
        else { return nil }
        while CBS_len(&answers) > 0 {
            var answer = CBS()
            guard CBS_get_asn1(&answers, &answer, sequence) == 1 else { return nil }
            if let found = readAnswer(&answer, serial: serial) { return found }
        }
        return nil
    }

    /// SingleResponse: which certificate, its status, and for how long this is known.
    private static func readAnswer(_ answer: inout CBS, serial: [UInt8]) -> OCSPResponse? {
        var certificate = CBS()
        var number = CBS()
        var tag: UInt32 = 0
        var period = CBS()
        var until = CBS()
        var hasEnd: Int32 = 0
        guard CBS_get_asn1(&answer, &certificate, sequence) == 1, CBS_get_asn1(&certificate, nil, sequence) == 1,
            CBS_get_asn1(&certificate, nil, octets) == 1, CBS_get_asn1(&certificate, nil, octets) == 1,
            CBS_get_asn1_element(&certificate, &number, integer) == 1,
            UnsafeBufferPointer(start: CBS_data(&number), count: CBS_len(&number)).elementsEqual(serial),
            CBS_get_any_asn1(&answer, nil, &tag) == 1,
            CBS_get_asn1(&answer, &period, time) == 1, let thisUpdate = seconds(&period),
            CBS_get_optional_asn1(&answer, &until, &hasEnd, tagged(0)) == 1
        else { return nil }
        var end: Int64?
        if hasEnd == 1 {
            var text = CBS()
            guard CBS_get_asn1(&until, &text, time) == 1, let seconds = seconds(&text) else { return nil }
            end = seconds
        }
        // good is [0] IMPLICIT NULL.
        return OCSPResponse(isGood: tag == 0x8000_0000, thisUpdate: thisUpdate, nextUpdate: end)
    }

    private static func seconds(_ text: inout CBS) -> Int64? {
        var parts = tm()
        var seconds: Int64 = 0
        guard CBS_parse_generalized_time(&text, &parts, 0) == 1, OPENSSL_tm_to_posix(&parts, &seconds) == 1 else {
            return nil
        }
        return seconds
    }
}
