/// Numbers of things, for people.
enum Plural {
    /// `1 route`, `2 routes`.
    static func of(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }
}
