"""WebSockets through a gateway, byte by byte: handshakes over HTTP/1.1 (RFC 6455) and HTTP/2 (RFC 8441), and what passes
afterwards, in the manner of Autobahn's suite. For tools/compare-envoy.

A case is (section, what, function, what may come of it); the function gets a `Gateway` and returns a word or two.
"""

import base64
import hashlib
import os
import socket
import struct
import threading
import time

import peers
from http2_cases import DATA, GOAWAY, HEADERS, PREFACE, RESET, SETTINGS, Peer, Wrong, field, frame, number, status, window

KEY = base64.b64encode(b"0123456789abcdef")
SEEN = {}
HEAD = [b"Host: test", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Key: " + KEY, b"Sec-WebSocket-Version: 13"]


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())


def ws(payload, opcode=2, fin=True, mask=True, rsv=0):
    """A frame of a client."""
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size) if size < 65536 else b"\x7f" + struct.pack(">Q", size)
    head = bytes([fin << 7 | rsv << 4 | opcode, length[0] | mask << 7]) + length[1:]
    # Masked with zeros, so that bytes stay as they are.
    return head + (bytes(4) if mask else b"") + payload


# MARK: The origin


def start_origin():
    """Does what the path says. Returns its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def read_head(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return None, b""
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        return head, rest

    def serve(connection):
        with connection:
            while True:
                head, rest = read_head(connection)
                if head is None or not answer(connection, head, rest):
                    return

    peers.accept_all(listener, serve)
    return listener.getsockname()[1]


def answer(connection, head, rest):
    """Answers one request; whether another may follow."""
    lines = head.split(b"\r\n")
    path = lines[0].split(b" ")[1].decode()
    fields = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        fields.setdefault(name.lower().decode(), []).append(value.strip())
    case, _, what = path[1:].partition("?")[0].partition("/")
    SEEN.setdefault(case, []).append((lines[0], fields, rest))
    asked = [value.lower() for value in fields.get("upgrade", [])] == [b"websocket"]
    key = fields.get("sec-websocket-key", [b""])[0]
    size = int(fields.get("content-length", [b"0"])[0])
    while len(rest) < size:
        rest += connection.recv(65536)
    switch = {"upgrade": b"websocket", "connection": b"Upgrade", "sec-websocket-accept": accept_of(key)}
    if what.isdigit():
        extra = b"Sec-WebSocket-Version: 13\r\n" if what == "426" else b""
        connection.sendall(b"HTTP/1.1 %s Refused\r\n%sContent-Length: 2\r\n\r\nno" % (what.encode(), extra))
        return True
    if what == "uninvited":
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        return False
    if not asked or what == "plain":
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
        return True
    if what == "strict" and (fields.get("sec-websocket-version") != [b"13"] or len(base64.b64decode(key + b"==")) != 16):
        connection.sendall(b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 2\r\n\r\nno")
        return True
    if what == "offers":
        for name in ["sec-websocket-protocol", "sec-websocket-extensions"]:
            switch[name] = fields.get(name, [b""])[0].split(b",")[0]
    if what.startswith("without-"):
        del switch[what[8:]]
    for name, value in {"wrong-accept": ("sec-websocket-accept", accept_of(b"x")), "other": ("upgrade", b"chat"),
                        "length": ("content-length", b"5"), "chunked": ("transfer-encoding", b"chunked")}.items():
        if what == name:
            switch[value[0]] = value[1]
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" if what == "interim" else b""
    text = b"".join(b"%s: %s\r\n" % (name.encode(), value) for name, value in switch.items())
    connection.sendall(interim + b"HTTP/1.1 101 Switching Protocols\r\n" + text + b"\r\n" + (b"first" if what == "first" else b""))
    after(connection, what, rest)
    SEEN[case].append("ended")
    return False


def after(connection, what, rest):
    """What comes behind a 101: an echo, unless the path wants it otherwise."""
    connection.settimeout(20)
    if what == "close":
        connection.sendall(b"last words")
        return
    if what == "reset":
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return
    connection.sendall(rest)
    while data := connection.recv(1 << 20):
        if what != "sink":
            connection.sendall(data)
    if what == "half":
        connection.sendall(b"after the end")


# MARK: Clients


class Gateway:
    """A gateway and the name of the case that is played against it."""

    number = 0

    def __init__(self, port):
        self.port, self.case = port, ""

    def begin(self):
        Gateway.number += 1
        self.case = f"c{Gateway.number}"

    @property
    def seen(self):
        return SEEN.get(self.case, [])

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), 5)
        connection.settimeout(5)
        return connection

    def shake(self, what="echo", fields=None, more=b"", method=b"GET", version=b"1.1"):
        """Sends a handshake of HTTP/1.1: the connection, status, fields and what follows."""
        connection = self.connect()
        line = b"%s /%s/%s HTTP/%s" % (method, self.case.encode(), what.encode(), version)
        connection.sendall(b"\r\n".join([line, *(HEAD if fields is None else fields), b"", b""]) + more)
        return connection, *self.answer(connection)

    @staticmethod
    def answer(connection):
        while True:
            data = b""
            while b"\r\n\r\n" not in data:
                try:
                    more = connection.recv(1)
                except ConnectionError:
                    more = b""
                if not more:
                    return "closed", {}, b""
                data += more
            lines = data.split(b"\r\n")
            code = lines[0].split(b" ")[1].decode()
            fields = {}
            for line in lines[1:-2]:
                name, _, value = line.partition(b":")
                fields[name.lower().decode()] = value.strip()
            if code not in ("100", "102", "103"):
                break
        body = b""
        while code != "101" and len(body) < int(fields.get("content-length", b"0")):
            body += connection.recv(65536)
        return code, fields, body


def exactly(connection, count):
    data = bytearray()
    while len(data) < count:
        more = connection.recv(min(1 << 20, count - len(data)))
        if not more:
            break
        data += more
    return bytes(data)


def handshake(what="echo", fields=None, **more):
    def play(gateway):
        connection, code, found, _ = gateway.shake(what, fields, **more)
        with connection:
            if code != "101":
                return code
            good = found.get("upgrade", b"").lower() == b"websocket" and b"upgrade" in found.get("connection", b"").lower()
            right = found.get("sec-websocket-accept") == accept_of(KEY)
            return "101" + ("" if good else " without its fields") + ("" if right else ", not its key")
    return play


def changed(*out, add=()):
    """The fields of a handshake without some and with others."""
    return [line for line in HEAD if not line.lower().startswith(tuple(one + b":" for one in out))] + list(add)


def echoes(data, pieces=1):
    """Whether bytes come back as they are, over HTTP/1.1."""
    def play(gateway):
        connection, code, _, _ = gateway.shake()
        with connection:
            if code != "101":
                return code
            size = -(-len(data) // pieces)
            parts = [data[at:at + size] for at in range(0, len(data), size)]
            sender = threading.Thread(target=lambda: [(connection.sendall(one), pieces > 1 and time.sleep(0.002)) for one in parts])
            sender.start()
            found = exactly(connection, len(data))
            sender.join()
        return "same" if found == data else f"{len(found)} of {len(data)} bytes"
    return play


class Stream:
    """A WebSocket over HTTP/2."""

    def __init__(self, gateway, what="echo", fields=b"", peer=None, stream=1, protocol=b"websocket"):
        self.id, self.data, self.ended = stream, b"", ""
        if peer is None:
            peer = Peer(gateway.connect())
            peer.send(PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 2**31 - 1)) + window(0, 2**31 - 70000))
            peer.until(SETTINGS)
            # Before that, windows are those of no settings.
            peer.send(frame(SETTINGS, 1))
        self.peer = peer
        block = field(b":method", b"CONNECT") + field(b":protocol", protocol) + b"\x86" + field(
            b":path", f"/{gateway.case}/{what}".encode()) + field(b":authority", b"test")
        peer.send(frame(HEADERS, 4, stream, block + field(b"sec-websocket-version", b"13") + fields))

    def head(self):
        seen = [one for one in self.peer.seen if one.kind == HEADERS and one.stream == self.id]
        return status((seen or [self.peer.until(HEADERS, self.id)])[0].payload)

    def until(self, count=None):
        """Waits for so many bytes, or for the end."""
        have = b"".join(one.payload for one in self.peer.seen if one.kind == DATA and one.stream == self.id)
        while count is None or len(have) < count:
            found = self.peer.frame()
            if found is None or found.kind == GOAWAY:
                self.ended = "connection"
            elif found.stream != self.id:
                continue
            elif found.kind == DATA:
                have += found.payload
                self.ended = "end" if found.flags & 1 else self.ended
            elif found.kind == RESET:
                self.ended = "reset"
            if self.ended:
                break
        return have


def over_http2(what="echo", **options):
    def play(gateway):
        stream = Stream(gateway, what, **options)
        with stream.peer.socket:
            found = None
            while found is None or found.kind not in (HEADERS, RESET, GOAWAY):
                found = stream.peer.frame()
                if found is None:
                    return "closed"
            return status(found.payload) if found.kind == HEADERS else "S-" + found.code if found.kind == RESET else "C-" + found.code
    return play


class Room:
    """What a client may send on its first stream."""

    def __init__(self, seen):
        self.connection = self.stream = 65535
        for one in seen:
            self.take(one)

    def take(self, found):
        if found.kind == 8 and found.stream:
            self.stream += int.from_bytes(found.payload, "big")
        elif found.kind == 8:
            self.connection += int.from_bytes(found.payload, "big")
        elif found.kind == SETTINGS:
            for at in range(0, len(found.payload), 6):
                key, value = struct.unpack(">HI", found.payload[at:at + 6])
                self.stream += value - 65535 if key == 4 else 0


def http2_echoes(data):
    """Whether bytes come back as they are, over HTTP/2."""
    def play(gateway):
        stream = Stream(gateway)
        with stream.peer.socket:
            if (code := stream.head()) != "200":
                return code
            sent, got, room = 0, bytearray(), Room(stream.peer.seen)
            while len(got) < len(data):
                if size := min(room.connection, room.stream, 16384, len(data) - sent):
                    stream.peer.send(frame(DATA, 0, 1, data[sent:sent + size]))
                    sent, room.connection, room.stream = sent + size, room.connection - size, room.stream - size
                    continue
                found = stream.peer.frame()
                stream.peer.seen.clear()
                if found is None or found.kind in (RESET, GOAWAY):
                    return f"{len(got)} of {len(data)} bytes, {found and found.code}"
                room.take(found)
                got += found.payload if found.kind == DATA else b""
        return "same" if bytes(got) == data else "changed"
    return play


# MARK: Cases that need more than a line


def half_close(gateway):
    connection, code, _, _ = gateway.shake("half")
    with connection:
        connection.sendall(b"x")
        connection.shutdown(socket.SHUT_WR)
        return exactly(connection, 14).decode() or "nothing"


def origin_closes(gateway):
    connection, _, _, _ = gateway.shake("close")
    with connection:
        return exactly(connection, 11).decode()


def speaks_first(gateway):
    connection, _, _, _ = gateway.shake("first")
    with connection:
        return exactly(connection, 5).decode()


def origin_resets(gateway):
    connection, _, _, _ = gateway.shake("reset")
    with connection:
        connection.sendall(b"x")
        try:
            return "the end" if not connection.recv(1) else "bytes"
        except ConnectionError:
            return "the end"


def client_resets(gateway):
    connection, _, _, _ = gateway.shake("sink")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    return origin_ends(gateway)


def origin_ends(gateway):
    for _ in range(300):
        if "ended" in gateway.seen or not gateway.seen:
            return "the end"
        time.sleep(0.01)
    return "the origin waits"


def silence(gateway):
    connection, _, _, _ = gateway.shake()
    with connection:
        time.sleep(3)
        connection.sendall(b"still here")
        return exactly(connection, 10).decode()


def byte_by_byte(gateway):
    connection = gateway.connect()
    with connection:
        text = b"\r\n".join([b"GET /%s/echo HTTP/1.1" % gateway.case.encode(), *HEAD, b"", b""])
        for byte in text:
            connection.sendall(bytes([byte]))
        code, _, _ = gateway.answer(connection)
        for byte in b"abc":
            connection.sendall(bytes([byte]))
        return f"{code} {exactly(connection, 3).decode()}"


def early(what, bytes_wanted):
    """Bytes in one segment with the request."""
    def play(gateway):
        connection, code, _, _ = gateway.shake(what, more=ws(b"early"))
        with connection:
            return f"{code} " + ("same" if exactly(connection, bytes_wanted) == ws(b"early") else "others")
    return play


def early_refused(gateway):
    """A request hidden behind a handshake that is refused reaches nobody as bytes of a tunnel."""
    connection, code, _, _ = gateway.shake("403", more=b"GET /%s/hidden HTTP/1.1\r\nHost: test\r\n\r\n" % gateway.case.encode())
    with connection:
        time.sleep(0.2)
    raw = any(one[2] for one in gateway.seen if isinstance(one, tuple))
    return f"{code}, bytes for the origin" if raw else code


def reusable(gateway):
    """A refused handshake leaves a connection of HTTP."""
    connection, code, fields, _ = gateway.shake("403")
    with connection:
        if fields.get("connection", b"").lower() == b"close":
            return code
        connection.sendall(b"GET /%s/plain HTTP/1.1\r\nHost: test\r\n\r\n" % gateway.case.encode())
        again, _, body = gateway.answer(connection)
        return code if (again, body) == ("200", b"plain") else f"{code}, then {again}"


def offers(gateway):
    add = (b"Sec-WebSocket-Protocol: chat, other", b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
    connection, code, fields, _ = gateway.shake("offers", changed(add=add))
    connection.close()
    chosen = fields.get("sec-websocket-protocol"), fields.get("sec-websocket-extensions")
    return code + (" as chosen" if chosen == (b"chat", b"permessage-deflate; client_max_window_bits") else f" {chosen}")


def version_asked(gateway):
    connection, code, fields, _ = gateway.shake("strict", changed(b"sec-websocket-version", add=(b"Sec-WebSocket-Version: 8",)))
    connection.close()
    return code + " " + fields.get("sec-websocket-version", b"?").decode()


def connect_offered(gateway):
    peer = Peer(gateway.connect())
    with peer.socket:
        peer.send(PREFACE + frame(SETTINGS))
        found = peer.until(SETTINGS)
        pairs = [struct.unpack(">HI", found.payload[at:at + 6]) for at in range(0, len(found.payload), 6)]
        return "offered" if (8, 1) in pairs else "not offered"


def plain_fields(gateway):
    """The answer over HTTP/2 has no fields of HTTP/1.1's handshake."""
    stream = Stream(gateway)
    with stream.peer.socket:
        block = stream.peer.until(HEADERS, 1).payload
        names = [b"upgrade", b"connection"]
        return "none" if not any(text in block for text in [bytes([len(n)]) + n for n in names]) else "some"


