package import SluiceConfig

/// The filters that come with the gateway: one line each.
package enum BuiltInFilters {
    package static let catalog = FilterCatalog([
        CORSConfiguration.self,
        HeadersConfiguration.self,
        KeyAuthConfiguration.self,
        RateLimitConfiguration.self,
        RequestIDConfiguration.self,
    ])
}
