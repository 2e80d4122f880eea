/// The OpenAPI description of the admin API (OpenAPI 3.1.0), true to the letter: tests hold each operation to it.
enum AdminDescription {
    static let text = template.replacing("\"@", with: "\"#/components/")

    /// `@` stands for where components are, which no raw string could hold.
    private static let template = """
        {
          "openapi": "3.1.0",
          "info": {
            "title": "Sluice admin API",
            "version": "\(Tool.version)",
            "description": "Health, metrics, what runs, reload and drain of one gateway process.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}
          },
          "servers": [{"url": "/"}],
          "security": [{}, {"token": []}],
          "paths": {
            \(reads),
            \(orders)
          },
          "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {\(responses)},
            "schemas": {\(AdminSchemas.text)}
          }
        }

        """

    private static let reads = [
        read("/live", "live", "Whether the process answers at all.", "Status", "It does."),
        read(
            "/ready",
            "ready",
            "Whether new requests should be sent here.",
            "Status",
            "They should.",
            more: #""503": {"description": "They should not: it stops, or nothing runs yet.", \#(json("Status"))}"#
        ),
        metrics,
        read("/config", "config", "The running model; what may be secret is hidden.", "Model", "The model."),
        read("/routes", "routes", "The routes in the order in which they are tried.", "Routes", "The routes."),
        read("/upstreams", "upstreams", "Upstreams, their endpoints and breakers.", "Upstreams", "The upstreams."),
        explain,
        read("/openapi.json", "openapi", "This description.", "Model", "The description."),
    ].joined(separator: ",\n    ")

    private static let orders = [
        order(
            "/reload",
            "reload",
            "Reads the files again and takes them over.",
            #""200": {"description": "They run now.", \#(json("Reloaded"))}"#,
            #""422": {"description": "They do not; what ran goes on.", \#(json("Rejected"))}"#
        ),
        order(
            "/drain",
            "drain",
            "Ends the process as SIGTERM does: what is under way may end, nothing new is accepted.",
            #""202": {"description": "It has begun.", \#(json("Status"))}"#
        ),
    ].joined(separator: ",\n    ")

    private static func json(_ schema: String) -> String {
        #""content": {"application/json": {"schema": {"$ref": "@schemas/\#(schema)"}}}"#
    }

    private static let refusals = #"""
        "401": {"$ref": "@responses/unauthorized"}, "403": {"$ref": "@responses/forbidden"}
        """#
    private static let late = #""503": {"$ref": "@responses/late"}"#

    private static func read(
        _ path: String,
        _ name: String,
        _ summary: String,
        _ schema: String,
        _ answer: String,
        parameters: String? = nil,
        more: String? = nil
    ) -> String {
        let slow = ["config", "routes", "upstreams", "explain"].contains(name) ? late : nil
        let answers = [#""200": {"description": "\#(answer)", \#(json(schema))}"#, refusals, more, slow].compactMap {
            $0
        }
        let inputs = parameters.map { #""parameters": [\#($0)], "# } ?? ""
        return #""\#(path)": {"get": {"operationId": "\#(name)", "summary": "\#(summary)", \#(inputs)"responses": {"#
            + answers.joined(separator: ", ") + "}}}"
    }

    private static func order(_ path: String, _ name: String, _ summary: String, _ answers: String...) -> String {
        let all = answers + [refusals] + (name == "reload" ? [late] : [])
        return #""\#(path)": {"post": {"operationId": "\#(name)", "summary": "\#(summary)", "responses": {"#
            + all.joined(separator: ", ") + "}}}"
    }

    private static let metrics = #"""
        "/metrics": {"get": {"operationId": "metrics", "summary": "All metrics, for Prometheus.", "responses": {
              "200": {"description": "The metrics, as OpenMetrics where Accept asks for that.", "content": {
                "text/plain": {"schema": {"type": "string"}},
                "application/openmetrics-text": {"schema": {"type": "string"}}}},
              \#(refusals), \#(late)}}}
        """#

    private static let explain = read(
        "/explain",
        "explain",
        "What the running configuration does with a request, and why; nothing is sent.",
        "Explanation",
        "The explanation.",
        parameters: #"""
            {"name": "url", "in": "query", "required": true, "schema": {"type": "string", "minLength": 1},
                   "description": "With scheme and host, or from the path on."},
                  {"name": "method", "in": "query", "schema": {"type": "string", "default": "GET"}},
                  {"name": "header", "in": "query", "description": "`name: value`, as often as needed.",
                   "schema": {"type": "array", "items": {"type": "string"}}, "style": "form", "explode": true},
                  {"name": "listener", "in": "query", "schema": {"type": "string"}},
                  {"name": "client", "in": "query", "schema": {"type": "string"}, "description": "The client's address."}
            """#,
        more: #""400": {"description": "The parameters describe no request.", \#(json("Error"))}"#
    )

    private static let responses = [
        refusal("unauthorized", "The token is missing or wrong.", fields: true),
        refusal(
            "forbidden",
            "The request comes from a page of another origin, or calls the gateway by a foreign name."
        ),
        refusal("late", "There was no answer in time."),
    ].joined(separator: ",\n      ")

    private static func refusal(_ name: String, _ text: String, fields: Bool = false) -> String {
        let challenge =
            #""headers": {"WWW-Authenticate": {"required": true, "schema": {"type": "string"}}}, "#
        return #""\#(name)": {"description": "\#(text)", \#(fields ? challenge : "")"content": {"#
            + #""application/json": {"schema": {"$ref": "@schemas/Error"}}, "#
            + #""text/plain": {"schema": {"type": "string"}}}}"#
    }
}
