package import NIOCore
package import SluiceCore

/// Where spans go.
package struct TracingModel: Sendable {
    /// Of the receiver: spans are posted to its path with `/v1/traces` behind it, unless it ends so already.
    package var endpoint: FetchURL
    package var serviceName = "sluice"
    /// Further attributes of the resource, which says who sent the spans.
    package var attributes: [(name: String, value: String)] = []
    /// Of each request to the receiver, such as keys.
    package var headers: [(name: String, value: String)] = []
    /// For one request to the receiver.
    package var timeout = TimeAmount.seconds(10)
    /// Bytes of encoded spans that may wait to be sent; spans beyond are dropped and counted.
    package var queueBytes = 8 * 1024 * 1024

    package init(endpoint: FetchURL) { self.endpoint = endpoint }
}