def mapped(gateway):
    """What the origin of HTTP/1.1 gets for an extended CONNECT."""
    stream = Stream(gateway, fields=field(b"sec-websocket-protocol", b"chat"))
    with stream.peer.socket:
        stream.head()
        line, fields, _ = gateway.seen[0]
        good = (line.startswith(b"GET ") and len(base64.b64decode(fields.get("sec-websocket-key", [b""])[0])) == 16
                and fields.get("sec-websocket-version") == [b"13"] and fields.get("sec-websocket-protocol") == [b"chat"]
                and "sec-websocket-accept" not in fields)
        return "a handshake" if good else repr((line, fields))


def stream_ends(how):
    """What the origin sees when the client's stream ends."""
    def play(gateway):
        stream = Stream(gateway, "sink")
        with stream.peer.socket:
            stream.head()
            stream.peer.send(frame(DATA, 1, 1, b"x") if how == "end" else frame(RESET, 0, 1, number(8)))
            return origin_ends(gateway)
    return play


def http2_half(gateway):
    stream = Stream(gateway, "half")
    with stream.peer.socket:
        stream.head()
        stream.peer.send(frame(DATA, 1, 1, b"x"))
        return stream.until().decode() + f", {stream.ended}"


def http2_closed(gateway):
    stream = Stream(gateway, "close")
    with stream.peer.socket:
        stream.head()
        return stream.until().decode() + f", {stream.ended}"


