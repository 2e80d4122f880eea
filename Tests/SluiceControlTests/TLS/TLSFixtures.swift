/// Certificates, keys and lists as files have them, good from 2025 to 2100 unless they say otherwise.
///
/// Made with the Python package `cryptography`: P-256 keys but for one, all signed by one authority. They protect nothing.
enum TLSFixtures {
    /// The moment at which the tests take place: 2027-01-15.
    static let now: Int64 = 1_800_000_000

    /// Signed all of the others.
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBZTCCAQugAwIBAgIBATAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5TbHVpY2Ug
        VGVzdCBDQTAgFw0yNTAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowGTEXMBUG
        A1UEAwwOU2x1aWNlIFRlc3QgQ0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQx
        NaX1zc3Nl7HQkxT2415A/3fNRc1hCvdRCtwFVvbGKIRTXJWb+SX7/iIjF0deA3D1
        E1wPf47E/s5SBAHRQx9Ho0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQE
        AwIBhjAdBgNVHQ4EFgQUW09PpsPXBJ9Pey+N6gP9vs+BuNAwCgYIKoZIzj0EAwID
        SAAwRQIgJjxAiqMLHxGrz55ki9zKtnLYpgV7tvBHUzh5e1GHNfUCIQDyfM/Q1XOQ
        ETIurCj0cYO/UYbXZx8YDVqsLoUz2EGv7A==
        -----END CERTIFICATE-----

        """
    /// For `api.example.com` and `www.example.com`.
    static let api = """
        -----BEGIN CERTIFICATE-----
        MIIBvDCCAWKgAwIBAgIBAjAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5TbHVpY2Ug
        VGVzdCBDQTAgFw0yNTAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowDjEMMAoG
        A1UEAwwDYXBpMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELc9M0HJPJ6Zl8rNk
        yLD8MOTx2RxMcZKa1k6W0yaHKtcIiSwhEjLHtU7r3qNbyppPNmppGyMfmQ6KtXHB
        OF4waKOBozCBoDArBgNVHREEJDAigg9hcGkuZXhhbXBsZS5jb22CD3d3dy5leGFt
        cGxlLmNvbTAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB/wQEAwIHgDATBgNVHSUEDDAK
        BggrBgEFBQcDATAfBgNVHSMEGDAWgBRbT0+mw9cEn097L43qA/2+z4G40DAdBgNV
        HQ4EFgQUC3SwClmtecfl0D43+Wvpm4ysyzEwCgYIKoZIzj0EAwIDSAAwRQIhAOxz
        qULSCNNDV+Fz5uFVZ5Mmyqe9jODMPMCMqvu7YE1GAiA5jydQagQrilOk7fK8yBwm
        MeSdOfQOksZG5YfOZ39ovw==
        -----END CERTIFICATE-----

        """
    static let apiKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgusL+csHznhgkg8ND
        r4NHJhHnN5oRDzcd1GJIGPGVSQShRANCAAQtz0zQck8npmXys2TIsPww5PHZHExx
        kprWTpbTJocq1wiJLCESMse1Tuveo1vKmk82amkbIx+ZDoq1ccE4XjBo
        -----END PRIVATE KEY-----

        """
    /// With the passphrase `open sesame`.
    static let apiLockedKey = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBD1eIYofqyBQZy5gHWy
        KjtFAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQx0tovwfWUJT3xwg9
        MFefFQSBkN2EC+tU11d5dIVKujLPpIXTev/9ugXKhX8HDkfMXpnfgc6iak6zvyaN
        QFIdlmF9KpaXtzU/asKm0q5JWSSj+YKaCyIq87iQfITKnQyZA9g0yyKDQmXaLrgA
        69r+W/Ea4Sfs0Loewd8Nnpl+YFPPCc8k7ZbT6SAdXq5Onamg01vP16NLBxLnHprF
        +BaaoWzdSg==
        -----END ENCRYPTED PRIVATE KEY-----

