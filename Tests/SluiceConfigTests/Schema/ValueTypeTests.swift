internal import NIOCore
internal import SluiceConfig
internal import SluiceCore
internal import Testing

@Suite struct ValueTypeTests {
    @Test(arguments: ["yes", "no", "on", "off", "True", "1", "''"])
    func onlyTrueAndFalseAreFlags(_ text: String) {
        #expect(decode(.flag, text).value == nil)
        #expect(decode(.flag, "true").value == true)
    }

    @Test(arguments: ["1.0", "0x10", "1e3", "+1", "1_000", "''", "99999999999999999999"])
    func onlyDigitsAreNumbers(_ text: String) {
        #expect(decode(.integer(), text).value == nil)
        #expect(decode(.integer(), "42").value == 42)
    }

    @Test func numbersHaveBounds() {
        #expect(decode(.integer(1...5), "6").messages == ["'field' of filter 'test' must be from 1 to 5, not '6'"])
        #expect(decode(.integer(1...Int.max), "0").messages == ["'field' of filter 'test' must be at least 1, not '0'"])
        #expect(decode(.duration(), "0").messages == ["'field' of filter 'test' must be at least 1ms, not '0'"])
        #expect(
            decode(.percent(0...0.5), "60%").messages == ["'field' of filter 'test' must be from 0% to 50%, not '60%'"]
        )
        #expect(
            decode(.size(0...1024), "2KiB").messages == ["'field' of filter 'test' must be from 0 to 1KiB, not '2KiB'"]
        )
    }

    @Test func listsKeepTheGoodItems() {
        let (value, messages) = decode(.list(of: .integer()), "[1, x, 3]")
        #expect(value == [1, 3])
        #expect(messages == ["an item of 'field' of filter 'test' must be a whole number, not 'x'"])
        #expect(decode(.list(of: .integer(), atLeast: 1), "[]").value == nil)
        #expect(decode(.list(of: .integer()), "").value == [])
    }

    @Test func mappingsKeepTheirOrderAndNormaliseKeys() {
        let (value, messages) = decode(.map(keys: .headerName, of: .text), "{X-B: 1, x-a: 2}")
        #expect(value?.map(\.name) == ["x-b", "x-a"])
        #expect(messages.isEmpty)
        #expect(
            decode(.map(keys: .headerName, of: .text), "{X-B: 1, x-b: 2}").messages == ["the key 'x-b' is there twice"]
        )
    }

    @Test(arguments: [
        ("api.example.com", "api.example.com"), ("API.Example.COM.", "api.example.com"),
        ("\"*.example.com\"", "*.example.com"),
        ("localhost", "localhost"), ("my_host", "my_host"), ("\"[2001:DB8:0::1]\"", "[2001:db8::1]"),
        ("10.0.0.1", "10.0.0.1"),
    ])
    func readsHostPatterns(_ text: String, _ expected: String) {
        #expect(decode(.hostPattern, text).value == expected)
    }

    @Test(arguments: [
        "\"*\"", "\"*.\"", "\"a.*\"", "\"*a.b\"", "a..b", "\"\"", "\".\"", "-a.b", "a-.b", "a:80", "2001:db8::1",
        "\"[::1\"", "a b", "\"*.*.a\"",
        String(repeating: "a", count: 64), String(repeating: "a.", count: 127) + "a",
    ])
    func refusesOtherHosts(_ text: String) {
        #expect(decode(.hostPattern, text).value == nil)
    }

    @Test(arguments: [("/a", "/a"), ("/a/", "/a"), ("/a//", "/a"), ("/", "/"), ("//", "/"), ("/é", "/é")])
    func prefixesLoseTheSlashAtTheirEnd(_ text: String, _ expected: String) {
        #expect(decode(.pathPrefix, text).value == expected)
    }

    @Test(arguments: [("200", 200...200), ("200-299", 200...299)])
    func readsStatusRanges(_ text: String, _ expected: ClosedRange<Int>) {
        #expect(decode(.statusRange, text).value == expected)
    }

    @Test(arguments: ["99", "600", "300-200", "2xx", "200-", "-200", "200-299-300", "''"])
    func refusesOtherStatusRanges(_ text: String) {
        #expect(decode(.statusRange, text).value == nil)
    }

    @Test func headerValuesHaveNoBlanksAtTheirEnds() {
        #expect(decode(.headerValue, "\"a b\"").value == "a b")
        #expect(decode(.headerValue, "\"é\"").value == "é")
        for bad in ["\" a\"", "\"a\\t\"", "\"a\\nb\"", "\"a\\0\""] { #expect(decode(.headerValue, bad).value == nil) }
    }
}
