package import SluiceConfig
import SluiceCore
import SluiceFilters

/// Where the configuration comes from: what stands on the command line.
///
/// Isolation: any thread that may block.
package struct ConfigurationSource: Sendable {
    /// Files and folders.
    package var arguments: [String]
    /// Overrides the address of the listener.
    package var listen: ListenAddress?

    package init(_ arguments: [String], listen: ListenAddress? = nil) {
        self.arguments = arguments
        self.listen = listen
    }

    /// What came of reading the files.
    package struct Loaded: Sendable {
        /// nil when something is wrong.
        package var model: GatewayModel?
        /// All errors and warnings, for people; empty if there are none.
        package var report = ""
        package var errorCount = 0
        /// The same for programs, as a JSON array; only when there are errors.
        package var findings = "[]"
        /// What the files and the files that they refer to held.
        package var fingerprint = ContentFingerprint()
        /// Every file and folder that had a part in it.
        package var paths: [String] = []
    }

    /// Reads and checks everything.
    package func load() -> Loaded {
        let (files, problems) = ConfigFiles.expand(arguments)
        var loaded = Loaded()
        loaded.paths = arguments + files.map(\.path)
        for file in files { loaded.fingerprint.add(file.path, file.bytes) }
        guard !problems.hasErrors, !files.isEmpty else {
            loaded.report = TextRenderer(sources: files).render(problems)
            loaded.errorCount = problems.errorCount
            loaded.findings = JSONRenderer.list(problems)
            return loaded
        }
        let references = References()
        let (model, diagnostics) = NativeConfiguration.load(
            files: files,
            filters: BuiltInFilters.catalog,
            environment: ConfigFiles.environment,
            readFile: references.read
        )
        loaded.paths += references.contents.map(\.path)
        for (path, bytes) in references.contents { loaded.fingerprint.add(path, bytes) }
        loaded.report = TextRenderer(sources: diagnostics.sources).render(diagnostics)
        loaded.errorCount = diagnostics.errorCount
        if model == nil { loaded.findings = JSONRenderer.list(diagnostics) }
        loaded.model = model
        applyOverride(to: &loaded)
        return loaded
    }

    /// What the files hold now, at the same paths and those that a folder gained.
    package func fingerprint(like last: Loaded) -> ContentFingerprint {
        let (files, _) = ConfigFiles.expand(arguments)
        var fingerprint = ContentFingerprint()
        for file in files { fingerprint.add(file.path, file.bytes) }
        let known = Set(files.map(\.path))
        for path in last.paths.dropFirst(arguments.count) where !known.contains(path) {
            if let bytes = try? ConfigFiles.read(path) { fingerprint.add(path, bytes) }
        }
        return fingerprint
    }

    private func applyOverride(to loaded: inout Loaded) {
        guard let listen, var model = loaded.model else { return }
        switch model.listeners.count {
        case 0: model.listeners = [ListenerModel(name: "main", place: .builtIn, address: listen)]
        case 1: model.listeners[0].address = listen
        default:
            loaded.report += "--listen needs a configuration with one listener, this one has \(model.listeners.count)\n"
            loaded.errorCount += 1
            loaded.model = nil
            return
        }
        loaded.model = model
    }

    /// The files named by `${file:...}`, as they were read.
    private final class References {
        private(set) var contents: [(path: String, bytes: [UInt8])] = []

        func read(_ path: String) throws -> [UInt8] {
            do {
                let bytes = try ConfigFiles.read(path, atMost: DecodeContext.largestFile)
                contents.append((path, bytes))
                return bytes
            } catch {
                // Watched all the same: it may come into being.
                contents.append((path, []))
                throw error
            }
        }
    }
}
