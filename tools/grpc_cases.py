"""gRPC, gRPC-Web and REST in front of gRPC through a gateway: what is sent and what has to come of it. For
tools/compare-envoy; the service is that of library_service.py.

A case is (section, what, function, what may come of it); the function gets a `Gateway` and returns what came of it, as text.
"""

import base64
import http.client
import json
import socket
import struct
import time

import grpc
import library_service
from google.protobuf import json_format
from http2_cases import DATA, GOAWAY, HEADERS, PREFACE, RESET, SETTINGS, Peer, field, frame

TARGET = "/" + library_service.SERVICE + "/"


class Gateway:
    """The ports of a gateway's REST face and of gRPC, the service behind it, and its messages."""

    def __init__(self, ports, server, pb):
        self.rest, self.grpc, self.server, self.pb = *ports, server, pb

    def ask(self, port, method, target, body=None, fields=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in {"content-length": str(len(body or b"")), **(fields or {})}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        try:
            text = answer.read()
        except http.client.IncompleteRead as problem:
            text = problem.partial + b"<cut>"
        connection.close()
        return answer.status, answer.headers, text


# MARK: REST


def arrives(method, target, message, body=None, kind="GetBookRequest", fields=None):
    """The service gets this message, as JSON of its own; or what the status was."""
    def play(gateway):
        gateway.server.seen.clear()
        data = body.encode("latin-1") if isinstance(body, str) else body
        status, _, _ = gateway.ask(gateway.rest, method, target, data, {"x-answer-bin": "", **(fields or {})})
        if status != 200 or not gateway.server.seen:
            return str(status)
        found = getattr(gateway.pb, kind).FromString(gateway.server.seen[-1][1][0])
        return json.dumps(json_format.MessageToDict(found, preserving_proto_field_name=True), sort_keys=True)
    return play, {json.dumps(message, sort_keys=True)} if isinstance(message, dict) else message


def shown(method, target, wanted, kind=None, message=None, text="", fields=None):
    """The client gets this JSON for the service's message; or the status."""
    def play(gateway):
        answers = [getattr(gateway.pb, kind)(**one).SerializeToString() if isinstance(one, dict) else one for one in message]
        sent = {"x-answer-bin": ",".join(base64.b64encode(one).decode() for one in answers), **(fields or {})}
        status, head, body = gateway.ask(gateway.rest, method, target, text.encode(), sent)
        if status != 200:
            return str(status)
        try:
            return json.dumps(json.loads(body), sort_keys=True)
        except ValueError:
            return body.decode("latin-1")
    return play, {json.dumps(wanted, sort_keys=True)} if isinstance(wanted, (dict, list)) else wanted


def ended(code, wanted):
    """The status of HTTP for a call that ends with a code."""
    def play(gateway):
        return str(gateway.ask(gateway.rest, "GET", "/v1/books/x", None, {"x-code": str(code), "x-message": "why"})[0])
    return play, {wanted}


BOOK, SHELF = "/v1/shelves/1/books/2", {"name": "shelves/1/books/2"}
NEW = "/v1/shelves/1/books"
BAD = {"400"}


def created(body, book, wanted=None):
    return arrives("POST", NEW, wanted or {"parent": "shelves/1", **({"book": book} if book is not None else {})}, body, "CreateBookRequest")


def filtered(query, found):
    return arrives("GET", BOOK + "?" + query, {**SHELF, **found} if isinstance(found, dict) else found)


REST = [
    ("path", "a variable of several segments", arrives("GET", BOOK, SHELF)),
    ("path", "an additional binding", arrives("GET", "/v1/books/x", {"name": "x"})),
    ("path", "an escaped letter", arrives("GET", "/v1/books/%41%c3%a4", {"name": "A\u00e4"})),
    ("path", "an escaped space", arrives("GET", "/v1/books/a%20b", {"name": "a b"})),
    ("path", "a plus", arrives("GET", "/v1/books/a+b", {"name": "a+b"})),
    ("path", "an escape that is none", arrives("GET", "/v1/books/a%zz", BAD)),
    ("path", "bytes that are no UTF-8", arrives("GET", "/v1/books/%ff%fe", BAD)),
    ("path", "a segment too many", arrives("GET", "/v1/books/x/y", {"404", "405"})),
    ("path", "a segment too few", arrives("GET", "/v1/shelves/1", {"404", "405"})),
    ("path", "another method", arrives("PUT", "/v1/books/x", {"404", "405"})),
    ("path", "a verb", arrives("POST", BOOK + ":archive", SHELF, "{}")),
    ("path", "an unknown verb", arrives("POST", BOOK + ":nothing", {"404", "405"}, "{}")),
    ("path", "a colon without a verb", arrives("GET", "/v1/books/a:b", {"name": "a:b"})),
    ("path", "an empty segment", arrives("GET", "/v1/books/", {"404", "405"})),
    ("path", "a method without annotation", arrives("POST", TARGET + "Bare", {"title": "t"}, '{"title": "t"}', "Book")),
    ("path", "a custom method", arrives("PURGE", "/v1/a/b/c", {"name": "a/b/c"})),
    ("query", "a number", filtered("filter.year=9", {"filter": {"year": 9}})),
    ("query", "a repeated field", filtered("filter.ids=1&filter.ids=2", {"filter": {"ids": ["1", "2"]}})),
    ("query", "an enum by name", filtered("filter.order=NEWEST", {"filter": {"order": "NEWEST"}})),
    ("query", "an enum by number", filtered("filter.order=1", {"filter": {"order": "NEWEST"}})),
    ("query", "an enum value that is none", filtered("filter.order=NOPE", BAD)),
    ("query", "a bool", filtered("filter.exact=true", {"filter": {"exact": True}})),
    ("query", "a bool that is none", filtered("filter.exact=yes", BAD)),
    ("query", "a number that is none", filtered("filter.year=x", BAD)),
    ("query", "a number out of range", filtered("filter.year=2147483648", BAD)),
    ("query", "a double", filtered("filter.score=1.5e3", {"filter": {"score": 1500.0}})),
    ("query", "a time", filtered("filter.since=2026-01-01T00:00:00Z", {"filter": {"since": "2026-01-01T00:00:00Z"}})),
    ("query", "a wrapper", filtered("filter.limit=3", {"filter": {"limit": 3}})),
    ("query", "a field mask", filtered("mask=a,b.c", {"mask": "a,b.c"})),
    ("query", "bytes", filtered("filter.token=AQI%3D", {"filter": {"token": "AQI="}})),
    ("query", "two levels down", filtered("filter.deeper.year=4", {"filter": {"deeper": {"year": 4}}})),
    ("query", "a name of JSON", arrives("GET", NEW + ":watch?pageSize=3", {"parent": "shelves/1", "page_size": 3}, kind="ListBooksRequest")),
    ("query", "a name of the file", arrives("GET", NEW + ":watch?page_size=3", {"parent": "shelves/1", "page_size": 3}, kind="ListBooksRequest")),
    ("query", "an escaped letter", filtered("filter.title=%C3%A4", {"filter": {"title": "\u00e4"}})),
    ("query", "an unknown parameter", filtered("nope=1", BAD)),
    ("query", "a message", filtered("filter=x", BAD)),
    ("query", "a map", filtered("filter.labels=x", BAD)),
    ("query", "two members of a oneof", filtered("filter.title=a&filter.author=b", BAD)),
    ("query", "a single field twice", filtered("filter.year=1&filter.year=2", BAD)),
    ("query", "what the path sets", arrives("GET", BOOK + "?name=other", BAD | {json.dumps(SHELF)})),
    ("JSON", "a book", created('{"title": "t", "pages": "7", "tags": ["a"], "author": {"firstName": "F"}}',
                               {"title": "t", "pages": "7", "tags": ["a"], "author": {"first_name": "F"}})),
    ("JSON", "int64 as a number", created('{"pages": 7}', {"pages": "7"})),
    ("JSON", "int64 beyond 2^53", created('{"pages": "9223372036854775807"}', {"pages": "9223372036854775807"})),
    ("JSON", "int64 out of range", created('{"pages": "9223372036854775808"}', None, BAD)),
    ("JSON", "a whole number with a point", created('{"pages": 7.0}', {"pages": "7"})),
    ("JSON", "a whole number with an exponent", created('{"pages": 1e3}', {"pages": "1000"})),
    ("JSON", "a fraction for a whole number", created('{"pages": 7.5}', None, BAD)),
    ("JSON", "null", created('{"title": null, "tags": null, "author": null}', {})),
    ("JSON", "names of the file", created('{"author": {"first_name": "F"}}', {"author": {"first_name": "F"}})),
    ("JSON", "escapes", created('{"title": "\\u00e4\\ud83d\\ude00\\n"}', {"title": "\u00e4\U0001f600\n"})),
    ("JSON", "a lone surrogate", created('{"title": "\\ud83d"}', None, BAD)),
    ("JSON", "bytes that are no UTF-8", created('{"title": "\xff"}', None, BAD)),
    ("JSON", "a control character", created('{"title": "\x01"}', None, BAD)),
    ("JSON", "a string for a list", created('{"tags": "a"}', None, BAD)),
    ("JSON", "a number for a string", created('{"title": 1}', None, BAD)),
    ("JSON", "two members of a oneof", created('{"paper": "a", "digital": "b"}', None, BAD)),
    ("JSON", "a member twice", created('{"title": "a", "title": "b"}', None, BAD)),
    ("JSON", "no end", created('{"title": "a"', None, BAD)),
    ("JSON", "something behind the end", created('{"title": "a"} x', None, BAD)),
    ("JSON", "a comma too many", created('{"title": "a",}', None, BAD)),
    ("JSON", "single quotes", created("{'title': 'a'}", None, BAD)),
    ("JSON", "a leading zero", created('{"pages": 01}', None, BAD)),
    ("JSON", "a comment", created('{"title": "a" /* b */}', None, BAD)),
    ("JSON", "nested 2,000 times", created('{"author": ' + '{"editor": ' * 2000 + "{}" + "}" * 2001, None, BAD)),
    ("JSON", "a list for a message", created("[]", None, BAD)),
    ("JSON", "an unknown member", created('{"nope": 1}', None, BAD | {json.dumps({"book": {}, "parent": "shelves/1"}), json.dumps({"parent": "shelves/1"})})),
    ("JSON", "no body", created("", None, BAD | {json.dumps({"parent": "shelves/1"}), json.dumps({"book": {}, "parent": "shelves/1"})})),
    ("JSON", "path and body that agree", arrives("PATCH", BOOK, {"book": {"name": "shelves/1/books/2", "title": "t"}},
                                                 '{"book": {"title": "t"}}', "UpdateBookRequest")),
    ("JSON", "path and body that do not", arrives("PATCH", BOOK, BAD, '{"book": {"name": "shelves/9/books/9"}}', "UpdateBookRequest")),
    ("JSON", "a member twice, so that one hides the other", arrives(
        "PATCH", BOOK, BAD, '{"book": {"name": "shelves/1/books/2"}, "book": {"name": "shelves/9/books/9"}}', "UpdateBookRequest")),
    ("answer", "a book", shown("GET", "/v1/books/x", {"name": "n", "pages": "1152921504606846976", "tags": ["a"]}, "Book",
                               [{"name": "n", "pages": 1 << 60, "tags": ["a"]}])),
    ("answer", "an empty message", shown("GET", "/v1/books/x", {}, "Book", [{}])),
    ("answer", "a part of it", shown("GET", NEW, [{"name": "a"}], "ListBooksResponse", [b"\x0a\x03\x0a\x01a"])),
    ("answer", "an empty part of it", shown("GET", NEW, [], "ListBooksResponse", [b""])),
    ("answer", "unknown fields", shown("GET", "/v1/books/x", {"name": "a"}, "Book", [b"\x0a\x01a\xf8\x07\x01"])),
    ("answer", "a broken message", shown("GET", "/v1/books/x", {"500", "502"}, "Book", [b"\x0a\x7fa"])),
    ("answer", "a string that is no UTF-8", shown("GET", "/v1/books/x", {"500", "502"}, "Book", [b"\x0a\x01\xff"])),
    ("answer", "characters that JSON escapes", shown("GET", "/v1/books/x", {"name": "\"\\\x01\u2028<"}, "Book", [{"name": "\"\\\x01\u2028<"}])),
    *(("status", f"code {code}", ended(code, status)) for code, status in enumerate(
        "499 500 400 504 404 409 403 429 400 409 400 501 500 503 500 401".split(), 1)),
]


# MARK: gRPC


def call(gateway, method="GetBook", message=b"", fields=(), timeout=5, service=library_service.SERVICE):
    """How a call by grpcio ends: the code, and the messages and metadata."""
    with grpc.insecure_channel(f"127.0.0.1:{gateway.grpc}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        made = channel.unary_unary(f"/{service}/{method}")
        try:
            answer, done = made.with_call(message, timeout=timeout, metadata=list(fields))
            return "OK", answer, dict(done.initial_metadata()), dict(done.trailing_metadata())
        except grpc.RpcError as error:
            return error.code().name, error.details(), dict(error.initial_metadata() or ()), dict(error.trailing_metadata() or ())


def code_of(**options):
    return lambda gateway: call(gateway, **options)[0]


def passes_status(code):
    def play(gateway):
        found = call(gateway, fields=[("x-code", str(code)), ("x-message", "50%, \"so\"")])
        return f"{found[0]}: {found[1]}"
    name = next(one.name for one in grpc.StatusCode if one.value[0] == code)
    return play, {f'{name}: 50%, "so"'}


def binary(value):
    def play(gateway):
        found = call(gateway, fields=[("x-echo-bin", value)])
        return "same" if found[2].get("x-echo-bin") == value and found[3].get("x-last-bin") == value else repr(found)[:100]
    return play, {"same"}


def waits(text, wanted):
    """A call of a second and a half with a `grpc-timeout` of one's own."""
    def play(gateway):
        peer = Peer(socket.create_connection(("127.0.0.1", gateway.grpc), 5))
        with peer.socket:
            fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", (TARGET + "GetBook").encode()), (b":authority", b"test"),
                      (b"content-type", b"application/grpc"), (b"te", b"trailers"), (b"grpc-timeout", text), (b"x-sleep", b"1.5")]
            peer.send(PREFACE + frame(SETTINGS) + frame(HEADERS, 4, 1, b"".join(field(*one) for one in fields)) + frame(DATA, 1, 1, bytes(5)))
            began = time.monotonic()
            while (found := peer.frame()) is not None and found.kind not in (HEADERS, RESET, GOAWAY):
                pass
            return "ends" if time.monotonic() - began < 1 else "goes on"
    return play, wanted


def cancelled(gateway):
    """The service is told when the client gives up."""
    before = len(gateway.server.cancelled)
    call(gateway, fields=[("x-sleep", "5")], timeout=0.3)
    for _ in range(200):
        if len(gateway.server.cancelled) > before:
            return "told"
        time.sleep(0.01)
    return "not told"


def frames_of(data):
    """What a stream of messages says, as grpc-web and gRPC have it."""
    out = []
    while len(data) >= 5:
        size = int.from_bytes(data[1:5], "big")
        out.append((data[0], data[5:5 + size]))
        data = data[5 + size:]
    return out + ([("rest", data)] if data else [])


MESSAGE = b"\x0a\x01n"
FRAME = b"\0\0\0\0\x03" + MESSAGE


def web(body=FRAME, kind="application/grpc-web", method="Bare", fields=None, text=False, http_method="POST"):
    """How a call of gRPC-Web ends: `messages, status`; what is no answer to it is its status of HTTP."""
    def play(gateway):
        head = {"content-type": kind, "accept": kind, "x-grpc-web": "1", **(fields or {})}
        status, found, data = gateway.ask(gateway.grpc, http_method, TARGET + method, body, head)
        if status != 200:
            return str(status)
        if not (found["content-type"] or "").startswith("application/grpc-web"):
            return f"type {found['content-type']}"
        if "text" in found["content-type"]:
            data = b"".join(base64.b64decode(one + b"==") for one in data.split(b"=") if one)
        messages, code = 0, found["grpc-status"]
        for flag, payload in frames_of(data):
            if flag == 0:
                messages += payload == MESSAGE
            elif flag == 0x80:
                lines = dict(line.split(b":", 1) for line in payload.split(b"\r\n") if line)
                code = lines.get(b"grpc-status", b"?").strip().decode()
            else:
                return f"a frame {flag}"
        return f"{messages}, {code}"
    return play


def web_type(kind, wanted, **fields):
    def play(gateway):
        text = "text" in kind
        body = base64.b64encode(FRAME) if text else FRAME
        _, found, _ = gateway.ask(gateway.grpc, "POST", TARGET + "Bare", body, {"content-type": kind, **fields})
        return found["content-type"] or "none"
    return play, wanted


def web_trailers(gateway):
    """Names are lower case, and the frame is the last."""
    _, _, data = gateway.ask(gateway.grpc, "POST", TARGET + "Bare", FRAME, {"content-type": "application/grpc-web", "x-echo-bin": "AQI="})
    found = frames_of(data)
    lines = found[-1][1].split(b"\r\n")
    good = found[-1][0] == 0x80 and all(line == b"" or line.split(b":")[0].islower() for line in lines)
    return "a frame of lines" if good and any(line.startswith(b"x-last-bin") for line in lines) else repr(found)[:100]


def encoded(*parts):
    return b"".join(base64.b64encode(one) for one in parts)


TEXT = "application/grpc-web-text"
# By the gateway, or by the service, which says that it got no message.
REFUSALS = {"400", "415", "0, 3", "0, 13", "0, 2", "0, 12"}
WEB = [
    ("binary", "a call", web(), {"1, 0"}),
    ("binary", "+proto", web(kind="application/grpc-web+proto"), {"1, 0"}),
    ("binary", "a stream of answers", web(method="WatchBooks"), {"1, 0"}),
    ("binary", "trailers", web_trailers, {"a frame of lines"}),
    ("binary", "a failure", web(fields={"x-code": "5", "x-message": "no"}), {"0, 5"}),
    ("binary", "a failure behind a message", web(method="WatchBooks", fields={"x-code": "5"}), {"1, 5"}),
    ("binary", "a method that is not there", web(method="Nothing"), {"0, 12"}),
    ("binary", "the length of a message is a lie", web(b"\0\0\0\0\x09" + MESSAGE), REFUSALS | {"0, 1"}),
    ("binary", "a message of 4 GiB is announced", web(b"\0\xff\xff\xff\xff" + MESSAGE), REFUSALS | {"0, 8", "0, 1"}),
    ("binary", "a compressed message without a compression", web(b"\1\0\0\0\x03" + MESSAGE), REFUSALS),
    ("binary", "half a frame", web(FRAME[:3]), REFUSALS | {"0, 1"}),
    ("binary", "no frame", web(b""), REFUSALS | {"0, 1"}),
    ("binary", "trailers of the client", web(FRAME + b"\x80\0\0\0\x06a: b\r\n"), REFUSALS | {"1, 0"}),
    ("binary", "GET", web(http_method="GET"), {"400", "404", "405", "415", "502", "503"}),
    ("text", "a call", web(encoded(FRAME), TEXT), {"1, 0"}),
    ("text", "+proto", web(encoded(FRAME), TEXT + "+proto"), {"1, 0"}),
    ("text", "a stream of answers", web(encoded(FRAME), TEXT, "WatchBooks"), {"1, 0"}),
    ("text", "units of their own", web(encoded(FRAME[:5], FRAME[5:]), TEXT), {"1, 0"}),
    ("text", "a unit for each byte", web(encoded(*(FRAME[at:at + 1] for at in range(len(FRAME)))), TEXT), {"1, 0"}),
    ("text", "letters that are none", web(b"!!!!" + encoded(FRAME), TEXT), {"400"}),
    ("text", "no padding", web(encoded(FRAME + FRAME[:0] + b"").rstrip(b"="), TEXT), {"1, 0", "400"}),
    ("text", "a unit that breaks off", web(encoded(FRAME)[:-1], TEXT), {"400"}),
    ("text", "padding in the middle", web(b"AA=A" + encoded(FRAME), TEXT), {"400"}),
    ("text", "a failure", web(encoded(FRAME), TEXT, fields={"x-code": "5"}), {"0, 5"}),
]
WEB = [(f"gRPC-Web, {section}", what, play, wanted) for section, what, play, wanted in WEB] + [
    ("gRPC-Web, type", what, *pair) for what, pair in [
        ("of binary", web_type("application/grpc-web", {"application/grpc-web", "application/grpc-web+proto"})),
        ("of binary+proto", web_type("application/grpc-web+proto", {"application/grpc-web+proto"})),
        ("of text", web_type(TEXT, {TEXT, TEXT + "+proto"}, accept=TEXT)),
        ("of text+proto", web_type(TEXT + "+proto", {TEXT + "+proto"}, accept=TEXT + "+proto")),
        ("asked for by Accept", web_type("application/grpc-web", {TEXT, TEXT + "+proto"}, accept=TEXT)),
    ]]

GRPC = [
    *(("gRPC, status", f"code {code}", *passes_status(code)) for code in range(1, 17)),
    ("gRPC, status", "no route", code_of(service="nothing.Nothing"), {"UNIMPLEMENTED"}),
    ("gRPC, status", "a method that is not there", code_of(method="Nothing"), {"UNIMPLEMENTED"}),
    ("gRPC, status", "nobody is there", code_of(service="away.Away"), {"UNAVAILABLE"}),
    ("gRPC, status", "the upstream is no gRPC: 404", code_of(service="plain.Plain", fields=[("x-status", "404")]), {"UNIMPLEMENTED"}),
    ("gRPC, status", "the upstream is no gRPC: 503", code_of(service="plain.Plain", fields=[("x-status", "503")]), {"UNAVAILABLE"}),
    ("gRPC, status", "the upstream is no gRPC: 401", code_of(service="plain.Plain", fields=[("x-status", "401")]), {"UNAUTHENTICATED"}),
    ("gRPC, status", "the upstream is no gRPC: 403", code_of(service="plain.Plain", fields=[("x-status", "403")]), {"PERMISSION_DENIED"}),
    ("gRPC, status", "the upstream is no gRPC: 429", code_of(service="plain.Plain", fields=[("x-status", "429")]), {"UNAVAILABLE"}),
    ("gRPC, metadata", "binary", *binary(b"\0\1\xff\xfe")),
    ("gRPC, metadata", "binary, one byte", *binary(b"\xff")),
    ("gRPC, metadata", "binary, nothing", *binary(b"")),
    ("gRPC, metadata", "binary, 4 KiB", *binary(bytes(range(256)) * 16)),
    ("gRPC, call", "an empty message", lambda gateway: str(call(gateway, "Bare")[:2]), {"('OK', b'')"}),
    ("gRPC, call", "a message of 3 MiB", lambda gateway: str(len(call(gateway, "Bare", bytes(3 << 20))[1] or "")), {str(3 << 20)}),
    ("gRPC, call", "cancelled", cancelled, {"told"}),
    ("gRPC, deadline", "200m", *waits(b"200m", {"ends"})),
    ("gRPC, deadline", "200000u", *waits(b"200000u", {"ends"})),
    ("gRPC, deadline", "20000000n", *waits(b"20000000n", {"ends"})),
    ("gRPC, deadline", "0m", *waits(b"0m", {"ends"})),
    ("gRPC, deadline", "9S", *waits(b"9S", {"goes on"})),
    ("gRPC, deadline", "1H", *waits(b"1H", {"goes on"})),
    ("gRPC, deadline", "99999999H", *waits(b"99999999H", {"goes on"})),
    # Nine digits, no unit and the like are no deadline; a server may refuse them or go on.
    *(("gRPC, deadline", f"'{text.decode()}', which is none", *waits(text, {"ends", "goes on"}))
      for text in (b"999999999S", b"1", b"S", b"-1S", b"1s", b"1.5S", b"", b" 1S", b"1SS")),
]

CASES = GRPC + WEB + [(f"REST, {section}", what, *pair) for section, what, pair in REST]


def outcomes(gateway):
    """For each case (section, what, found, wanted)."""
    lines = []
    for section, what, play, wanted in CASES:
        try:
            found = play(gateway)
        except (OSError, http.client.HTTPException, AttributeError, struct.error, ValueError) as problem:
            found = f"{type(problem).__name__}: {problem}"[:100]
        except Exception as problem:  # What a case finds is for the table, whatever it is.
            found = f"{type(problem).__name__}: {problem}"[:100]
        lines.append((section, what, found, wanted))
    return lines
