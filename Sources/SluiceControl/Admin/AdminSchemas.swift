/// What the answers of the admin API look like, as JSON Schema.
enum AdminSchemas {
    static let text = #"""
        "Status": {"type": "object", "required": ["status"], "additionalProperties": false, "properties": {
                "status": {"type": "string", "enum": ["live", "ready", "starting", "draining"]}}},
              "Error": {"type": "object", "required": ["status", "code", "message"], "additionalProperties": false,
                "properties": {
                  "status": {"type": "integer"}, "code": {"type": "string"}, "message": {"type": "string"},
                  "request_id": {"type": "string"}}},
              "Model": {"type": "object"},
              "Explanation": {"type": "object", "required": ["outcome", "request", "listener"], "properties": {
                "outcome": {"type": "string", "enum": ["route", "no_route", "method_not_allowed", "refused"]},
                "request": {"type": "object"}, "listener": {"type": "object"}}},
              "Routes": {"type": "object", "required": ["routes"], "additionalProperties": false, "properties": {
                "routes": {"type": "array", "items": {"$ref": "@schemas/Route"}}}},
              "Route": {"type": "object", "required": ["name", "place", "match", "filters", "action"],
                "additionalProperties": false, "properties": {
                  "name": {"type": "string"}, "place": {"type": "string"}, "match": {"type": "object"},
                  "filters": {"type": "array", "items": {"type": "string"}},
                  "action": {"type": "string", "enum": ["forward", "redirect", "respond"]},
                  "targets": {"type": "array", "items": {"type": "object", "required": ["upstream", "weight"],
                    "additionalProperties": false, "properties": {
                      "upstream": {"type": "string"}, "weight": {"type": "integer", "minimum": 0}}}},
                  "timeout": {"type": "string"}}},
              "Upstreams": {"type": "object", "required": ["upstreams"], "additionalProperties": false, "properties": {
                "upstreams": {"type": "array", "items": {"$ref": "@schemas/Upstream"}}}},
              "Upstream": {"type": "object",
                "required": ["name", "connections", "pending", "requests", "retries", "endpoints"],
                "additionalProperties": false, "properties": {
                  "name": {"type": "string"},
                  "connections": {"$ref": "@schemas/Use"}, "pending": {"$ref": "@schemas/Use"},
                  "requests": {"$ref": "@schemas/Use"}, "retries": {"type": "integer"},
                  "endpoints": {"type": "array", "items": {"$ref": "@schemas/Endpoint"}}}},
              "Use": {"type": "object", "required": ["current", "limit"], "additionalProperties": false,
                "properties": {"current": {"type": "integer"}, "limit": {"type": "integer"}}},
              "Endpoint": {"type": "object",
                "required": ["address", "weight", "priority", "health", "ejected", "usable", "connections"],
                "additionalProperties": false, "properties": {
                  "address": {"type": "string"}, "weight": {"type": "integer"}, "priority": {"type": "integer"},
                  "health": {"type": "string", "enum": ["unchecked", "unknown", "healthy", "unhealthy"]},
                  "ejected": {"type": "boolean"}, "usable": {"type": "boolean"},
                  "connections": {"type": "integer", "minimum": 0}}},
              "Reloaded": {"type": "object", "required": ["outcome", "message", "generation"],
                "additionalProperties": false, "properties": {
                  "outcome": {"type": "string", "const": "reloaded"}, "message": {"type": "string"},
                  "generation": {"type": "integer"}}},
              "Rejected": {"type": "object", "required": ["outcome", "message", "diagnostics"],
                "additionalProperties": false, "properties": {
                  "outcome": {"type": "string", "const": "rejected"}, "message": {"type": "string"},
                  "diagnostics": {"type": "array", "items": {"$ref": "@schemas/Diagnostic"}}}},
              "Diagnostic": {"type": "object", "required": ["code", "severity", "message", "file", "line", "column"],
                "properties": {
                  "code": {"type": "string"}, "severity": {"type": "string"}, "message": {"type": "string"},
                  "file": {"type": "string"}, "line": {"type": "integer"}, "column": {"type": "integer"},
                  "length": {"type": "integer"}, "docs": {"type": "string"}, "help": {"type": "string"},
                  "notes": {"type": "array", "items": {"type": "object"}}}}
        """#
}
