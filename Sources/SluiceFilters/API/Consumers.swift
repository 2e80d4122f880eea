package import SluiceConfig
package import SluiceCore

/// A known caller, as one loop knows it: each loop has objects of its own, so that requests count no references on
/// shared ones.
package final class Consumer {
    package let name: [UInt8]
    package let groups: [[UInt8]]
    /// All of them as a header value has them.
    package let groupList: [UInt8]
    /// Place among the consumers of the configuration.
    package let index: Int

    package init(name: [UInt8], groups: [[UInt8]], index: Int) {
        self.name = name
        self.groups = groups
        self.groupList = Array(groups.joined(separator: [0x2C, 0x20]))
        self.index = index
    }

    /// Whether it is in any of these groups.
    package func belongs(toAnyOf wanted: [[UInt8]]) -> Bool {
        for group in groups where wanted.contains(group) { return true }
        return false
    }
}

/// All callers that the configuration knows. Isolation: one loop, after it was made on a control thread.
package final class Consumers {
    package let all: [Consumer]
    private let byName: [[UInt8]: Consumer]
    /// Entered by a part of the digest, which says nothing about the key; the whole is compared in constant time.
    private let byKey: [SHA256Digest: Consumer]
    private let byCertificate: [CertificateIdentity: Consumer]

    package init(_ models: [ConsumerModel] = []) {
        all = models.enumerated().map { index, model in
            Consumer(name: Array(model.name.utf8), groups: model.groups.map { Array($0.utf8) }, index: index)
        }
        byName = Dictionary(all.map { ($0.name, $0) }) { first, _ in first }
        var byKey: [SHA256Digest: Consumer] = [:]
        var byCertificate: [CertificateIdentity: Consumer] = [:]
        for (model, consumer) in zip(models, all) {
            for digest in model.keys { byKey[digest] = consumer }
            for identity in model.certificates { byCertificate[identity] = consumer }
        }
        self.byKey = byKey
        self.byCertificate = byCertificate
    }

    /// Who has the key of that digest.
    package func withKey(_ digest: SHA256Digest) -> Consumer? { byKey[digest] }

    /// Whose certificate that is.
    package func withCertificate(_ identity: CertificateIdentity) -> Consumer? { byCertificate[identity] }

    package func named(_ name: [UInt8]) -> Consumer? { byName[name] }
}

/// What a verified credential says about the caller.
package protocol ClaimSource: AnyObject {
    /// Texts as they are, numbers and booleans as JSON writes them; nil for what is absent, null, a list or an object.
    func text(ofClaim name: String) -> [UInt8]?

    /// The same text lent to `body`, without a copy of it.
    ///
    /// - Parameter name: in UTF-8.
    /// - Returns: false where there is none.
    func withText(ofClaim name: [UInt8], _ body: (UnsafeRawBufferPointer) -> Void) -> Bool
}

extension ClaimSource {
    package func withText(ofClaim name: [UInt8], _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        guard let text = text(ofClaim: String(decoding: name, as: UTF8.self)) else { return false }
        text.withUnsafeBytes(body)
        return true
    }
}
