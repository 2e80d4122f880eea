internal import Glibc
internal import SluiceConfig
internal import Testing

/// A folder that goes away with the test.
private struct Folder: ~Copyable {
    let path: String

    init() throws {
        var template = Array("/tmp/sluice-config-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } }
        path = String(cString: try #require(made))
    }

    func write(_ name: String, _ text: String) { TextFiles.write(text, to: path + "/" + name) }

    deinit {
        for name in TextFiles.list(path, ending: "") where name != "." && name != ".." {
            unlink(path + "/" + name)
            rmdir(path + "/" + name)
        }
        rmdir(path)
    }
}

@Suite struct ConfigFilesTests {
    @Test func aFolderStandsForItsFilesByName() throws {
        let folder = try Folder()
        for name in ["b.yml", "a.yaml", "c.json", "notes.txt", ".hidden.yaml"] { folder.write(name, name) }
        mkdir(folder.path + "/sub.yaml", 0o700)
        folder.write("extra.conf", "extra")
        let (files, diagnostics) = ConfigFiles.expand([folder.path + "/extra.conf", folder.path])
        #expect(diagnostics.text == "")
        #expect(files.map { String(decoding: $0.bytes, as: UTF8.self) } == ["extra", "a.yaml", "b.yml", "c.json"])
        #expect(files.last?.path == folder.path + "/c.json")
    }

    @Test func saysWhatCannotBeRead() throws {
        let folder = try Folder()
        let (files, diagnostics) = ConfigFiles.expand(["/nonexistent/a.yaml", folder.path])
        #expect(files.isEmpty)
        #expect(diagnostics.codes == [.unreadableFile, .unreadableFile])
        #expect(diagnostics.sorted.first?.message == "the file cannot be opened: No such file or directory")
        #expect(diagnostics.sorted.last?.message == "the folder holds no .yaml, .yml or .json file")
    }

    @Test func boundsTheSize() throws {
        let folder = try Folder()
        folder.write("a.yaml", String(repeating: "#", count: 100))
        let path = folder.path + "/a.yaml"
        #expect(try ConfigFiles.read(path, atMost: 100).count == 100)
        #expect(throws: ConfigFiles.FileError.self) { try ConfigFiles.read(path, atMost: 99) }
    }

    @Test func checkReportsForPeopleAndPrograms() throws {
        let folder = try Folder()
        folder.write(
            "good.yaml",
            "version: 1\nlisteners: [{name: a, address: \":1\"}]\nroutes: [{match: {path: /a}, respond: {body: \"${file:body.txt}\"}}]\n"
        )
        folder.write("body.txt", "hello\n")
        folder.write("bad.yaml", "version: 1\nlistener: []\n")

        let good = ConfigurationCheck.run([folder.path + "/good.yaml"], filters: FakeFilters.catalog)
        #expect(good.isValid && good.exitCode == 0)
        #expect(good.report(.text) == "ok: 1 listener, 0 upstreams, 1 route\n")
        guard case .respond(let respond) = good.model?.routes.first?.action else {
            Issue.record("no answer")
            return
        }
        #expect(respond.body == "hello")

        let bad = ConfigurationCheck.run([folder.path + "/bad.yaml"], filters: FakeFilters.catalog)
        #expect(!bad.isValid && bad.exitCode == 1)
        #expect(bad.report(.text).contains("bad.yaml:2:1: error[SL012]: unknown field 'listener' in the configuration"))
        #expect(bad.report(.text).contains("help: did you mean 'listeners'?"))
        #expect(bad.report(.json).contains("\"code\": \"SL012\""))

        let missing = ConfigurationCheck.run(["/nonexistent.yaml"], filters: FakeFilters.catalog)
        #expect(missing.exitCode == 1)
        #expect(missing.report(.text).contains("error[SL001]"))
    }
}
