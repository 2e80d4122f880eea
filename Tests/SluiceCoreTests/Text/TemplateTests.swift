import NIOCore
import SluiceCore
import Testing

/// Fills a template in with fixed values, "?" for a variable that is not given.
private func render(
    _ text: String,
    for use: Template.Use = .text,
    _ values: [TemplateVariable: String] = [:]
) throws -> String? {
    let template = try Template.parse(text).get()
    var out = ByteBuffer(string: ">")
    let usable = template.render(into: &out, for: use) { index, out in
        out.writeString(values[template.variables[index]] ?? "?")
    }
    if !usable { #expect(String(buffer: out) == ">", "a refused path leaves nothing") }
    return usable ? String(String(buffer: out).dropFirst()) : nil
}

@Suite("Run-time templates")
struct TemplateTests {
    @Test("text around variables")
    func text() throws {
        #expect(try render("/v2/${path.id}/x", [.path("id"): "7"]) == "/v2/7/x")
        #expect(try render("${client.ip}${route.name}", [.clientIP: "a", .routeName: "b"]) == "ab")
        #expect(try render("${header.X-Id}", [.header("x-id"): "v"]) == "v")
        let facts: [TemplateVariable: String] = [.tls(.clientURI): "u", .tls(.version): "v", .tls(.serverName): "n"]
        #expect(try render("${tls.client.uri} ${tls.version} ${tls.server_name}", facts) == "u v n")
    }

    @Test(
        "dollars",
        arguments: [
            ("$", "$"), ("a$b", "a$b"), ("$$", "$$"), ("$${a}", "${a}"), ("$$${a}", "$${a}"),
            ("$${client.ip}", "${client.ip}"),
            ("}", "}"), ("{}", "{}"), ("$x{", "$x{"), ("", ""),
        ]
    )
    func dollars(text: String, expected: String) throws {
        let template = try Template.parse(text).get()
        #expect(template.isConstant)
        #expect(template.constantBytes == Array(expected.utf8))
        #expect(try render(text) == expected)
    }

    @Test(
        "every variable",
        arguments: [
            ("path.id", TemplateVariable.path("id")), ("path.1", .path("1")), ("request.method", .requestMethod),
            ("request.path", .requestPath), ("request.query", .requestQuery), ("request.host", .requestHost),
            ("request.scheme", .requestScheme), ("request.id", .requestID), ("request.target", .requestTarget),
            ("header.X-A", .header("x-a")), ("query.Page", .query("Page")), ("cookie.sid", .cookie("sid")),
            ("client.ip", .clientIP), ("route.name", .routeName), ("upstream.name", .upstreamName),
            ("response.status", .responseStatus),
        ]
    )
    func variables(text: String, variable: TemplateVariable) throws {
        let template = try Template.parse("a${\(text)}").get()
        #expect(template.variables == [variable])
        #expect(template.offsets == [1])
        #expect(!template.isConstant)
        #expect(template.constantBytes == nil)
    }

    @Test(
        "mistakes, and where",
        arguments: [
            ("ab${path.id", TemplateError.Kind.unterminated, 2), ("${HOME}", .unknownVariable("HOME"), 0),
            ("x${}", .unknownVariable(""), 1), ("${header.}", .unknownVariable("header."), 0),
            ("${header.a b}", .unknownVariable("header.a b"), 0), ("${a}${client.ip}", .unknownVariable("a"), 0),
            ("${client.ip}${client.ipp}", .unknownVariable("client.ipp"), 12), ("é${x}", .unknownVariable("x"), 2),
            ("${path}", .unknownVariable("path"), 0),
        ]
    )
    func mistakes(text: String, kind: TemplateError.Kind, offset: Int) {
        guard case .failure(let error) = Template.parse(text) else {
            Issue.record("'\(text)' was accepted")
            return
        }
        #expect(error.kind == kind)
        #expect(error.offset == offset)
        #expect(!error.message.isEmpty)
    }

    @Test("candidates for a misspelt variable")
    func candidates() {
        guard case .failure(let error) = Template.parse("${headers.x-id}") else {
            Issue.record("accepted")
            return
        }
        #expect(error.candidates.contains("header.x-id"))
        #expect(error.candidates.contains("request.path"))
    }

    @Test("a text has a bound")
    func bound() {
        guard case .failure(let error) = Template.parse(String(repeating: "a", count: 65_537)) else {
            Issue.record("accepted")
            return
        }
        #expect(error.kind == .tooLong)
    }
}

@Suite("Values in templates cannot break out")
struct TemplateSafetyTests {
    @Test("CR, LF, NUL and other controls in a field value become spaces")
    func fieldValue() throws {
        let value = "a\r\nX-Evil: 1\0\u{7F}\u{1}\tz"
        #expect(try render("<${header.x}>", for: .fieldValue, [.header("x"): value]) == "<a  X-Evil: 1   \tz>")
        #expect(try render("<${header.x}>", for: .text, [.header("x"): value]) == "<\(value)>")
    }

    @Test("obs-text in a field value stays")
    func obsText() throws {
        #expect(try render("${header.x}", for: .fieldValue, [.header("x"): "é"]) == "é")
    }

    @Test("only the value is cleaned, not what the buffer held")
    func before() throws {
        let template = try Template.parse("${client.ip}").get()
        var out = ByteBuffer(string: "A: 1\r\nB: ")
        #expect(template.render(into: &out, for: .fieldValue) { _, out in out.writeString("x\r\ny") })
        #expect(String(buffer: out) == "A: 1\r\nB: x  y")
    }

    @Test("a buffer that was read from is cleaned at the right place")
    func readFrom() throws {
        let template = try Template.parse("${client.ip}").get()
        var out = ByteBuffer(string: "12\r\n")
        out.moveReaderIndex(forwardBy: 2)
        #expect(template.render(into: &out, for: .fieldValue) { _, out in out.writeString("\n\nz") })
        #expect(String(buffer: out) == "\r\n  z")
        #expect(template.render(into: &out, for: .path) { _, out in out.writeString(" ") })
        #expect(String(buffer: out) == "\r\n  z%20")
    }

    @Test(
        "a value in a path is escaped; one taken from the target keeps its slashes and escapes",
        arguments: [
            (TemplateVariable.header("x"), "header.x", "a/b?c#d e%41\\é", "/p/a%2Fb%3Fc%23d%20e%2541%5C%C3%A9"),
            (.path("x"), "path.x", "a/b%20c", "/p/a/b%20c"), (.requestPath, "request.path", "/a/b", "/p//a/b"),
            (.cookie("x"), "cookie.x", "a\r\n", "/p/a%0D%0A"),
            (.requestQuery, "request.query", "a=%20&b", "/p/a=%20&b"),
        ]
    )
    func path(variable: TemplateVariable, name: String, value: String, expected: String) throws {
        #expect(try render("/p/${\(name)}", for: .path, [variable: value]) == expected)
    }

    @Test(
        "a path that a value leads elsewhere is refused",
        arguments: [
            ("..", "/p/${header.x}/q"), (".", "/p/${header.x}"), (".", "/p/.${header.x}/q"),
            ("%2e", "/p/${path.x}%2E/q"),
            ("../../a", "/p/${path.x}"), ("..;a", "/p/${header.x}"),
        ]
    )
    func traversal(value: String, text: String) throws {
        #expect(try render(text, for: .path, [.header("x"): value, .path("x"): value]) == nil)
    }

    @Test("dots behind the question mark are no segments")
    func query() throws {
        #expect(try render("/p?q=${query.x}", for: .path, [.query("x"): ".."]) == "/p?q=..")
        #expect(try render("/p?q=/../${query.x}", for: .path, [.query("x"): "a"]) == "/p?q=/../a")
    }

    @Test("bytes are cleaned when written as a field value")
    func writeFieldValue() {
        var out = ByteBuffer(string: "\n")
        Array("a\r\nb".utf8).withUnsafeBytes { out.writeFieldValue($0) }
        #expect(String(buffer: out) == "\na  b")
    }
}