def http2_reset(gateway):
    stream = Stream(gateway, "reset")
    with stream.peer.socket:
        stream.head()
        stream.peer.send(frame(DATA, 0, 1, b"x"))
        stream.until()
        return stream.ended


def http2_several(gateway):
    first = Stream(gateway)
    with first.peer.socket:
        streams = [first] + [Stream(gateway, peer=first.peer, stream=3 + 2 * i) for i in range(9)]
        for one in streams:
            one.head()
        for one in streams:
            one.peer.send(frame(DATA, 0, one.id, b"%05d" % one.id))
        return "same" if all(one.until(5) == b"%05d" % one.id for one in streams) else "mixed up"


def http2_first(gateway):
    stream = Stream(gateway, "first")
    with stream.peer.socket:
        stream.head()
        return stream.until(5).decode()


def http2_early(gateway):
    """DATA ahead of the answer's head."""
    stream = Stream(gateway)
    with stream.peer.socket:
        stream.peer.send(frame(DATA, 0, 1, b"early"))
        return stream.head() + " " + stream.until(5).decode()


# MARK: Cases

SWITCHED, REFUSED, PLAIN = {"101"}, {"400", "403", "426", "501"}, {"200"}
BROKEN = {"502", "closed"}
FRAGMENTS = ws(b"a", 1, False) + ws(b"ping", 9) + ws(b"b", 0, False) + ws(b"pong", 10) + ws(b"c", 0)
CLOSES = [ws(b"", 8), *(ws(struct.pack(">H", code) + b"why", 8) for code in (0, 1000, 1001, 1005, 1015, 2999, 3000, 4999)), ws(b"x", 8)]
BIG = os.urandom(1 << 20) * 16
PASSES = [
    ("5.4", "fragments with control frames between them", FRAGMENTS),
    ("5.4", "a message of 1,000 fragments", ws(b"a", 1, False) + ws(b"b", 0, False) * 998 + ws(b"c", 0)),
    ("5.2", "frames without a payload", ws(b"", 1) + ws(b"", 2) + ws(b"", 9)),
    ("5.2", "the three forms of a length", ws(bytes(125)) + ws(bytes(126)) + ws(bytes(65535)) + ws(bytes(65536))),
    ("5.2", "reserved bits and operations", b"".join(ws(b"x", op, rsv=7) for op in range(16))),
    ("5.1", "a frame that is not masked", ws(b"x", mask=False)),
    ("5.5", "a control frame of 126 bytes", ws(bytes(126), 9)),
    ("8.1", "text that is no UTF-8", ws(b"\xff\xfe\xc0\x80", 1)),
    ("-", "bytes that are no frames", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(range(256))),
    ("5.2", "a message of 16 MiB", ws(BIG)),
    ("5.4", "a message of 16 MiB in 4 KiB pieces", b"".join(ws(BIG[:4096], 0, False) for _ in range(4096))),
] + [("7.4", f"closing with {one[6:8].hex() or 'nothing'}", one) for one in CLOSES]

