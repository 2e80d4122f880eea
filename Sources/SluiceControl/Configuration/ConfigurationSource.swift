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
    /// Overrides the address of the admin API, or brings it about.
    package var admin: ListenAddress?

    package init(_ arguments: [String], listen: ListenAddress? = nil, admin: ListenAddress? = nil) {
        self.arguments = arguments
        self.listen = listen
        self.admin = admin
    }

    /// What came of reading the files.
    package struct Loaded: Sendable {
        /// nil when something is wrong.
        package var model: GatewayModel?
        /// All errors and warnings, for people; empty if there are none.
        package var report = ""
        package var errorCount = 0
        /// What the command line has against it, in one line; part of the report too.
        package var problem: String?
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
        let check = reviewed(ConfigurationCheck(diagnostics: diagnostics, model: model), &loaded)
        loaded.report = TextRenderer(sources: check.diagnostics.sources).render(check.diagnostics)
        loaded.errorCount = check.diagnostics.errorCount
        if check.model == nil { loaded.findings = JSONRenderer.list(check.diagnostics) }
        loaded.model = check.model
        applyOverrides(to: &loaded)
        return loaded
    }

    /// Takes a look at certificates, keys and lists. `TLSStore` watches those of a configuration that runs; while they
    /// keep one from running, they are watched here like its own files.
    private func reviewed(_ check: ConfigurationCheck, _ loaded: inout Loaded) -> ConfigurationCheck {
        guard let paths = check.model?.tlsPaths, !paths.isEmpty else { return check }
        // Before the review: what changes meanwhile is then seen as a change.
        let contents = paths.map { ($0, (try? ConfigFiles.read($0)) ?? []) }
        let reviewed = check.reviewed()
        guard reviewed.model == nil else { return reviewed }
        for (path, bytes) in contents where !loaded.paths.contains(path) {
            loaded.paths.append(path)
            loaded.fingerprint.add(path, bytes)
        }
        return reviewed
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

    private func applyOverrides(to loaded: inout Loaded) {
        guard var model = loaded.model else { return }
        loaded.problem = overrideListener(of: &model) ?? overrideAdmin(of: &model)
        loaded.model = loaded.problem == nil ? model : nil
        if let problem = loaded.problem {
            loaded.report += problem + "\n"
            loaded.errorCount += 1
        }
    }

    /// - Returns: why that cannot be, in one line.
    private func overrideListener(of model: inout GatewayModel) -> String? {
        guard let listen else { return nil }
        switch model.listeners.count {
        case 0: model.listeners = [ListenerModel(name: "main", place: .builtIn, address: listen)]
        case 1: model.listeners[0].address = listen
        default: return "--listen needs a configuration with one listener, this one has \(model.listeners.count)"
        }
        return listen == model.admin?.address && admin == nil ? Self.isShared(listen) : nil
    }

    /// - Returns: why that cannot be, in one line.
    private func overrideAdmin(of model: inout GatewayModel) -> String? {
        guard let admin else { return nil }
        var api = model.admin ?? AdminModel(address: admin, place: .builtIn)
        api.address = admin
        model.admin = api
        if api.token == nil, !admin.isLocal {
            return "--admin \(admin.text): others than this machine may reach that address, so the configuration must "
                + "have 'admin' with a 'token'"
        }
        return model.listeners.contains { $0.address == admin } ? Self.isShared(admin) : nil
    }

    /// Said of the same address for both; nil where the system gives each a port of its own.
    private static func isShared(_ address: ListenAddress) -> String? {
        if case .ip(_, 0) = address { return nil }
        return "the admin API and a listener cannot both have the address \(address.text)"
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
