import SluiceCore

/// One way to call a method by plain HTTP: a rule of `google.api.http`, or the call's own path.
///
/// A class, so that handing one on counts one reference instead of those of all its parts.
package final class Binding: Sendable {
    /// What the body of the request is.
    enum Body: Equatable, Sendable {
        /// There is none: what the path does not set, the query does.
        case none
        /// The whole message but for what the path sets: `*`.
        case message
        /// One field, as a place in the pool.
        case field(Int)
    }

    /// A path variable.
    struct Variable: Sendable {
        /// The fields that lead to the one it sets, as places in the pool.
        let fields: [Int]
        /// Whether it takes several segments, and `/` is part of its value.
        let isMulti: Bool
        /// The segments of the template that it takes.
        let segments: Range<Int>
    }

    /// The method it is for, as a place in `DescriptorPool.methods`.
    package let method: Int
    /// `GET`, or `*` for any.
    package let httpMethod: String
    let path: BindingTemplate
    let variables: [Variable]
    let body: Body
    /// The field that the response shows, as a place in the pool; nil for the whole message.
    let responseBody: Int?

    init(
        method: Int,
        httpMethod: String,
        path: BindingTemplate,
        variables: [Variable],
        body: Body,
        responseBody: Int?
    ) {
        self.method = method
        self.httpMethod = httpMethod
        self.path = path
        self.variables = variables
        self.body = body
        self.responseBody = responseBody
    }

    /// The template as it was written.
    package var template: String { path.text }
}
