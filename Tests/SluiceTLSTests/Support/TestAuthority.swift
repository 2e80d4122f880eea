import SluiceTLS

/// A root, an intermediate below it, and leaves below that.
struct TestAuthority: Sendable {
    let root: TestCertificate
    let intermediate: TestCertificate

    static let shared = TestAuthority()

    init(name: String = "Test") {
        root = TestCertificate { settings in
            settings.name = "\(name) Root"
            settings.isCA = true
        }
        intermediate = TestCertificate(by: root) { settings in
            settings.name = "\(name) Intermediate"
            settings.isCA = true
        }
    }

    /// A leaf with DNS names.
    func leaf(_ names: String..., change: (inout TestCertificateSettings) -> Void = { _ in }) -> TestCertificate {
        TestCertificate(by: intermediate) { settings in
            settings.name = names.first ?? "leaf"
            settings.names = names.map { .dns($0) }
            change(&settings)
        }
    }

    var store: TLSTrustStore { get throws { try TLSTrustStore(bundle: root.pem) } }
}
