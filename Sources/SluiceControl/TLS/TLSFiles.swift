import SluiceConfig
import SluiceCore
import SluiceTLS
import SluiceUpstream

/// The files of certificates, keys and lists as they are at one time: each is read once, whoever asks for it.
///
/// Isolation: one thread that may block.
final class TLSFileCache {
    /// A bundle of all authorities of the world has 250 KiB; a large revocation list has some MiB.
    private static let largestFile = 64 * 1024 * 1024

    private var contents: [String: Result<[UInt8], ConfigFiles.FileError>] = [:]

    /// - Throws: why the file cannot be read, as a predicate.
    func bytes(of path: String) throws(ConfigFiles.FileError) -> [UInt8] {
        if let known = contents[path] { return try known.get() }
        do {
            let bytes = try ConfigFiles.read(path, atMost: Self.largestFile)
            contents[path] = .success(bytes)
            return bytes
        } catch {
            contents[path] = .failure(error)
            throw error
        }
    }
}

/// The files that one context is made of, as the one who makes it asks for them.
final class TLSFiles {
    private let cache: TLSFileCache
    /// Every file that was asked for, in that order.
    private(set) var paths: [String] = []
    /// What they hold; one that cannot be read counts as an empty one.
    private(set) var fingerprint = ContentFingerprint()

    init(_ cache: TLSFileCache) { self.cache = cache }

    /// What the files hold now of which another context was made.
    static func fingerprint(of paths: [String], _ cache: TLSFileCache) -> ContentFingerprint {
        let files = TLSFiles(cache)
        for path in paths { _ = try? files.bytes(of: path) }
        return files.fingerprint
    }

    /// Reads them all, so that all problems are said at once.
    func read(_ materials: [TLSMaterial]) throws(TLSFindings) {
        var problems: [TLSFinding] = []
        for material in materials {
            do throws(TLSFindings) {
                _ = try bytes(of: material)
            } catch {
                problems += error.all
            }
        }
        guard problems.isEmpty else { throw TLSFindings(all: problems) }
    }

    /// The bytes of a certificate, key or list; a problem is said at its place.
    func bytes(of material: TLSMaterial) throws(TLSFindings) -> [UInt8] {
        switch material.origin {
        case .inline(let secret): return Array(secret.text.utf8)
        case .file(let path):
            do {
                return try bytes(of: path)
            } catch {
                throw TLSFindings(all: [.error("'\(Printable.short(path))' \(error.reason)", at: material.span)])
            }
        }
    }

    /// - Throws: why the file cannot be read, as a predicate.
    func bytes(of path: String) throws(ConfigFiles.FileError) -> [UInt8] {
        if !paths.contains(path) { paths.append(path) }
        let bytes = try cache.bytes(of: path)
        fingerprint.add(path, bytes)
        return bytes
    }
}
