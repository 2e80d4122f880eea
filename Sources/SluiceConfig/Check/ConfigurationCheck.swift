/// What `sluice check` prints, and whether it succeeds.
package struct ConfigurationCheck: Sendable {
    package enum Format: String, CaseIterable, Sendable { case text, json }

    package let diagnostics: Diagnostics
    /// nil when there are errors.
    package let model: GatewayModel?

    package init(diagnostics: Diagnostics, model: GatewayModel?) {
        self.diagnostics = diagnostics
        self.model = model
    }

    /// Reads the files and folders of `-c` with the process's environment and checks them.
    package static func run(_ arguments: [String], filters: FilterCatalog) -> ConfigurationCheck {
        let (files, problems) = ConfigFiles.expand(arguments)
        // With a file missing, what it would have held looks unknown: say only what is certain.
        guard !problems.hasErrors, !files.isEmpty else {
            return ConfigurationCheck(diagnostics: problems, model: nil)
        }
        let (model, diagnostics) = NativeConfiguration.load(
            files: files,
            filters: filters,
            environment: ConfigFiles.environment,
            readFile: { try ConfigFiles.read($0, atMost: DecodeContext.largestFile) }
        )
        return ConfigurationCheck(diagnostics: diagnostics, model: model)
    }

    package var isValid: Bool { model != nil }

    /// The exit status of the command.
    package var exitCode: Int32 { exitCode(strict: false) }

    /// The exit status: 1 for errors, and when `strict` for warnings too.
    package func exitCode(strict: Bool) -> Int32 {
        isValid && !(strict && diagnostics.warningCount > 0) ? 0 : 1
    }

    /// The report; of a configuration without any finding, one line that says what it holds.
    package func report(_ format: Format) -> String {
        switch format {
        case .json: JSONRenderer.render(diagnostics)
        case .text: TextRenderer(sources: diagnostics.sources).render(diagnostics) + explained + (summary ?? "")
        }
    }

    /// Where the codes of the report are explained, on one line.
    private var explained: String {
        let anchors = diagnostics.distinctCodes.map { "#" + $0.anchor }
        return anchors.isEmpty ? "" : "docs: \(DiagnosticCode.page) \(anchors.joined(separator: " "))\n"
    }

    private var summary: String? {
        guard let model else { return nil }
        func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }
        let parts = [
            count(model.listeners.count, "listener"), count(model.upstreams.count, "upstream"),
            count(model.routes.count, "route"),
        ]
        return "ok: \(parts.joined(separator: ", "))\n"
    }
}
