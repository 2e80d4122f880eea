/// What may be shown of the values that a configuration or a request holds.
package enum Discretion {
    /// Parts of names under which secrets travel.
    private static let telling = ["auth", "cookie", "token", "secret", "passw", "key", "credential", "session"]

    /// Whether what stands under that name (of a header, a query parameter, a field) may be a secret.
    package static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return telling.contains { name.contains($0) }
    }

    /// A value in quotes, short and without control characters; `'***'` where the name tells of a secret.
    package static func shown(_ value: String, under name: String) -> String {
        isSecret(name) ? "'***'" : "'\(Printable.short(value))'"
    }

    /// A text whose URLs show neither user nor password.
    package static func withoutCredentials(_ text: String) -> String { Credentials.hidden(in: text) }
}