        """
    /// For the same names with another key.
    static let renewed = """
        -----BEGIN CERTIFICATE-----
        MIIBvDCCAWKgAwIBAgIBAzAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5TbHVpY2Ug
        VGVzdCBDQTAgFw0yNTAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowDjEMMAoG
        A1UEAwwDYXBpMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwGyqFfstMFdi4VDR
        ABhlFzDkW24GJNDY2KAaegUeiXmu7IjyJhnJDgg2FjVEHgPAgRTzP2JKhp4wwQGP
        aHIntaOBozCBoDArBgNVHREEJDAigg9hcGkuZXhhbXBsZS5jb22CD3d3dy5leGFt
        cGxlLmNvbTAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB/wQEAwIHgDATBgNVHSUEDDAK
        BggrBgEFBQcDATAfBgNVHSMEGDAWgBRbT0+mw9cEn097L43qA/2+z4G40DAdBgNV
        HQ4EFgQUv8+qTEkO9ils80sf9jVdWCDd3ZIwCgYIKoZIzj0EAwIDSAAwRQIhAPv7
        G3nGG7NC90zurN92XTlYimWyzpNV2QM2TDgpq8itAiBezp6cl0AaZn60m15kRjOX
        JXkHxEiLZ8WfMU/urpU6kw==
        -----END CERTIFICATE-----

