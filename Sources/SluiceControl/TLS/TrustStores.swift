import SluiceConfig
import SluiceCore
import SluiceTLS
import SluiceUpstream

/// The trust stores of one configuration: one for each bundle, however many listeners and upstreams have it.
///
/// Those of the build before are used again where the bytes are the same, since reading the system's bundle takes some
/// milliseconds. Isolation: one thread that may block.
final class TrustStores {
    private var before: [ContentFingerprint: TLSTrustStore]
    private(set) var made: [ContentFingerprint: TLSTrustStore] = [:]

    init(before: [ContentFingerprint: TLSTrustStore] = [:]) { self.before = before }

    /// The authorities and revocation lists that a peer is verified with.
    ///
    /// - Parameter place: where the settings stand that want those of the system.
    func store(
        for peer: PeerVerificationModel,
        _ files: TLSFiles,
        systemAt place: SourceSpan
    ) throws(TLSFindings) -> TLSTrustStore {
        let bytes =
            if let authorities = peer.authorities { try files.bytes(of: authorities) } else {
                try Self.systemBundle(files, place)
            }
        let lists = if let revocations = peer.revocations { [try files.bytes(of: revocations)] } else { [[UInt8]]() }
        let isSystem = peer.authorities == nil
        let checksChain = peer.revocationScope == .chain
        var key = ContentFingerprint()
        key.add(isSystem ? "system" : "bundle", bytes)
        for list in lists { key.add(checksChain ? "chain" : "leaf", list) }
        if let known = made[key] ?? before[key] {
            made[key] = known
            return known
        }
        do {
            let store = try TLSTrustStore(
                bundle: bytes,
                revocationLists: lists,
                checksWholeChain: checksChain,
                skipsUnreadable: isSystem
            )
            made[key] = store
            return store
        } catch {
            let span: SourceSpan =
                if case .revocationList = error.item { peer.revocations?.span ?? place } else {
                    peer.authorities?.span ?? place
                }
            throw TLSFindings(all: [.error(error.message, at: span)])
        }
    }

    private static func systemBundle(_ files: TLSFiles, _ place: SourceSpan) throws(TLSFindings) -> [UInt8] {
        let help = "give the authority in 'ca'"
        guard let path = SystemRoots.path else {
            throw TLSFindings(all: [.error("this system has no bundle of authorities", at: place, help: help)])
        }
        do {
            return try files.bytes(of: path)
        } catch {
            let message = "the system's bundle of authorities, '\(path)', \(error.reason)"
            throw TLSFindings(all: [.error(message, at: place, help: help)])
        }
    }
}
