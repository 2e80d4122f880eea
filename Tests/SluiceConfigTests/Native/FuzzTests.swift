internal import SluiceConfig
internal import SluiceCore
internal import Testing

/// Broken bytes are diagnostics, never a trap.
@Suite struct FuzzTests {
    /// Every case of the golden tests, damaged by a seeded generator.
    @Test(arguments: GoldenTests.cases)
    func damagedFilesNeverTrap(_ name: String) throws {
        let original = Array(try TextFiles.read(GoldenTests.folder + "/" + name).utf8.prefix(4000))
        var random = RandomSource(seed: UInt64(name.utf8.count) &* 0x9E37_79B9)
        for _ in 0..<25 {
            let bytes = Self.damaged(original, &random)
            let (model, diagnostics) = load([ConfigFile(path: "case.yaml", bytes: bytes)])
            #expect((model == nil) == diagnostics.hasErrors)
            #expect(TextRenderer(sources: diagnostics.sources).render(diagnostics).isEmpty == diagnostics.isEmpty)
        }
    }

    @Test func noiseNeverTraps() {
        var random = RandomSource(seed: 42)
        for _ in 0..<500 {
            let count = Int(random.below(200))
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let (model, _) = load([ConfigFile(path: "case.yaml", bytes: bytes)])
            #expect(model == nil)
        }
    }

    private static let pieces = [
        "${", "}", "{", "[", "*", "&", "<<: ", ": ", "- ", "\n", "\t", "\u{0}", "'", "\"", "|\n", "!", "%",
        "99999999999999999999", "é", "---\n",
    ]

    private static func damaged(_ original: [UInt8], _ random: inout RandomSource) -> [UInt8] {
        var bytes = original
        for _ in 0...random.below(4) where !bytes.isEmpty {
            let at = Int(random.below(UInt64(bytes.count)))
            switch random.below(5) {
            case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes.remove(at: at)
            case 2: bytes.insert(contentsOf: Array(pieces[Int(random.below(UInt64(pieces.count)))].utf8), at: at)
            case 3: bytes.removeSubrange(at..<min(bytes.count, at + Int(random.below(40))))
            default:
                bytes.insert(
                    contentsOf: bytes[at..<min(bytes.count, at + Int(random.below(40)))],
                    at: Int(random.below(UInt64(bytes.count)))
                )
            }
        }
        return bytes
    }
}