CASES = [
    ("4.2", "a handshake", handshake(), SWITCHED),
    ("RFC 9110, 7.8", "names in capitals", handshake(fields=changed(b"upgrade", add=(b"UPGRADE: WebSocket",))), SWITCHED),
    ("RFC 9110, 7.6.1", "several connection options",
     handshake(fields=changed(b"connection", add=(b"connection: keep-alive, UPGRADE",))), SWITCHED),
    ("4.1", "Origin, Cookie and others", handshake(fields=changed(add=(b"Origin: http://a", b"Cookie: a=b"))), SWITCHED),
    ("4.2", "a handshake byte by byte", byte_by_byte, {"101 abc"}),
    ("4.1", "subprotocol and extension", offers, {"101 as chosen"}),
    ("4.4", "another version is refused, and told which", version_asked, {"426 13"}),
    ("4.2.1", "no key", handshake("strict", changed(b"sec-websocket-key")), REFUSED),
    ("4.2.1", "a key of 4 bytes", handshake("strict", changed(b"sec-websocket-key", add=(b"Sec-WebSocket-Key: YWJjZA==",))),
     REFUSED),
    ("RFC 9110, 7.8", "HTTP/1.0", handshake(version=b"1.0"), PLAIN | REFUSED),
    ("RFC 9110, 7.6.1", "no Connection", handshake(fields=changed(b"connection")), PLAIN | REFUSED),
    ("RFC 9110, 7.8", "no Upgrade", handshake(fields=changed(b"upgrade")), PLAIN | REFUSED),
    ("RFC 9110, 7.8", "another protocol", handshake(fields=changed(b"upgrade", add=(b"Upgrade: chat",))), PLAIN | REFUSED),
    ("RFC 9110, 7.8", "h2c", handshake(fields=changed(b"upgrade", add=(b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"))),
     PLAIN | REFUSED),
    ("4.1", "POST with a body", handshake(fields=changed(add=(b"Content-Length: 3",)), method=b"POST", more=b"abc"),
     PLAIN | REFUSED),
    ("4.2", "bytes behind the handshake in one segment", early("echo", len(ws(b"early"))), {"101 same"}),
    ("4.2", "a request hidden behind a refused handshake", early_refused, {"403"}),
    ("4.2.2", "a refused handshake leaves the connection", reusable, {"403"}),
    *(("4.2.2", f"refused by {code}", handshake(str(code)), {str(code)}) for code in (302, 400, 401, 404, 426, 500, 503)),
    ("4.2.2", "200 in place of 101", handshake("plain"), PLAIN),
    ("RFC 9110, 15.2", "103 ahead of 101", handshake("interim"), SWITCHED),
    ("RFC 9110, 15.2.2", "101 that nobody asked for", handshake("uninvited", [b"Host: test"]), BROKEN),
    ("RFC 9110, 15.2.2", "101 to another protocol", handshake("other"), BROKEN),
    ("RFC 9110, 15.2.2", "101 without Upgrade", handshake("without-upgrade"), BROKEN | {"101", "101 without its fields"}),
    ("RFC 9110, 15.2.2", "101 without Connection", handshake("without-connection"), BROKEN | {"101", "101 without its fields"}),
    ("4.1", "101 with another key's proof", handshake("wrong-accept"), BROKEN | {"101, not its key"}),
    ("4.1", "101 without a proof", handshake("without-sec-websocket-accept"), BROKEN | {"101, not its key"}),
    ("RFC 9110, 8.6", "101 with a length", handshake("length"), BROKEN | SWITCHED),
    ("RFC 9112, 6.1", "101 with Transfer-Encoding", handshake("chunked"), BROKEN | SWITCHED),
    ("7.1.1", "the origin closes", origin_closes, {"last words"}),
    ("7.1.1", "the client's half closes first", half_close, {"xafter the end"}),
    ("7.1.1", "the origin resets", origin_resets, {"the end"}),
    ("7.1.1", "the client resets", client_resets, {"the end"}),
    ("-", "the origin speaks first", speaks_first, {"first"}),
    ("-", "three seconds of silence", silence, {"still here"}),
    *((section, what, echoes(data), {"same"}) for section, what, data in PASSES),
    ("-", "fragments in pieces of a byte", echoes(FRAGMENTS, len(FRAGMENTS)), {"same"}),
    ("RFC 8441, 3", "extended CONNECT is offered", connect_offered, {"offered"}),
    ("RFC 8441, 5", "a handshake over HTTP/2", over_http2(), {"200"}),
    ("RFC 8441, 5", "fields of HTTP/1.1 in the answer", plain_fields, {"none"}),
    ("RFC 8441, 5", "a handshake towards HTTP/1.1", mapped, {"a handshake"}),
    ("RFC 8441, 4", "another protocol", over_http2(protocol=b"chat"), REFUSED | {"S-PROTOCOL"}),
    *(("RFC 8441, 5", f"refused by {code} over HTTP/2", over_http2(str(code)), {str(code)}) for code in (302, 400, 403, 426, 503)),
    ("RFC 8441, 5", "101 to another protocol, over HTTP/2", over_http2("other"), {"502", "S-PROTOCOL", "S-INTERNAL"}),
    ("RFC 8441, 5.1", "101 with another key's proof, over HTTP/2", over_http2("wrong-accept"), {"502"}),
    ("RFC 8441, 5.1", "101 without a proof, over HTTP/2", over_http2("without-sec-websocket-accept"), {"502"}),
    ("RFC 8441, 5", "DATA ahead of the answer", http2_early, {"200 early"}),
    ("RFC 8441, 5", "ten WebSockets on a connection", http2_several, {"same"}),
    ("RFC 8441, 5", "the origin speaks first, over HTTP/2", http2_first, {"first"}),
    ("RFC 8441, 5", "the origin closes, over HTTP/2", http2_closed, {"last words, end"}),
    ("RFC 8441, 5", "the client's stream ends", stream_ends("end"), {"the end"}),
    ("RFC 8441, 5", "the client resets its stream", stream_ends("reset"), {"the end"}),
    ("RFC 8441, 5", "the client's half ends first, over HTTP/2", http2_half, {"xafter the end, end"}),
    ("RFC 8441, 5", "the origin resets, over HTTP/2", http2_reset, {"reset", "end"}),
    *(("RFC 8441, 5", f"{what}, over HTTP/2", http2_echoes(data), {"same"}) for _, what, data in PASSES),
]


def outcomes(port):
    """For each case (section, what, found, wanted)."""
    gateway, lines = Gateway(port), []
    for section, what, play, wanted in CASES:
        gateway.begin()
        try:
            found = play(gateway)
        except (Wrong, OSError) as problem:
            found = f"{type(problem).__name__}: {problem}"[:100]
        if not section.startswith(("RFC", "-")):
            section = "RFC 6455, " + section
        lines.append((section, what, found, wanted))
    return lines
