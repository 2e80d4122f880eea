#!/usr/bin/env python3
"""Tests of tools/lint: every rule of tools/lint.json is shown a breach and the lawful thing beside it."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import tempfile
import unittest

TOOLS = os.path.dirname(os.path.abspath(__file__))
LOADER = importlib.machinery.SourceFileLoader("lint", os.path.join(TOOLS, "lint"))
lint = importlib.util.module_from_spec(importlib.util.spec_from_loader("lint", LOADER))
LOADER.exec_module(lint)

with open(os.path.join(TOOLS, "lint.json"), encoding="utf-8") as file:
    CONFIG = json.load(file)

UNWRAP = "let a = b!"


def run(files, exceptions=(), arguments=()):
    """Lints a tree of these files; gives the exit code and the findings as (file:line, rule)."""
    with tempfile.TemporaryDirectory() as root:
        written = {"tools/lint.json": json.dumps({**CONFIG, "exceptions": list(exceptions)}), **files}
        for path, content in written.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(content)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = lint.main([*arguments, root])
    rows = [line.split(": ", 2) for line in output.getvalue().splitlines()]
    return code, [(row[0], row[1]) for row in rows]


class PatternRules(unittest.TestCase):
    def breach(self, rule, line, path="Sources/SluiceProxy/Some.swift"):
        self.assertEqual(run({path: f"\n{line}\n"}), (1, [(f"{path}:2", rule)]), line)

    def lawful(self, text, path="Sources/SluiceProxy/Some.swift"):
        self.assertEqual(run({path: f"\n{text}\n"}), (0, []), text)

    def test_traps(self):
        for line in ["try! f()", "let a = b as! C", "fatalError()", "preconditionFailure(x)"]:
            self.breach("trap", line)
        self.lawful("try? f()\nlet a = b as? C\n// fatalError() is not used here")

    def test_force_unwraps(self):
        for line in [UNWRAP, "f()!.g()", "var a: B!", "list[0]!"]:
            self.breach("force-unwrap", line)
        self.lawful('if a != b, !c, a!=b { log("stop!") } // now!')

    def test_unsafe_things_need_a_reason_within_three_lines(self):
        for line in ["final class A: @unchecked Sendable {}", "nonisolated(unsafe) var a = 1", "unowned(unsafe) let a: B"]:
            self.breach("unsafe", line)
            self.lawful(f"// SAFETY: only its loop touches it\n\n\n{line}")
            self.assertEqual(run({"Sources/SluiceCore/A.swift": f"// SAFETY: far off\n\n\n\n{line}"})[0], 1)

    def test_a_reason_in_a_string_is_none(self):
        self.breach("unsafe", 'nonisolated(unsafe) var a = "SAFETY:"')

    def test_clock_and_randomness_are_passed_in(self):
        for line in ["Date()", "ContinuousClock.now", "NIODeadline.now()", "clock_gettime(CLOCK_MONOTONIC, &t)"]:
            self.breach("clock", line)
            self.lawful(line, "Sources/SluiceCore/Loop/SystemClock.swift")
        for line in ["Int.random(in: 0..<3)", "list.randomElement()", "var r = SystemRandomNumberGenerator()"]:
            self.breach("random", line)
        self.lawful("Int.random(in: 0..<3, using: &random)")

    def test_only_the_command_line_prints(self):
        self.breach("print", 'print("x")')
        self.lawful('print("x")', "Sources/sluice/Main.swift")
        self.lawful("printer.print(x)\nblueprint(x)")

    def test_queues(self):
        self.breach("queue", "DispatchQueue.main")

    def test_strings_of_buffers_only_outside_the_hot_targets(self):
        self.breach("string", "String(buffer: b)")
        self.lawful("String(buffer: b)", "Sources/SluiceConfig/Some.swift")

    def test_sockets_only_where_they_are_made(self):
        self.breach("sockets", "import NIOPosix", "Sources/SluiceControl/Some.swift")
        self.lawful("import NIOPosix", "Sources/SluiceControl/Fetch/FetchJob.swift")
        self.lawful("internal import NIOPosix", "Sources/SluiceControl/Echo/EchoServer.swift")

    def test_tests_neither_sleep_nor_bind_fixed_ports(self):
        self.breach("sleep", "try await Task.sleep(for: .seconds(1))", "Tests/SluiceCoreTests/A.swift")
        self.breach("fixed-port", 'connect("127.0.0.1:8080")', "Tests/Integration/A.swift")
        self.lawful('connect("127.0.0.1:0")', "Tests/Integration/A.swift")
        self.lawful('decode("address: 127.0.0.1:8080")', "Tests/SluiceConfigTests/A.swift")

    def test_unfinished_work(self):
        for word in ["TODO", "FIXME", "XXX"]:
            self.breach("unfinished", f"// {word}: later")
        self.lawful("// mktemp name.XXXXXX")

    def test_dashes_and_machine_paths_in_every_file(self):
        self.breach("dash", "one \u2014 two", "docs/page.md")
        self.breach("dash", "one \u2014 two", "README.md")
        self.breach("machine-path", "see " + "/work" + "/main", "docs/page.md")
        self.breach("machine-path", "cd " + "/root" + "/x", "tools/run")
        self.lawful("GET https://example.com" + "/work" + "/1 and network" + "/root" + "/x", "docs/page.md")


class Imports(unittest.TestCase):
    def test_arrows_point_downward(self):
        self.assertEqual(
            run({"Sources/SluiceCore/A.swift": "package import SluiceConfig\n"}),
            (1, [("Sources/SluiceCore/A.swift:1", "import")]),
        )
        self.assertEqual(run({"Sources/SluiceProxy/A.swift": "package import SluiceConfig\n"}), (0, []))

    def test_foundation_and_yams(self):
        for line in ["import Foundation", "@preconcurrency internal import Foundation", "import struct Foundation.Date"]:
            self.assertEqual(run({"Sources/SluiceProxy/A.swift": line})[0], 1, line)
        self.assertEqual(run({"Sources/SluiceProxy/A.swift": "import Yams"})[0], 1)
        self.assertEqual(run({"Sources/SluiceConfig/A.swift": "import CYaml"})[0], 0)

    def test_an_unknown_target_has_to_be_entered(self):
        self.assertEqual(run({"Sources/SluiceNew/A.swift": ""})[0], 1)

    def test_no_filter_uses_another_filter(self):
        a, b = "Sources/SluiceFilters/A/A.swift", "Sources/SluiceFilters/B/B.swift"
        self.assertEqual(run({a: "package struct AFilter {}\n", b: "let a: AFilter\n"}), (1, [(f"{b}:1", "filter-import")]))
        self.assertEqual(run({a: "private struct AFilter {}\n", b: "private struct AFilter {}\nlet a: AFilter\n"}), (0, []))
        shared = "Sources/SluiceFilters/API/Filter.swift"
        self.assertEqual(run({shared: "package protocol Filter {}\n", b: "struct B: Filter {}\n"}), (0, []))
        registry = "Sources/SluiceFilters/Registry.swift"
        self.assertEqual(run({a: "package struct AFilter {}\n", registry: "let all = [AFilter.self]\n"}), (0, []))


class Lengths(unittest.TestCase):
    def function(self, head, lines):
        return "\n".join([head] + ["    x()"] * (lines - 2) + ["}", ""])

    def test_functions(self):
        path = "Sources/SluiceCore/A.swift"
        for head in ["func f() {", "    package static func f<T>(_ a: T) -> Int {", "package init?(x: Int) {",
                     "@inlinable @inline(__always) func f() {", "func f(a: () -> Void = {}) {"]:
            self.assertEqual(run({path: self.function(head, 60)}), (0, []), head)
            self.assertEqual(run({path: self.function(head, 61)}), (1, [(f"{path}:1", "function-length")]), head)

    def test_a_head_of_several_lines_counts(self):
        path = "Sources/SluiceCore/A.swift"
        head = "func f(\n    a: () -> Void = {},\n    b: Int\n)\n    where T: Q\n{"
        self.assertEqual(run({path: self.function(head, 55)}), (0, []))
        self.assertEqual(run({path: self.function(head, 56)}), (1, [(f"{path}:1", "function-length")]))

    def test_a_requirement_has_no_body(self):
        source = "protocol P {\n    func f(a: Int) -> Int\n    init(b: Int)\n}\n" + self.function("extension A {", 80)
        self.assertEqual(run({"Sources/SluiceCore/A.swift": source}), (0, []))

    def test_braces_in_strings_and_comments_do_not_count(self):
        body = 'func f() {\n    g("}", #"}"#, "\\(h("}"))") // }\n    /* } */\n'
        self.assertEqual(
            run({"Sources/SluiceCore/A.swift": body + "    x()\n" * 60 + "}\n"})[1],
            [("Sources/SluiceCore/A.swift:1", "function-length")],
        )

    def test_files(self):
        path = "Sources/SluiceCore/A.swift"
        self.assertEqual(run({path: "let a = 1\n" * 500}), (0, []))
        self.assertEqual(run({path: "let a = 1\n" * 501}), (1, [(f"{path}:1", "file-length")]))

    def test_advice_does_not_fail(self):
        path = "Sources/SluiceCore/A.swift"
        files = {path: self.function("func f() {", 31)}
        self.assertEqual(run(files), (0, []))
        self.assertEqual(run(files, arguments=["-v"]), (0, [(f"{path}:1", "function-length (advice)")]))


class Exceptions(unittest.TestCase):
    PATH = "Sources/SluiceCore/A.swift"

    def exception(self, count, why="a reason"):
        return [{"rule": "force-unwrap", "path": self.PATH, "count": count, "why": why}]

    def test_an_exact_count_excuses(self):
        self.assertEqual(run({self.PATH: f"{UNWRAP}\n{UNWRAP}\n"}, self.exception(2)), (0, []))

    def test_one_more_shows_all_places(self):
        self.assertEqual(len(run({self.PATH: f"{UNWRAP}\n{UNWRAP}\n"}, self.exception(1))[1]), 2)

    def test_one_less_has_to_be_lowered(self):
        self.assertEqual(run({self.PATH: f"{UNWRAP}\n"}, self.exception(2))[0], 1)
        self.assertEqual(run({self.PATH: "\n"}, self.exception(1))[0], 1)

    def test_a_reason_is_needed(self):
        self.assertEqual(run({self.PATH: f"{UNWRAP}\n"}, self.exception(1, why=""))[0], 1)


class SplittingSwift(unittest.TestCase):
    def split(self, source):
        code, comments = lint.split_swift(source)
        self.assertEqual(code.count("\n"), source.count("\n"))
        return code.split(), comments.split()

    def test_comments(self):
        self.assertEqual(self.split("a // b\n/* c /* d */ e */ f"), (["a", "f"], ["//", "b", "/*", "c", "/*", "d", "*/", "e", "*/"]))

    def test_strings(self):
        for literal in ['"x"', '"\\"x"', '"\\(f("y", (1)))x"', '#"x"y"#', '#"\\"#', '"""\n x "y"\n"""', '"// x"', '"\\\\"']:
            self.assertEqual(self.split(f"a {literal} b"), (["a", "b"], []), literal)

    def test_an_open_string_ends_with_its_line(self):
        self.assertEqual(self.split('a "x\nb'), (["a", "b"], []))


if __name__ == "__main__":
    unittest.main()
