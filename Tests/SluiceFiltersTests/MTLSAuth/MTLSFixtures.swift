/// Certificates and keys as files have them, good from 2025 to 2100, all signed by one authority.
///
/// Made with the Python package `cryptography`: P-256 keys. They protect nothing.
enum MTLSFixtures {
    /// Signed all of the others.
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBZTCCAQugAwIBAgIBATAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5TbHVpY2Ug
        VGVzdCBDQTAgFw0yNTAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowGTEXMBUG
        A1UEAwwOU2x1aWNlIFRlc3QgQ0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASp
        +x1cIoTgHLiQcTlRCxaRI4FbL5qo0zs29+XAWkVYslcad7aLw07bARwdBsHIC9xV
        Zhbf1voId+Q/g4AYDCIpo0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQE
        AwIBhjAdBgNVHQ4EFgQUx4aYPMgTGUlBgZIQiy4k+qWL15gwCgYIKoZIzj0EAwID
        SAAwRQIgGgyX1SpUq5bWzB/6L7/8VFZ0R8eh9ix3peaxGV+naKYCIQD3ulOVzFUF
        WUte9rcHS6rpXwoBVsWdVOLPBWuMoz4eqw==
        -----END CERTIFICATE-----

        """
    /// For `api.test`.
    static let server = """
        -----BEGIN CERTIFICATE-----
        MIIBpDCCAUqgAwIBAgIBAjAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5TbHVpY2Ug
        VGVzdCBDQTAgFw0yNTAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowDjEMMAoG
        A1UEAwwDYXBpMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDKS9FFRR8p6huRgC
        DSXyO+apHaTaOmQz95/uum48n8UBz2us5AvcPjMRIK3r4g19Sb2j7lup/cBZDj8a
        TlVg1qOBizCBiDATBgNVHREEDDAKgghhcGkudGVzdDAMBgNVHRMBAf8EAjAAMA4G
        A1UdDwEB/wQEAwIHgDATBgNVHSUEDDAKBggrBgEFBQcDATAfBgNVHSMEGDAWgBTH
        hpg8yBMZSUGBkhCLLiT6pYvXmDAdBgNVHQ4EFgQUQEl8Y0Z+jWLYlFkpAKafOs5B
        ZxEwCgYIKoZIzj0EAwIDSAAwRQIhAN/+KTqT+vl7r/L1F7mfQ7gXjP7XKNGBldRI
        8CG+yhGdAiBG01qCBXDlob/f0TAwVEi0Nc83i0Bgk439BhMBDV/GaA==
        -----END CERTIFICATE-----

        """
    static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnX7kcD0aurwb4BoY
        TIEq5Z2Oplb3v3Met/p3khmUg3ihRANCAAQMpL0UVFHynqG5GAINJfI75qkdpNo6
        ZDP3n+66bjyfxQHPa6zkC9w+MxEgreviDX1JvaPuW6n9wFkOPxpOVWDW
        -----END PRIVATE KEY-----

        """
    /// Two URIs, `Alice.example.com`, `Ann@Example.com` and the subject `CN=alice,O=Example`.
    static let alice = """
        -----BEGIN CERTIFICATE-----
        MIIB4DCCAYegAwIBAgIBAzAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5TbHVpY2Ug
        VGVzdCBDQTAgFw0yNTAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowIjEQMA4G
        A1UECgwHRXhhbXBsZTEOMAwGA1UEAwwFYWxpY2UwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAAR7odcsPWVGlaHkaaHtU3GNvY94T2VTe2/u+O5IG2fexKBrS0bL6IJR
        YD37ZvYa7cEHcpKI3Tr7KYae9vtt5dY0o4G0MIGxMGsGA1UdEQRkMGKGHXNwaWZm
        ZTovL2V4YW1wbGUub3JnL3NhL290aGVyhh1zcGlmZmU6Ly9leGFtcGxlLm9yZy9z
        YS9hbGljZYIRQWxpY2UuZXhhbXBsZS5jb22BD0FubkBFeGFtcGxlLmNvbTAMBgNV
        HRMBAf8EAjAAMBMGA1UdJQQMMAoGCCsGAQUFBwMCMB8GA1UdIwQYMBaAFMeGmDzI
        ExlJQYGSEIsuJPqli9eYMAoGCCqGSM49BAMCA0cAMEQCICatY2L0uyS8kRVDW1pG
        HytbDR/wrV/swR6tTDUVFG4sAiAJZf0zcQXKO3lYjS1v1qW/u44ZxGAe9/CQDCs7
        +aN3/A==
        -----END CERTIFICATE-----

        """
    static let aliceKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQyCdmoHOQvvgl4+C
        FWjEkGk2678EBFhqsOpxspxTm8ehRANCAAR7odcsPWVGlaHkaaHtU3GNvY94T2VT
        e2/u+O5IG2fexKBrS0bL6IJRYD37ZvYa7cEHcpKI3Tr7KYae9vtt5dY0
        -----END PRIVATE KEY-----

        """
    /// Of its key.
    static let alicePin = "eAgODMSe43u0M5Y+f858wEgFzb00DbrylEyMv/L7AC0="
    /// For `nobody.example.com`.
    static let nobody = """
        -----BEGIN CERTIFICATE-----
        MIIBkzCCATigAwIBAgIBBDAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5TbHVpY2Ug
        VGVzdCBDQTAgFw0yNTAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowIzEQMA4G
        A1UECgwHRXhhbXBsZTEPMA0GA1UEAwwGbm9ib2R5MFkwEwYHKoZIzj0CAQYIKoZI
        zj0DAQcDQgAEoZoQaBueUbXNGfsrp+ux4WKKTQb6/rDTCkea97sk5z/OV/8bqVbr
        fIcEAoePCg8j1uj/IbBfsURZB7tnfPM4jqNlMGMwHQYDVR0RBBYwFIISbm9ib2R5
        LmV4YW1wbGUuY29tMAwGA1UdEwEB/wQCMAAwEwYDVR0lBAwwCgYIKwYBBQUHAwIw
        HwYDVR0jBBgwFoAUx4aYPMgTGUlBgZIQiy4k+qWL15gwCgYIKoZIzj0EAwIDSQAw
        RgIhAJZm4BINAG6LIZKOjXlAZ5nin0fL0mi/ti316Vx38FCpAiEAh67NQPbMGGzC
        4FyexDHZtVnr5B1XY65pMBCgWV2vWKc=
        -----END CERTIFICATE-----

        """
    static let nobodyKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQNstAiqhKE+vSlqN
        XZdHRg8SKNj+BxlFEm6i3WSrkiyhRANCAAShmhBoG55Rtc0Z+yun67HhYopNBvr+
        sNMKR5r3uyTnP85X/xupVut8hwQCh48KDyPW6P8hsF+xRFkHu2d88ziO
        -----END PRIVATE KEY-----

        """
}
