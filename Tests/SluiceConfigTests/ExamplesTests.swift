internal import SluiceConfig
internal import Testing

/// Every file in `examples/` is a configuration without findings; a folder there is one of several files.
///
/// Those with filters are checked where the filters are.
@Suite struct ExamplesTests {
    static let folder = TextFiles.root + "/examples"
    static let files = TextFiles.list(folder, ending: ".yaml").filter { name in
        guard let text = try? TextFiles.read(folder + "/" + name) else { return true }
        return !text.contains("filters:")
    }
    static let folders = ["several-files"]

    @Test(arguments: files + folders)
    func isWithoutFindings(_ name: String) {
        let check = ConfigurationCheck.run([Self.folder + "/" + name], filters: FakeFilters.catalog)
        #expect(check.report(.text).hasPrefix("ok: "), "\(check.report(.text))")
    }

    @Test func thereIsOneForEachCapability() {
        #expect(Self.files.count >= 11)
    }
}