        """
    static let renewedKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgchkkU5V/5JCy3xGw
        bMA3wU+qJd+uq941emOdYMj+fZihRANCAATAbKoV+y0wV2LhUNEAGGUXMORbbgYk
        0NjYoBp6BR6Jea7siPImGckOCDYWNUQeA8CBFPM/YkqGnjDBAY9ocie1
        -----END PRIVATE KEY-----

        """
    /// For `api.example.com`, with an RSA key.
    static let apiRSA = """
        -----BEGIN CERTIFICATE-----
        MIICejCCAiCgAwIBAgIBBDAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5TbHVpY2Ug
        VGVzdCBDQTAgFw0yNTAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowEjEQMA4G
        A1UEAwwHYXBpIHJzYTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAOSJ
        apbyYjDSAXNGDTJDBhE5stY7a+ZbBNPpHviOiP1CyHasLDj/0Ros7M3vhR6FmLCD
        nT8lLo512XnSjXPSHkkoq0PVaQOyqnPehlXKcBlNqGUFwR2PODjdcCY7YLjDQwE5
        ludG3YGkJCQ+sfy9HQGGaP23jo+Kop3S/AfA1vMqwvHvN8xSruOsKpRBybacmEnX
        kdmxS87r4+6USc+Zx/vv4ByRqnCBVbbotGPn89d4fUpSix6xr+bdtd8xwWTAOWfy
        I8EJ98Q7apA+JMehvDXL8F/xGtmb04pPQh608OsCuMDxPniWGiuvI8DFrcs41kys
        /+sXGrNX+J6KrzJvqEcCAwEAAaOBkjCBjzAaBgNVHREEEzARgg9hcGkuZXhhbXBs
        ZS5jb20wDAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8EBAMCB4AwEwYDVR0lBAwwCgYI
        KwYBBQUHAwEwHwYDVR0jBBgwFoAUW09PpsPXBJ9Pey+N6gP9vs+BuNAwHQYDVR0O
        BBYEFOv49n7NZhh2yRm1Rdt13dIapAkoMAoGCCqGSM49BAMCA0gAMEUCIQDzWKlk
        7uuJZZv0keNl9JdVb2nW/ehICV4Z/o9i001oZQIgRZZVDtvtzkaBe61n4Q31R1l2
        wHQTYVGx/FmYHye7WrU=
        -----END CERTIFICATE-----

        """
    static let apiRSAKey = """
        -----BEGIN PRIVATE KEY-----
        MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDkiWqW8mIw0gFz
        Rg0yQwYRObLWO2vmWwTT6R74joj9Qsh2rCw4/9EaLOzN74UehZiwg50/JS6Oddl5
        0o1z0h5JKKtD1WkDsqpz3oZVynAZTahlBcEdjzg43XAmO2C4w0MBOZbnRt2BpCQk
        PrH8vR0Bhmj9t46PiqKd0vwHwNbzKsLx7zfMUq7jrCqUQcm2nJhJ15HZsUvO6+Pu
        lEnPmcf77+AckapwgVW26LRj5/PXeH1KUosesa/m3bXfMcFkwDln8iPBCffEO2qQ
        PiTHobw1y/Bf8RrZm9OKT0IetPDrArjA8T54lhorryPAxa3LONZMrP/rFxqzV/ie
        iq8yb6hHAgMBAAECggEAOrxUkDn4YXq/06wX3SibqRaur1+zQg93hK0gABrF+21M
        Dy/956Jb0AHm1KCwEmGclhUld2KrfgKs46HpJ/DDRuM0bSkupbwoEcKJvQfb2qz6
        UAh0ExBJj1feKH1PRP0uPeTas1Mjv9t7THNulDnYeBle54JjGeI0HCLrEmUN+Y2x
        /O0NvY9FoXpboIoDAgV6yCaX5A/kudSo33XySjexcKzagDpXfRTR7jLVHJ8CAi5+
        0Cqeb28d9vjExtDtdqZgP5HkVYK8t2o/p+gp0Rr6RnsUlO21YPIhAGs/CZmHPyxd
        ri/qbIOollpxgRUVlSDSE0Fd0L23uRq9CE8X7/MX+QKBgQD8mrr1zk7RVnxCP1th
        8PHvVzNPVTT1wwHo/+4gA5rTBU7olR3D65Pok0fOSZLmsD2wBxQCp0R/MvT0wq0x
        3IXd41ot2oS/CjgoFe3xsEtN349wJlN1eH4bQUh/uHXpGyBYQM9fRTFPofzMyaht
        AXw6U629aRAa7XICedFT530rOQKBgQDnm90i1UZRrHdgxo/LbBPt7tQint+9NlH5
        eKgJWFVxY8/j7dlbO0b6JSy+zqX1vJhjXOxvfoIiuebMKs0w8v50BOY0g17Npi++
        zRafk2CvMrgUtYLzzXHr8+EY+UkSVYhfSpnThYbGJS/YcWbpSSBg2S/hJpdZhjlH
        Zx4qhuXvfwKBgHEGmtkZctLgK8FIsA7mzJoXHnJE4emFU/l5aocQldoN6fzPm/3q
        Dshl/h8jdIOcID3/LMjzJwbzOf+6i9xfm9ZowBT8TaFdZTsqdMlL5KX3firkOzu4
        qlRvpYzgcIHZDWPvu9oZD7Nd+8t1/9Kmc3t1rauusvIZhIXvE+bDEZKhAoGAXfOr
        I8sySEVW88n4YMOJ3hXotdaO2jljzXg1af0MRAACP+qnJkwIgcZ8vTYkumdzxbLX
        Mm82KRISXrXqILYhpDysiZbU6UVFzvdw+vCU4t0HMVdkNLQdR2LZ6ACPtME/nbAs
        cFKVFmHVY860uWNxn/faZVH7SVSafa2F3ih0s88CgYBUDCXDEkGhdHQib02YSZIM
        7obSTJgZx/4dT1+J1zP1iGph+Pi+Xvt7G1qfmy0JPqihaVTt+YEfQMB7PSCnXqRD
        f5OBfeWx9iB02S1Sq39aUCYFDqun4tsU90A7e+YUHtoCFXUhaH3x954MdkV5EKmL
        6nuV6mGLFxtETRU4VmCKJQ==
        -----END PRIVATE KEY-----

        """
    /// For `*.example.org`, until 2027-02-01.
    static let wildcard = """
        -----BEGIN CERTIFICATE-----
        MIIBqzCCAVKgAwIBAgIBBTAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5TbHVpY2Ug
        VGVzdCBDQTAeFw0yNTAxMDEwMDAwMDBaFw0yNzAyMDEwMDAwMDBaMBMxETAPBgNV
        BAMMCHdpbGRjYXJkMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEImlEQZ9JzvRm
        9Wgz2YinF1Gjb5e4onycMEb17DPGWpwfI8Ct9/OD4NCS11JonRGh3TyGYw1pSegP
        VpRtAJ6l3KOBkDCBjTAYBgNVHREEETAPgg0qLmV4YW1wbGUub3JnMAwGA1UdEwEB
        /wQCMAAwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsGAQUFBwMBMB8GA1Ud
        IwQYMBaAFFtPT6bD1wSfT3svjeoD/b7PgbjQMB0GA1UdDgQWBBRzzG/+Xi4xWC8M
        vjEedDE73wCewDAKBggqhkjOPQQDAgNHADBEAiA8G4xuKY+19JwNvCjw2TWj+EoU
        G5zkybqNe9OxjNzFEAIgD4Yusm4KjLwHahAxVVD+rvO5F2P54u/7OJyGGOTj8cw=
        -----END CERTIFICATE-----

        """
    static let wildcardKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7jvWDqr2W55y6+7d
        h1Xy791OnAUGzxq2kAylYS5LpNuhRANCAAQiaURBn0nO9Gb1aDPZiKcXUaNvl7ii
        fJwwRvXsM8ZanB8jwK3384Pg0JLXUmidEaHdPIZjDWlJ6A9WlG0AnqXc
        -----END PRIVATE KEY-----

