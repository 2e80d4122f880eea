internal import SluiceConfig
internal import SluiceCore

/// A world outside the files that is the same in every test.
enum Outside {
    static let variables = [
        "PORT": "9001", "API_TOKEN": "s3cr3t-value", "EMPTY": "", "HOSTILE": "${path.id}", "TARGET": "orders",
    ]
    static let files = ["token.txt": "from-a-file\n", "conf/token.txt": "from-conf\n", "binary": "\u{FFFD}"]

    struct Missing: Error {}

    static func read(_ path: String) throws -> [UInt8] {
        guard let text = files[path] else { throw Missing() }
        return path == "binary" ? [0xFF, 0xFE] : Array(text.utf8)
    }
}

/// Loads native text as one file named `case.yaml`.
func load(_ text: String) -> (model: GatewayModel?, diagnostics: Diagnostics) {
    load([ConfigFile(path: "case.yaml", text: text)])
}

func load(_ files: [ConfigFile]) -> (model: GatewayModel?, diagnostics: Diagnostics) {
    NativeConfiguration.load(
        files: files,
        filters: FakeFilters.catalog,
        environment: { Outside.variables[$0] },
        readFile: Outside.read
    )
}

/// A decoding context without files of its own.
func makeContext(_ files: [ConfigFile] = [ConfigFile(path: "case.yaml", text: "")]) -> DecodeContext {
    DecodeContext(
        files: files,
        filters: FakeFilters.catalog,
        environment: { Outside.variables[$0] },
        readFile: Outside.read
    )
}

/// The tree of a text; problems are in the context.
func tree(
    _ text: String,
    limits: TreeLimits = TreeLimits(),
    allowsTags: Bool = false
) -> (node: ConfigNode?, context: DecodeContext) {
    let file = ConfigFile(path: "case.yaml", text: text)
    let context = makeContext([file])
    return (YAMLReader.read(file, index: 0, context: context, limits: limits, allowsTags: allowsTags), context)
}

/// Decodes one value as if it were the field `field` of a filter `test`.
func decode<Value>(_ type: ValueType<Value>, _ text: String) -> (value: Value?, messages: [String]) {
    let (node, context) = tree("field: \(text)\n")
    guard let value = node?["field"] else { return (nil, context.diagnostics.sorted.map(\.message)) }
    let scope = Scope(context: context, owner: Owner(kind: "filter", name: "test"), field: "field")
    return (type.decode(value, scope), context.diagnostics.sorted.map(\.message))
}

extension Diagnostics {
    var codes: [DiagnosticCode] { sorted.map(\.code) }
    var text: String { TextRenderer(sources: sources).render(self) }
}
