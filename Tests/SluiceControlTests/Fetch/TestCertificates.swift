import NIOSSL

/// Certificates and keys for tests, good until 2100. Nobody else trusts their authority.
///
/// Made with OpenSSL: P-256 keys, one authority that signed the three servers, and one that signed nothing.
enum TestCertificates {
    /// For `localhost` and 127.0.0.1.
    static func localhost() throws -> Identity { try Identity(localhostCertificate, localhostKey) }
    /// For `elsewhere.test` only.
    static func elsewhere() throws -> Identity { try Identity(elsewhereCertificate, elsewhereKey) }
    /// For `localhost` and 127.0.0.1, until February 2020.
    static func expired() throws -> Identity { try Identity(expiredCertificate, expiredKey) }

    static func authority() throws -> [NIOSSLCertificate] { try parse(authorityCertificate) }
    static func anotherAuthority() throws -> [NIOSSLCertificate] { try parse(anotherCertificate) }

    struct Identity {
        let chain: [NIOSSLCertificate]
        let key: NIOSSLPrivateKey

        fileprivate init(_ certificate: String, _ key: String) throws {
            chain = try parse(certificate)
            self.key = try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem)
        }

        /// What a server with this identity speaks TLS with.
        func serverContext() throws -> NIOSSLContext {
            let configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(key)
            )
            return try NIOSSLContext(configuration: configuration)
        }
    }

    private static func parse(_ text: String) throws -> [NIOSSLCertificate] {
        try NIOSSLCertificate.fromPEMBytes(Array(text.utf8))
    }

    private static let authorityCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBhjCCASygAwIBAgIUOj4XBkvDbBoqtnflWheLoN3C6BIwCgYIKoZIzj0EAwIw
        IDEeMBwGA1UEAwwVU2x1aWNlIHRlc3QgYXV0aG9yaXR5MCAXDTIwMDEwMTAwMDAw
        MFoYDzIxMDAwMTAxMDAwMDAwWjAgMR4wHAYDVQQDDBVTbHVpY2UgdGVzdCBhdXRo
        b3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQNRHO/H/BbF91GJA87UPKk
        D8Ni2gH7+z/+lnMU43pkATzHfjfK87x/3yMc3xe98l02OFK0VAMO/3ImbBimt0xI
        o0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAdBgNVHQ4EFgQU
        Hd/Aa4b79p6SvkghgCDzx5dic7swCgYIKoZIzj0EAwIDSAAwRQIgZ+VQpMVRyb8j
        wDfm3BX1ZL8Q/wpyc6/NhJ6ONv1Q4rsCIQD4CRev8Qn6rwp7oWDwa4uI3450civg
        5t1iYsmwRQedsA==
        -----END CERTIFICATE-----
        """
    private static let anotherCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBfjCCASSgAwIBAgIUFVmkltLE/DrIUz1lHAPmJdDKIDcwCgYIKoZIzj0EAwIw
        HDEaMBgGA1UEAwwRQW5vdGhlciBhdXRob3JpdHkwIBcNMjAwMTAxMDAwMDAwWhgP
        MjEwMDAxMDEwMDAwMDBaMBwxGjAYBgNVBAMMEUFub3RoZXIgYXV0aG9yaXR5MFkw
        EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHdalc0c1iDCfQlG4UsK/hUQilBgYcRjO
        Z1u5E9duzB5hZN10c09GdIqS62q3btz5mVcxORfNQ+eaV0E5OJdCoqNCMEAwDwYD
        VR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0OBBYEFBDHYILCRjBE
        UB1IKTQxjk7jzgfMMAoGCCqGSM49BAMCA0gAMEUCIESvo2JxXEiV+ZF8RlF4yhtD
        qQpVZSO2V8nd3K7xgBIvAiEAl9tfVJ+zVtphlA+lxji6g8z1BpBzonVH5e9D6F7v
        PYs=
        -----END CERTIFICATE-----
        """
    private static let localhostCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBljCCATygAwIBAgIUbVqx29Tm1K9EcAKCccv5P7uOhMswCgYIKoZIzj0EAwIw
        IDEeMBwGA1UEAwwVU2x1aWNlIHRlc3QgYXV0aG9yaXR5MCAXDTIwMDEwMTAwMDAw
        MFoYDzIxMDAwMTAxMDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcq
        hkjOPQIBBggqhkjOPQMBBwNCAASskAw5nabSFT5jhbiLARIQh2qgayERgT3TxrHd
        FE3XdCf2PBvr9+x52a/I2T+1cLfwUvFZdwLWaYbOL9Bruo8Go14wXDAaBgNVHREE
        EzARgglsb2NhbGhvc3SHBH8AAAEwHQYDVR0OBBYEFHlG9V0EsYyt3oVGNLTXpbKH
        oCFRMB8GA1UdIwQYMBaAFB3fwGuG+/aekr5IIYAg88eXYnO7MAoGCCqGSM49BAMC
        A0gAMEUCIQCObkisK6bP4aHCK1xFSq3Ix9oN10eGlzh3bH+dUWV7ygIgGoe1wi1e
        9jxMWLzLs3Nv8i3WfIkhBLBrduDleSW2vTc=
        -----END CERTIFICATE-----
        """
    private static let localhostKey = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIErkSrh0bTeU2EYYQz7rbNe2OaL23P5CK05RHyixlbiBoAoGCCqGSM49
        AwEHoUQDQgAErJAMOZ2m0hU+Y4W4iwESEIdqoGshEYE908ax3RRN13Qn9jwb6/fs
        edmvyNk/tXC38FLxWXcC1mmGzi/Qa7qPBg==
        -----END EC PRIVATE KEY-----
        """
    private static let elsewhereCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBljCCATugAwIBAgIUGAKAGjdfhsZrPXIYp0I189WRL5IwCgYIKoZIzj0EAwIw
        IDEeMBwGA1UEAwwVU2x1aWNlIHRlc3QgYXV0aG9yaXR5MCAXDTIwMDEwMTAwMDAw
        MFoYDzIxMDAwMTAxMDAwMDAwWjAUMRIwEAYDVQQDDAllbHNld2hlcmUwWTATBgcq
        hkjOPQIBBggqhkjOPQMBBwNCAAQfDZ2nAVvK2TyzhBv8eT0DQwjhflwnt/SVE7xq
        SuMypATCkmooGpsxkORp5Ab6CyvpT5Gj3K9L61qooLwMHKTWo10wWzAZBgNVHREE
        EjAQgg5lbHNld2hlcmUudGVzdDAdBgNVHQ4EFgQUyUK48jhEOmkhDX6lLb22YyfL
        lxswHwYDVR0jBBgwFoAUHd/Aa4b79p6SvkghgCDzx5dic7swCgYIKoZIzj0EAwID
        SQAwRgIhAIXLSUd9aRVM/kVipK6+NgbhL5cmphVHeaBtzwvSzi/XAiEAo9Rwcf1q
        R86seciz5ir9l4K1EEZ4n0Gdd5yOfrRDvzo=
        -----END CERTIFICATE-----
        """
    private static let elsewhereKey = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIFym0Ak3zIxoPqZeuObPohHpHrnfH+bZnLO7EULDM0V4oAoGCCqGSM49
        AwEHoUQDQgAEHw2dpwFbytk8s4Qb/Hk9A0MI4X5cJ7f0lRO8akrjMqQEwpJqKBqb
        MZDkaeQG+gsr6U+Ro9yvS+taqKC8DByk1g==
        -----END EC PRIVATE KEY-----
        """
    private static let expiredCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBkzCCATigAwIBAgIUAkVGrDttPQtoi8JuQeJ9RQlNS9cwCgYIKoZIzj0EAwIw
        IDEeMBwGA1UEAwwVU2x1aWNlIHRlc3QgYXV0aG9yaXR5MB4XDTIwMDEwMTAwMDAw
        MFoXDTIwMDIwMTAwMDAwMFowEjEQMA4GA1UEAwwHZXhwaXJlZDBZMBMGByqGSM49
        AgEGCCqGSM49AwEHA0IABB08i3Pj0AYST92INpEHYlFvmE4P+yUkY7BiyOR9RGXS
        9/3X7hA8xnvMOAjmATeGwwdQit8boW5SWGWNyKj5yzqjXjBcMBoGA1UdEQQTMBGC
        CWxvY2FsaG9zdIcEfwAAATAdBgNVHQ4EFgQUchWipvqHckXf1tX1gzzvXgeHBZQw
        HwYDVR0jBBgwFoAUHd/Aa4b79p6SvkghgCDzx5dic7swCgYIKoZIzj0EAwIDSQAw
        RgIhALI7vhnqA3aSrH0QOLxw/DhhJAStYG/T8ISt7GXKRko2AiEA7dIXMhU1kaxX
        V5EqJHF3YEKWIfvvKBLNTbIyQXjKCf4=
        -----END CERTIFICATE-----
        """
    private static let expiredKey = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIBA248u3ORHZu4dLvL0XQ61FXP8sk3iKwZJoc99L4MyNoAoGCCqGSM49
        AwEHoUQDQgAEHTyLc+PQBhJP3Yg2kQdiUW+YTg/7JSRjsGLI5H1EZdL3/dfuEDzG
        e8w4COYBN4bDB1CK3xuhblJYZY3IqPnLOg==
        -----END EC PRIVATE KEY-----
        """
}