        """
    /// For `old.example.com`, until 2026-12-01.
    static let expired = """
        -----BEGIN CERTIFICATE-----
        MIIBqjCCAU+gAwIBAgIBBjAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5TbHVpY2Ug
        VGVzdCBDQTAeFw0yNTAxMDEwMDAwMDBaFw0yNjEyMDEwMDAwMDBaMA4xDDAKBgNV
        BAMMA29sZDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMYyWEKV8jm3qZaJj4JA
        GlrAUUkTO7Yow1JtKnu4I4xg8nQbu+8uoJQXJkD0qS0lHUJDCnfiHP3n5l5iEfE/
        yA2jgZIwgY8wGgYDVR0RBBMwEYIPb2xkLmV4YW1wbGUuY29tMAwGA1UdEwEB/wQC
        MAAwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsGAQUFBwMBMB8GA1UdIwQY
        MBaAFFtPT6bD1wSfT3svjeoD/b7PgbjQMB0GA1UdDgQWBBTzfe0uvfS0wuEoPFm9
        i/rq6RroMjAKBggqhkjOPQQDAgNJADBGAiEA1MfpLKWAR2NEA1US4SCWl0dh+LsR
        B0TPJFC1yVMomwMCIQCNDThV8GRZCUp5xdT75OUQzVGkFC5FWbZpfKV+IOQlNw==
        -----END CERTIFICATE-----

        """
    static let expiredKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgl/EcdS68wpXGlz7S
        JuaE88sXtdHkewniVmAfXvN4LKKhRANCAATGMlhClfI5t6mWiY+CQBpawFFJEzu2
        KMNSbSp7uCOMYPJ0G7vvLqCUFyZA9KktJR1CQwp34hz95+ZeYhHxP8gN
        -----END PRIVATE KEY-----

        """
    /// A client, `spiffe://example.org/sa/alice`, with no name that anybody could ask for.
    static let client = """
        -----BEGIN CERTIFICATE-----
        MIIBuzCCAWGgAwIBAgIBBzAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5TbHVpY2Ug
        VGVzdCBDQTAgFw0yNTAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowEDEOMAwG
        A1UEAwwFYWxpY2UwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQSH1DR/wHjjmcB
        YOPfh0e/o3XudZddbUK7wV4+V2Uj40gkCHuDu59uJMh9lP7lFvBZeieXRSc6AgvT
        QxSUFKeEo4GgMIGdMCgGA1UdEQQhMB+GHXNwaWZmZTovL2V4YW1wbGUub3JnL3Nh
        L2FsaWNlMAwGA1UdEwEB/wQCMAAwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoG
        CCsGAQUFBwMCMB8GA1UdIwQYMBaAFFtPT6bD1wSfT3svjeoD/b7PgbjQMB0GA1Ud
        DgQWBBQl4B2lnu9+Y2zYIXNJlyglTgIsADAKBggqhkjOPQQDAgNIADBFAiEA3Le5
        +Lri0v/TDz5BY3r2DOv/cYb6h8b2oYGShPQgEM4CIEGKbzCIZFzSfKJmuh0bHLTN
        au+UX+adnW7lT9V6+Gz8
        -----END CERTIFICATE-----

        """
    static let clientKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9Nzp6ZnJUZqTJZZ2
        WVtW81ELLlM+fWfRuBpxk1kNC7WhRANCAAQSH1DR/wHjjmcBYOPfh0e/o3XudZdd
        bUK7wV4+V2Uj40gkCHuDu59uJMh9lP7lFvBZeieXRSc6AgvTQxSUFKeE
        -----END PRIVATE KEY-----

        """
    /// Revokes nothing, and runs out on 2027-02-01.
    static let revocations = """
        -----BEGIN X509 CRL-----
        MIGvMFgCAQEwCgYIKoZIzj0EAwIwGTEXMBUGA1UEAwwOU2x1aWNlIFRlc3QgQ0EX
        DTI2MTIwMTAwMDAwMFoXDTI3MDIwMTAwMDAwMFqgDjAMMAoGA1UdFAQDAgEBMAoG
        CCqGSM49BAMCA0cAMEQCIDCkhFhuz8axsp/GXSSwPx0jrEQKZX8/N9nZ4GvBg9bf
        AiB9IrrMCjUQ7NfiD/sJJ1R11n3oNKeIXKsbc+HEu+Jumw==
        -----END X509 CRL-----

        """
}
