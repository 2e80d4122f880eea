package import SluiceConfig

/// The filters that come with the gateway: one line each.
package enum BuiltInFilters {
    package static let catalog = FilterCatalog([
        ConcurrencyConfiguration.self,
        CORSConfiguration.self,
        FaultConfiguration.self,
        GRPCJSONConfiguration.self,
        GRPCToRESTConfiguration.self,
        GRPCWebConfiguration.self,
        HeadersConfiguration.self,
        IPAccessConfiguration.self,
        JWTConfiguration.self,
        KeyAuthConfiguration.self,
        MTLSAuthConfiguration.self,
        RateLimitConfiguration.self,
        RequestIDConfiguration.self,
        RequestSizeConfiguration.self,
        TraceConfiguration.self,
    ])
}
