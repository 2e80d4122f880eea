"""What RFC 9113 and RFC 7541 want of the two ends of an HTTP/2 connection, frame by frame, for tools/check-http2.

A case is (section, what, steps, what may come of it). Steps are bytes to send, or functions that get the `Peer` and wait
or look. What comes of it: a GOAWAY with that code (`C-`), an RST_STREAM (`S-`), the status of an answer, or PONG for a
connection that goes on as if nothing had happened. An end without a GOAWAY is none of these, unless a case says so.
"""

import select
import socket
import struct

import peers

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
PRIORITY_UPDATE = 16
CODES = {0: "NONE", 1: "PROTOCOL", 2: "INTERNAL", 3: "FLOW", 4: "SETTINGS_TIMEOUT", 5: "CLOSED", 6: "SIZE", 7: "REFUSED",
         8: "CANCEL", 9: "COMPRESSION", 11: "CALM"}
LAST = b"the last"
# Codes of the digits in Huffman's alphabet (RFC 7541, appendix B).
DIGITS = {format(i, "05b"): str(i) for i in range(3)} | {format(22 + i, "06b"): str(i) for i in range(3, 10)}


class Wrong(Exception):
    """A case went another way than it should."""


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value, bits, first=0):
    """RFC 7541, section 5.1."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def text(value):
    return integer(len(value), 7) + value


def field(name, value):
    """A literal that is not indexed."""
    return b"\0" + text(name) + text(value)


def number(value):
    return struct.pack(">I", value)


def headers(stream=1, block=None, flags=5):
    return frame(HEADERS, flags, stream, GET if block is None else block)


def setting(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def reset(stream, code=8):
    return frame(RESET, 0, stream, number(code))


def window(stream, count):
    return frame(WINDOW, 0, stream, number(count))


def path(value):
    return b"\x04" + text(value)


METHOD, POSTS, SCHEME, HOST = b"\x82", b"\x83", b"\x86", b"\x41\x04test"
HELLO, ECHO, WAIT, BIG = path(b"/hello"), path(b"/echo"), path(b"/wait"), path(b"/big")
GET = METHOD + HELLO + SCHEME + HOST
# Answered when its body has come.
POST = POSTS + ECHO + SCHEME + HOST
# Never answered.
SILENT = METHOD + WAIT + SCHEME + HOST
UPLOAD = POSTS + WAIT + SCHEME + HOST
OPEN = headers(block=UPLOAD, flags=4)
HALF = headers(block=SILENT)
PONG = frame(PING, 0, 0, LAST)


# MARK: One end of a connection


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload

    @property
    def code(self):
        at = 4 if self.kind == GOAWAY else 0
        return CODES.get(int.from_bytes(self.payload[at:at + 4], "big"), "?")

    def __repr__(self):
        return f"frame {self.kind} flags {self.flags} stream {self.stream} of {len(self.payload)} bytes"


class Peer:
    """A socket that speaks in frames; every wait has an end."""

    def __init__(self, connection):
        self.socket, self.data, self.seen = connection, b"", []
        connection.settimeout(4)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            # It has said why it closed, or the case fails for want of that.
            pass

    def frame(self):
        """The next frame; None at the end."""
        while len(self.data) < 9 or len(self.data) < 9 + int.from_bytes(self.data[:3], "big"):
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                more = b""
            except socket.timeout as problem:
                raise Wrong(f"nothing comes behind {self.seen[-3:]}") from problem
            if not more:
                return None
            self.data += more
        size = int.from_bytes(self.data[:3], "big")
        found = Frame(self.data[3], self.data[4], int.from_bytes(self.data[5:9], "big") & 0x7FFFFFFF, self.data[9:9 + size])
        self.data = self.data[9 + size:]
        self.seen.append(found)
        return found

    def until(self, kind, stream=None, flags=0):
        """Waits for a frame."""
        while True:
            found = self.frame()
            if found is None:
                raise Wrong(f"the connection ended before frame {kind}, behind {self.seen[-3:]}")
            if found.kind == kind and stream in (None, found.stream) and found.flags & flags == flags:
                return found

    def quiet(self):
        """Waits until all that was sent has been dealt with."""
        self.send(frame(PING, 0, 0, b"are you?"))
        while self.until(PING, flags=1).payload != b"are you?":
            pass

    def leave(self):
        """Ends the connection, and waits until the other side has seen that."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(65536):
                pass
        except OSError:
            pass

    def body(self, stream=1):
        """Bytes of DATA so far."""
        return sum(len(one.payload) for one in self.seen if one.kind == DATA and one.stream == stream)

    def result(self):
        """What decides: see the top."""
        while True:
            found = self.frame()
            if found is None:
                return "the end"
            if found.kind == GOAWAY and found.code != "NONE":
                return "C-" + found.code
            if found.kind == RESET and found.code != "NONE":
                return "S-" + found.code
            if found.kind == HEADERS:
                return status(found.payload)
            if found.kind == PING and found.flags & 1 and found.payload == LAST:
                return "PONG"


def status(block):
    """The first field of an answer's head."""
    while block and block[0] & 0xE0 == 0x20:
        # A size of the table, which may take several bytes.
        last = 0 if block[0] & 31 < 31 else next(i for i in range(1, len(block)) if block[i] < 128)
        block = block[last + 1:]
    known = dict(zip(range(0x88, 0x8F), ["200", "204", "206", "304", "400", "404", "500"]))
    if not block or block[0] in known:
        return known.get(block[0] if block else 0, "no head")
    if block[0] & 0x3F not in range(8, 15):
        return block.hex()
    size = block[1] & 127
    value = block[2:2 + size]
    if not block[1] & 128:
        return value.decode("latin-1")
    bits, digits = "".join(format(byte, "08b") for byte in value), ""
    while len(digits) < 3:
        found = next((code for code in DIGITS if bits.startswith(code)), None)
        if found is None:
            return block.hex()
        digits, bits = digits + DIGITS[found], bits[len(found):]
    return digits


# MARK: Steps


def wait(kind, stream=None, flags=0):
    return lambda peer: peer.until(kind, stream, flags)


def quiet(peer):
    peer.quiet()


def received(count, stream=1):
    """So many bytes of a body have come by now, and no more."""
    def check(peer):
        peer.quiet()
        if peer.body(stream) != count:
            raise Wrong(f"{peer.body(stream)} bytes of DATA, not {count}")
    return check


def first_frame(peer):
    found = peer.frame()
    if found is None or found.kind != SETTINGS or found.flags & 1:
        raise Wrong(f"the first frame is {found}")


def acknowledged(count):
    def check(peer):
        peer.quiet()
        found = [one for one in peer.seen if one.kind == SETTINGS and one.flags & 1]
        if len(found) != count:
            raise Wrong(f"{len(found)} answers to {count} SETTINGS")
    return check


def same_payload(peer):
    peer.send(frame(PING, 0, 0, b"\1\2\3\4\5\6\7\xff"))
    found = peer.until(PING, flags=1)
    if found.payload != b"\1\2\3\4\5\6\7\xff" or found.stream:
        raise Wrong(f"PING was answered by {found}: {found.payload}")


def closes(peer):
    """Behind a GOAWAY the connection ends."""
    peer.until(GOAWAY)
    while peer.frame():
        pass
    raise Ended


class Ended(Exception):
    """The end that was wanted."""


def whole(size):
    """The answer of the first stream is whole, and so long."""
    def check(peer):
        peer.until(HEADERS, 1)
        while not peer.seen[-1].flags & 1:
            if peer.frame() is None:
                raise Wrong("the answer breaks off")
        if peer.body() != size:
            raise Wrong(f"a body of {peer.body()} bytes, not {size}")
        peer.send(PONG)
    return check


# MARK: Cases of a server

PROTOCOL, SIZE, COMPRESSION, ALIVE, FINE = {"C-PROTOCOL"}, {"C-SIZE"}, {"C-COMPRESSION"}, {"PONG"}, {"200"}
MALFORMED = {"S-PROTOCOL", "400"}
CLOSED = {"S-CLOSED", "C-CLOSED"}


def bad_head(section, what, block, wanted=None):
    return (section, what, [headers(block=block)], wanted or MALFORMED)


def good_head(section, what, block):
    return (section, what, [headers(block=block)], FINE)


CASES = [
    # Beginning.
    ("3.4", "SETTINGS come first", [first_frame, PONG], ALIVE),
    ("3.4", "requests need not wait for SETTINGS", [headers()], FINE),
    ("3.4", "SETTINGS of the client are answered", [wait(SETTINGS, flags=1), PONG], ALIVE),
    # Frames.
    ("4.1", "an unknown frame is ignored", [frame(0xBE, 0, 0, b"x"), PONG], ALIVE),
    ("4.1", "an unknown frame on an idle stream is ignored", [frame(0xBE, 0xFF, 7, b"x" * 100), PONG], ALIVE),
    ("4.1", "an unknown frame between HEADERS and DATA is ignored",
     [headers(block=POST, flags=4) + frame(0xBE, 1, 1, b"x") + frame(DATA, 1, 1, b"x")], FINE),
    ("4.1", "unknown flags are ignored", [frame(PING, 0x16, 0, LAST)], ALIVE),
    ("4.1", "unknown flags of HEADERS are ignored", [headers(flags=0xC5)], FINE),
    ("4.1", "reserved bits are ignored", [frame(PING, 0, 0x80000000, LAST)], ALIVE),
    ("4.1", "reserved bits of a stream are ignored", [frame(HEADERS, 5, 0x80000001, GET)], FINE),
    ("4.2", "DATA of 2^14 bytes", [headers(block=POST, flags=4) + frame(DATA, 1, 1, bytes(16384))], FINE),
    ("4.2", "DATA larger than allowed", [OPEN + frame(DATA, 1, 1, bytes(16385))], {"C-SIZE", "S-SIZE"}),
    ("4.2", "HEADERS larger than allowed", [headers(block=GET + field(b"x", bytes(100)) * 165)], SIZE),
    ("4.2", "CONTINUATION larger than allowed", [headers(flags=1) + frame(CONTINUATION, 4, 1, bytes(16385))], SIZE),
    ("4.2", "SETTINGS larger than allowed", [frame(SETTINGS, 0, 0, bytes(16386))], SIZE | {"C-CALM"}),
    ("4.2", "an unknown frame larger than allowed", [frame(0xBE, 0, 0, bytes(16385))], SIZE),
    ("4.3", "a block that does not decode", [headers(block=b"\xff\xff\xff\xff\xff")], COMPRESSION),
    ("4.3", "a block that breaks off", [headers(block=GET + b"\0\x05abc")], COMPRESSION),
    ("4.3", "trailers that do not decode", [OPEN + headers(block=b"\xc6")], COMPRESSION),
    ("4.3", "PRIORITY inside of a block", [headers(flags=1) + frame(PRIORITY, 0, 1, bytes(5))], PROTOCOL),
    ("4.3", "PING inside of a block", [headers(flags=1) + frame(PING, 0, 0, bytes(8))], PROTOCOL),
    ("4.3", "SETTINGS inside of a block", [headers(flags=1) + setting()], PROTOCOL),
    ("4.3", "WINDOW_UPDATE inside of a block", [headers(flags=1) + window(0, 1)], PROTOCOL),
    ("4.3", "RST_STREAM inside of a block", [headers(flags=1) + reset(1)], PROTOCOL),
    ("4.3", "HEADERS of another stream inside of a block", [headers(flags=1) + headers(3)], PROTOCOL),
    ("5.5", "an unknown frame inside of a block", [headers(flags=1) + frame(0xBE, 0, 0, bytes(8))], PROTOCOL),
    # States.
    ("5.1", "DATA on an idle stream", [frame(DATA, 1, 1, b"x")], PROTOCOL),
    ("5.1", "RST_STREAM on an idle stream", [reset(1)], PROTOCOL),
    ("5.1", "WINDOW_UPDATE on an idle stream", [window(1, 100)], PROTOCOL),
    ("5.1", "CONTINUATION on an idle stream", [frame(CONTINUATION, 4, 1, GET)], PROTOCOL),
    ("5.1", "PRIORITY on an idle stream", [frame(PRIORITY, 0, 9, bytes(5)) + PONG], ALIVE),
    ("5.1", "half-closed: DATA", [HALF + frame(DATA, 1, 1, b"x")], CLOSED),
    ("5.1", "half-closed: HEADERS", [HALF + headers()], CLOSED),
    ("5.1", "half-closed: CONTINUATION", [HALF + frame(CONTINUATION, 4, 1, GET)], PROTOCOL | CLOSED),
    ("5.1", "half-closed: WINDOW_UPDATE is fine", [HALF + window(1, 100) + PONG], ALIVE),
    ("5.1", "half-closed: PRIORITY is fine", [HALF + frame(PRIORITY, 0, 1, bytes(5)) + PONG], ALIVE),
    ("5.1", "half-closed: RST_STREAM is fine", [HALF + reset(1) + PONG], ALIVE),
    ("5.1", "behind the client's RST_STREAM: DATA", [OPEN + reset(1) + frame(DATA, 1, 1, b"x")], CLOSED),
    ("5.1", "behind the client's RST_STREAM: HEADERS", [OPEN + reset(1) + headers()], CLOSED),
    ("5.1", "behind the client's RST_STREAM: CONTINUATION", [OPEN + reset(1) + frame(CONTINUATION, 4, 1, GET)],
     PROTOCOL | CLOSED),
    ("5.1", "behind the client's RST_STREAM: PRIORITY is fine",
     [OPEN + reset(1) + frame(PRIORITY, 0, 1, bytes(5)) + PONG], ALIVE),
    ("5.1", "closed: DATA", [headers(), wait(DATA, 1, 1), frame(DATA, 1, 1, b"x")], CLOSED),
    ("5.1", "closed: HEADERS", [headers(), wait(DATA, 1, 1), headers()], CLOSED),
    ("5.1", "closed: CONTINUATION", [headers(), wait(DATA, 1, 1), frame(CONTINUATION, 4, 1, GET)], PROTOCOL | CLOSED),
    ("5.1", "closed: WINDOW_UPDATE is fine", [headers(), wait(DATA, 1, 1), window(1, 100) + PONG], ALIVE),
    ("5.1", "closed: PRIORITY is fine", [headers(), wait(DATA, 1, 1), frame(PRIORITY, 0, 1, bytes(5)) + PONG], ALIVE),
    ("5.1", "closed: RST_STREAM is fine", [headers(), wait(DATA, 1, 1), reset(1) + PONG], ALIVE),
    ("5.1", "reset by the server: DATA under way is ignored",
     [OPEN + frame(DATA, 0, 1, b"x") + headers(block=field(b":path", b"/"), flags=5), wait(RESET, 1),
      frame(DATA, 1, 1, b"x") + PONG], ALIVE),
    ("5.1.1", "an even stream", [headers(2)], PROTOCOL),
    ("5.1.1", "a lower stream", [headers(5) + headers(3)], {"C-PROTOCOL", "C-CLOSED"}),
    ("5.1.1", "numbers may be left out", [headers(9)], FINE),
    ("5.1.1", "the highest number", [headers(2**31 - 1)], FINE),
    ("5.1.2", "more streams than allowed", [b"".join(headers(1 + 2 * i, UPLOAD, 4) for i in range(101))],
     {"C-PROTOCOL", "S-REFUSED", "S-PROTOCOL", "C-CALM"}),
    ("5.1.2", "as many streams as allowed", [b"".join(headers(1 + 2 * i, UPLOAD, 4) for i in range(100)) + PONG], ALIVE),
    # An error by RFC 7540, of which RFC 9113 says nothing any more.
    ("5.3.2", "HEADERS that depend on themselves", [frame(HEADERS, 0x25, 1, number(1) + b"\5" + GET)],
     {"S-PROTOCOL", "C-PROTOCOL", "200"}),
    ("5.3.2", "PRIORITY that depends on itself", [OPEN + frame(PRIORITY, 0, 1, number(1) + b"\5") + PONG],
     {"S-PROTOCOL", "C-PROTOCOL", "PONG"}),
    ("5.4.1", "a connection ends behind its GOAWAY", [frame(PING, 0, 0, bytes(6)), closes], {"the end"}),
    ("5.4.2", "an error of a stream leaves the others alone",
     [headers(block=METHOD + SCHEME + HOST), wait(RESET, 1), headers(3)], FINE),
    # Kinds.
    ("6.1", "several DATA", [headers(block=POST, flags=4) + frame(DATA, 0, 1, b"a") * 3 + frame(DATA, 1, 1, b"d"),
                             whole(4)], ALIVE),
    ("6.1", "DATA with padding", [headers(block=POST, flags=4) + frame(DATA, 9, 1, b"\4data" + bytes(4)), whole(4)], ALIVE),
    ("6.1", "DATA with nothing but padding",
     [headers(block=POST, flags=4) + frame(DATA, 8, 1, b"\xff" + bytes(255)) + frame(DATA, 1, 1, b"x"), whole(1)], ALIVE),
    ("6.1", "DATA without bytes at the end", [headers(block=POST, flags=4) + frame(DATA, 1, 1), whole(0)], ALIVE),
    ("6.1", "DATA on stream 0", [frame(DATA, 1, 0, b"x")], PROTOCOL),
    ("6.1", "DATA with more padding than bytes", [OPEN + frame(DATA, 9, 1, b"\x09test")], PROTOCOL),
    ("6.1", "DATA with as much padding as bytes", [OPEN + frame(DATA, 9, 1, b"\x05test")], PROTOCOL),
    ("6.1", "DATA without the length of its padding", [OPEN + frame(DATA, 9, 1)], PROTOCOL | SIZE),
    ("6.2", "HEADERS with padding", [frame(HEADERS, 13, 1, b"\4" + GET + bytes(4))], FINE),
    ("6.2", "HEADERS with priority", [frame(HEADERS, 0x25, 1, number(0) + b"\xff" + GET)], FINE),
    ("6.2", "HEADERS with both", [frame(HEADERS, 0x2D, 1, b"\2" + number(0x80000000) + b"\0" + GET + bytes(2))], FINE),
    ("6.2", "HEADERS on stream 0", [headers(0)], PROTOCOL),
    ("6.2", "HEADERS with too much padding", [frame(HEADERS, 13, 1, b"\xff" + GET)], PROTOCOL),
    ("6.2", "HEADERS too short for their priority", [frame(HEADERS, 0x25, 1, bytes(4))], PROTOCOL | SIZE),
    ("6.3", "PRIORITY", [headers(block=POST, flags=4) + frame(PRIORITY, 0, 1, bytes(4) + b"\xff") + frame(DATA, 1, 1)], FINE),
    ("6.3", "PRIORITY that is exclusive", [OPEN + frame(PRIORITY, 0, 1, number(0x80000000) + b"\7") + PONG], ALIVE),
    ("6.3", "PRIORITY that names a stream to come", [frame(PRIORITY, 0, 5, number(11) + b"\7") + headers(3)], FINE),
    ("6.3", "PRIORITY on stream 0", [frame(PRIORITY, 0, 0, bytes(5))], PROTOCOL),
    ("6.3", "PRIORITY of 4 bytes", [OPEN + frame(PRIORITY, 0, 1, bytes(4))], {"S-SIZE", "C-SIZE"}),
    ("6.3", "PRIORITY of 6 bytes", [OPEN + frame(PRIORITY, 0, 1, bytes(6))], {"S-SIZE", "C-SIZE"}),
    ("6.4", "RST_STREAM", [OPEN + reset(1) + headers(3)], FINE),
    ("6.4", "RST_STREAM on stream 0", [reset(0)], PROTOCOL),
    ("6.4", "RST_STREAM of 3 bytes", [OPEN + frame(RESET, 0, 1, bytes(3))], SIZE),
    ("6.4", "RST_STREAM of 5 bytes", [OPEN + frame(RESET, 0, 1, bytes(5))], SIZE),
    ("6.5", "SETTINGS with an answer's flag and a payload", [frame(SETTINGS, 1, 0, bytes(6))], SIZE),
    ("6.5", "SETTINGS on a stream", [frame(SETTINGS, 0, 1, b"")], PROTOCOL),
    ("6.5", "SETTINGS of 5 bytes", [frame(SETTINGS, 0, 0, bytes(5))], SIZE),
    ("6.5", "SETTINGS of 7 bytes", [frame(SETTINGS, 0, 0, bytes(7))], SIZE),
    ("6.5.2", "ENABLE_PUSH of 0 and 1", [setting((2, 0)) + setting((2, 1)) + PONG], ALIVE),
    ("6.5.2", "ENABLE_PUSH of 2", [setting((2, 2))], PROTOCOL),
    ("6.5.2", "a window of 2^31", [setting((4, 2**31))], {"C-FLOW"}),
    ("6.5.2", "a window of 2^31-1", [setting((4, 2**31 - 1)) + headers()], FINE),
    ("6.5.2", "a frame size of 2^14-1", [setting((5, 16383))], PROTOCOL),
    ("6.5.2", "a frame size of 2^24", [setting((5, 2**24))], PROTOCOL),
    ("6.5.2", "a frame size of 2^24-1", [setting((5, 2**24 - 1)) + headers()], FINE),
    ("6.5.2", "a table of 0 bytes", [setting((1, 0)) + headers()], FINE),
    ("6.5.2", "a table of 4 GiB", [setting((1, 2**32 - 1)) + headers()], FINE),
    ("6.5.2", "no streams of the server", [setting((3, 0)) + headers()], FINE),
    ("6.5.2", "an unknown setting is ignored", [setting((0xFF, 1), (0xFFFF, 2**32 - 1)) + PONG], ALIVE),
    ("6.5.3", "of two values the last one counts",
     [setting((4, 100), (4, 1)) + headers(), wait(HEADERS, 1), received(1), PONG], ALIVE),
    ("6.5.3", "each SETTINGS is answered", [setting((4, 5)) + setting() + setting((1, 10)), acknowledged(4), PONG], ALIVE),
    ("6.6", "PUSH_PROMISE", [OPEN + frame(PUSH, 4, 1, number(2) + GET)], PROTOCOL),
    ("6.6", "PUSH_PROMISE on stream 0", [frame(PUSH, 4, 0, number(2) + GET)], PROTOCOL),
    ("6.7", "PING comes back as it was", [same_payload, PONG], ALIVE),
    ("6.7", "an answer to no PING is ignored", [frame(PING, 1, 0, bytes(8)) + PONG], ALIVE),
    ("6.7", "PING on a stream", [frame(PING, 0, 1, bytes(8))], PROTOCOL),
    ("6.7", "PING of 6 bytes", [frame(PING, 0, 0, bytes(6))], SIZE),
    ("6.7", "PING of 9 bytes", [frame(PING, 0, 0, bytes(9))], SIZE),
    ("6.8", "GOAWAY lets streams go on",
     [headers(block=POST, flags=4) + frame(GOAWAY, 0, 0, bytes(8)), frame(DATA, 1, 1, b"x")], FINE),
    ("6.8", "GOAWAY on a stream", [frame(GOAWAY, 0, 1, bytes(8))], PROTOCOL),
    ("6.8", "GOAWAY of 7 bytes", [frame(GOAWAY, 0, 0, bytes(7))], SIZE),
    ("6.9", "WINDOW_UPDATE", [window(0, 1) + headers(block=POST, flags=4) + window(1, 1) + frame(DATA, 1, 1)], FINE),
    ("6.9", "WINDOW_UPDATE with its reserved bit", [window(0, 0x80000001) + PONG], ALIVE),
    ("6.9", "WINDOW_UPDATE of 0", [window(0, 0)], PROTOCOL),
    ("6.9", "WINDOW_UPDATE of 0 on a stream", [OPEN + window(1, 0)], {"S-PROTOCOL", "C-PROTOCOL"}),
    ("6.9", "WINDOW_UPDATE of 3 bytes", [frame(WINDOW, 0, 0, bytes(3))], SIZE),
    ("6.9", "WINDOW_UPDATE of 5 bytes", [frame(WINDOW, 0, 0, bytes(5))], SIZE),
    ("6.9.1", "no more than a stream's window is sent",
     [setting((4, 3)) + headers(), wait(HEADERS, 1), received(3), window(1, 1), received(4), window(1, 9), received(5), PONG],
     ALIVE),
    ("6.9.1", "no more than the connection's window is sent",
     [setting((4, 2**20)) + headers(block=METHOD + BIG + SCHEME + HOST), wait(HEADERS, 1),
      lambda peer: [peer.until(DATA) for _ in iter(lambda: peer.body() < 65535, False)], received(65535), window(0, 10),
      wait(DATA, 1), received(65545), PONG], ALIVE),
    ("6.9.1", "more than the stream's window", [OPEN + frame(DATA, 0, 1, bytes(16384)) * 1000], {"S-FLOW", "C-FLOW"}),
    ("6.9.1", "a connection's window beyond 2^31-1", [window(0, 2**31 - 1) * 2], {"C-FLOW"}),
    ("6.9.1", "a stream's window beyond 2^31-1", [OPEN + window(1, 2**31 - 1) * 2], {"S-FLOW"}),
    ("6.9.2", "a change of the window holds for open streams",
     [setting((4, 0)) + headers(), wait(HEADERS, 1), received(0), setting((4, 1)), wait(DATA, 1), received(1), PONG], ALIVE),
    ("6.9.2", "a window may become negative",
     [setting((4, 3)) + headers(), wait(HEADERS, 1), received(3), setting((4, 2)) + window(1, 2), wait(DATA, 1), received(4),
      PONG], ALIVE),
    ("6.9.2", "a window beyond 2^31-1 by SETTINGS", [OPEN + window(1, 2**31 - 65536) + setting((4, 65537))],
     {"C-FLOW", "S-FLOW"}),
    ("6.10", "CONTINUATION", [headers(block=GET[:3], flags=1) + frame(CONTINUATION, 4, 1, GET[3:])], FINE),
    ("6.10", "several CONTINUATION",
     [headers(block=GET[:3], flags=1) + frame(CONTINUATION, 0, 1, GET[3:5]) * 1 + frame(CONTINUATION, 0, 1, GET[5:9])
      + frame(CONTINUATION, 4, 1, GET[9:])], FINE),
    ("6.10", "CONTINUATION without bytes", [headers(flags=1) + frame(CONTINUATION, 4, 1)], FINE),
    ("6.10", "HEADERS without bytes", [frame(HEADERS, 1, 1) + frame(CONTINUATION, 4, 1, GET)], FINE),
    ("6.10", "CONTINUATION on stream 0", [headers(flags=1) + frame(CONTINUATION, 4, 0, b"")], PROTOCOL),
    ("6.10", "CONTINUATION of another stream", [headers(flags=1) + frame(CONTINUATION, 4, 3, GET)], PROTOCOL),
    ("6.10", "CONTINUATION behind a whole block", [headers() + frame(CONTINUATION, 4, 1, GET)], {"C-PROTOCOL", "C-CLOSED"}),
    ("6.10", "CONTINUATION behind the last one",
     [OPEN + headers(3, GET[:3], 1) + frame(CONTINUATION, 4, 3, GET[3:]) + frame(CONTINUATION, 4, 3, GET)],
     PROTOCOL | {"C-CLOSED"}),
    ("6.10", "CONTINUATION behind DATA", [OPEN + frame(DATA, 0, 1, b"x") + frame(CONTINUATION, 4, 1, GET)], PROTOCOL),
    ("6.10", "DATA inside of a block", [headers(flags=0) + frame(DATA, 1, 1, b"x")], PROTOCOL),
    ("7", "an unknown code of RST_STREAM", [OPEN + reset(1, 0xFF) + PONG], ALIVE),
    ("7", "an unknown code of GOAWAY", [headers() + frame(GOAWAY, 0, 0, number(0) + number(0xFF))], FINE),
    # Messages.
    ("8.1", "GET", [headers(), whole(5)], ALIVE),
    ("8.1", "HEAD has no body", [headers(block=field(b":method", b"HEAD") + GET[1:]), whole(0)], ALIVE),
    ("8.1", "POST", [headers(block=POST, flags=4) + frame(DATA, 1, 1, b"abc"), whole(3)], ALIVE),
    ("8.1", "POST with trailers",
     [headers(block=POST, flags=4) + frame(DATA, 0, 1, b"abc") + headers(block=field(b"x-sum", b"1")), whole(3)], ALIVE),
    ("8.1", "trailers without fields", [headers(block=POST, flags=4) + frame(DATA, 0, 1, b"abc") + headers(block=b""),
                                        whole(3)], ALIVE),
    ("8.1", "any method", [headers(block=field(b":method", b"PROPFIND!") + GET[1:])], FINE),
    ("8.1", "a second HEADERS without END_STREAM", [OPEN + headers(block=field(b"x", b"y"), flags=4)],
     {"S-PROTOCOL", "C-PROTOCOL"}),
    ("8.1", "DATA behind trailers",
     [headers(block=UPLOAD, flags=4) + headers(block=field(b"x", b"y")) + frame(DATA, 1, 1, b"x")],
     CLOSED),
    ("8.1.1", "a length that is not that of the body",
     [headers(block=POST + field(b"content-length", b"1"), flags=4) + frame(DATA, 1, 1, b"test")], MALFORMED),
    ("8.1.1", "a length that is not that of the frames",
     [headers(block=POST + field(b"content-length", b"1"), flags=4) + frame(DATA, 0, 1, b"te") + frame(DATA, 1, 1, b"st")],
     MALFORMED),
    ("8.1.1", "a length beyond the body",
     [headers(block=POST + field(b"content-length", b"5"), flags=4) + frame(DATA, 1, 1, b"test")], MALFORMED),
    ("8.1.1", "a length beyond the body, behind trailers",
     [headers(block=POST + field(b"content-length", b"5"), flags=4) + frame(DATA, 0, 1, b"test") + headers(block=field(b"x", b""))],
     MALFORMED),
    bad_head("8.1.1", "a length without a body", GET + field(b"content-length", b"5")),
    bad_head("8.1.1", "a length that is no number", GET + field(b"content-length", b"0x0")),
    bad_head("8.1.1", "two lengths", GET + field(b"content-length", b"0") + field(b"content-length", b"1")),
    good_head("8.1.1", "a length of 0", GET + field(b"content-length", b"0")),
    bad_head("8.2", "a name in capitals", GET + field(b"X-Test", b"ok")),
    bad_head("8.2.1", "a space in a name", GET + field(b"x y", b"ok")),
    bad_head("8.2.1", "a colon in a name", GET + field(b"x:y", b"ok")),
    bad_head("8.2.1", "no name", GET + field(b"", b"ok")),
    bad_head("8.2.1", "DEL in a name", GET + field(b"x\x7f", b"ok")),
    bad_head("8.2.1", "a byte beyond ASCII in a name", GET + field(b"x\xc3\xa4", b"ok")),
    bad_head("8.2.1", "NUL in a value", GET + field(b"x", b"a\0b")),
    bad_head("8.2.1", "CR in a value", GET + field(b"x", b"a\rb")),
    bad_head("8.2.1", "LF in a value", GET + field(b"x", b"a\nb")),
    bad_head("8.2.1", "a space before a value", GET + field(b"x", b" a")),
    bad_head("8.2.1", "a tab behind a value", GET + field(b"x", b"a\t")),
    good_head("8.2.1", "an empty value", GET + field(b"x", b"")),
    bad_head("8.2.2", "Connection", GET + field(b"connection", b"keep-alive")),
    bad_head("8.2.2", "Keep-Alive", GET + field(b"keep-alive", b"timeout=5")),
    bad_head("8.2.2", "Proxy-Connection", GET + field(b"proxy-connection", b"keep-alive")),
    bad_head("8.2.2", "Transfer-Encoding", GET + field(b"transfer-encoding", b"chunked")),
    bad_head("8.2.2", "Upgrade", GET + field(b"upgrade", b"h2c")),
    bad_head("8.2.2", "TE that is not trailers", GET + field(b"te", b"trailers, deflate")),
    good_head("8.2.2", "TE: trailers", GET + field(b"te", b"trailers")),
    good_head("8.2.3", "crumbs of a cookie", GET + field(b"cookie", b"a=1") + field(b"cookie", b"b=2")),
    bad_head("8.3", "an unknown pseudo field", GET + field(b":test", b"ok")),
    bad_head("8.3", "a pseudo field of answers", GET + field(b":status", b"200")),
    ("8.3", "a pseudo field in trailers", [headers(block=POST, flags=4) + headers(block=field(b":method", b"GET"))], MALFORMED),
    bad_head("8.3", "a pseudo field behind another", METHOD + HELLO + field(b"x", b"y") + SCHEME + HOST),
    bad_head("8.3.1", "an empty :path", METHOD + SCHEME + HOST + field(b":path", b"")),
    bad_head("8.3.1", "a :path without a slash", METHOD + SCHEME + HOST + path(b"hello")),
    bad_head("8.3.1", "a space in :path", METHOD + SCHEME + HOST + path(b"/hello x")),
    bad_head("8.3.1", "no :method", HELLO + SCHEME + HOST),
    bad_head("8.3.1", "no :path", METHOD + SCHEME + HOST),
    bad_head("8.3.1", "no :scheme", METHOD + HELLO + HOST),
    bad_head("8.3.1", "two :method", METHOD + GET),
    bad_head("8.3.1", "two :path", HELLO + GET),
    bad_head("8.3.1", "two :scheme", SCHEME + GET),
    bad_head("8.3.1", "two :authority", METHOD + HELLO + SCHEME + HOST + HOST),
    bad_head("8.3.1", "a user in :authority", METHOD + HELLO + SCHEME + field(b":authority", b"user@test")),
    bad_head("8.3.1", "another host than :authority", GET + field(b"host", b"other")),
    bad_head("8.3.1", "neither :authority nor Host", METHOD + HELLO + SCHEME),
    good_head("8.3.1", "the same Host as :authority", GET + field(b"host", b"test")),
    good_head("8.3.1", "Host in place of :authority", METHOD + HELLO + SCHEME + field(b"host", b"test")),
    bad_head("8.5", "CONNECT with :path", field(b":method", b"CONNECT") + HELLO + SCHEME + HOST),
    bad_head("8.5", "CONNECT without :authority", field(b":method", b"CONNECT")),
    bad_head("RFC 8441, 4", ":protocol without CONNECT", METHOD + field(b":protocol", b"websocket") + HELLO + SCHEME + HOST),
    bad_head("RFC 8441, 4", "an unknown :protocol",
             field(b":method", b"CONNECT") + field(b":protocol", b"foo") + HELLO + SCHEME + HOST, {"501", "400", "403", "S-PROTOCOL"}),
    ("RFC 9218, 7.1", "PRIORITY_UPDATE", [frame(PRIORITY_UPDATE, 0, 0, number(1) + b"u=1") + headers()], FINE),
    # HPACK.
    good_head("RFC 7541, 6.1", "an indexed field", GET + b"\x90"),
    good_head("RFC 7541, 6.2.1", "a literal with indexing, known name", GET + b"\x7a\x02ua"),
    good_head("RFC 7541, 6.2.1", "a literal with indexing, new name", GET + b"\x40" + text(b"x") + text(b"y")),
    good_head("RFC 7541, 6.2.1", "a literal with indexing, squeezed", GET + b"\x40\x84\xf2\xb2\x4a\x7f\x84\xf2\xb2\x4a\x7f"),
    good_head("RFC 7541, 6.2.2", "a literal without indexing, known name", GET + b"\x0f\x2b\x02ua"),
    good_head("RFC 7541, 6.2.2", "a literal without indexing, squeezed", GET + b"\0\x84\xf2\xb2\x4a\x7f\x84\xf2\xb2\x4a\x7f"),
    good_head("RFC 7541, 6.2.3", "a literal never indexed", GET + b"\x10" + text(b"x") + text(b"y")),
    good_head("RFC 7541, 6.2.3", "a literal never indexed, squeezed", GET + b"\x10\x84\xf2\xb2\x4a\x7f\x84\xf2\xb2\x4a\x7f"),
    good_head("RFC 7541, 6.3", "a size of the table", b"\x20" + GET),
    good_head("RFC 7541, 6.3", "two sizes of the table", b"\x20\x3f\xe1\x1f" + GET),
    ("RFC 7541, 2.3.2", "an entry serves the next request",
     [headers(block=METHOD + HELLO + SCHEME + b"\x41\x04test"), wait(DATA, 1, 1),
      headers(3, METHOD + HELLO + SCHEME + b"\xbe")], FINE),
    ("RFC 7541, 4.4", "an entry larger than the table empties it",
     [headers(block=GET + b"\x40" + text(b"x") + text(b"y" * 5000)), wait(DATA, 1, 1),
      headers(3, METHOD + HELLO + SCHEME + b"\xbe")], COMPRESSION),
    bad_head("RFC 7541, 2.3.3", "an index beyond the table", b"\xc6" + GET, COMPRESSION),
    bad_head("RFC 7541, 2.3.3", "a name beyond the table", GET + b"\x7f\x80\x01\x01x", COMPRESSION),
    bad_head("RFC 7541, 4.2", "a size at the end of a block", GET + b"\x20", COMPRESSION),
    bad_head("RFC 7541, 4.2", "a size in the middle of a block", GET[:1] + b"\x20" + GET[1:], COMPRESSION),
    bad_head("RFC 7541, 5.1", "an integer without end", b"\xff" + b"\xff" * 20 + GET, COMPRESSION),
    bad_head("RFC 7541, 5.1", "an integer that breaks off", GET + b"\xff\x80", COMPRESSION),
    bad_head("RFC 7541, 5.2", "a string beyond the block", GET + b"\0\x7f\x80\x01x", COMPRESSION),
    bad_head("RFC 7541, 5.2", "padding of 8 bits", GET + b"\0\x85\xf2\xb2\x4a\x84\xff\x83\xf2\xb2\x4a", COMPRESSION),
    bad_head("RFC 7541, 5.2", "padding of zeros", GET + b"\0\x85\xf2\xb2\x4a\x84\x7c\x83\xf2\xb2\x4a", COMPRESSION),
    bad_head("RFC 7541, 5.2", "EOS in a string", GET + b"\0\x88\xf2\xb2\x4a\x84\xff\xff\xff\xff\x83\xf2\xb2\x4a", COMPRESSION),
    bad_head("RFC 7541, 6.1", "index 0", b"\x80" + GET, COMPRESSION),
    bad_head("RFC 7541, 6.3", "a table larger than allowed", b"\x3f\xe2\x1f" + GET, COMPRESSION),
]

# What a connection may begin with in place of preface and SETTINGS.
BEGINNINGS = [
    ("3.4", "another frame than SETTINGS", [PREFACE + PONG], PROTOCOL),
    ("3.4", "HEADERS before SETTINGS", [PREFACE + headers()], PROTOCOL),
    ("3.4", "an answer to SETTINGS before any", [PREFACE + frame(SETTINGS, 1)], PROTOCOL),
    ("3.4", "a preface and SETTINGS in pieces",
     [PREFACE[:5], lambda peer: None, PREFACE[5:20], PREFACE[20:] + frame(SETTINGS)[:4], frame(SETTINGS)[4:] + headers()], FINE),
]


def play(peer, steps):
    """What comes of a case."""
    try:
        for step in steps:
            if callable(step):
                step(peer)
            else:
                peer.send(step)
        return peer.result()
    except Ended:
        return "the end"
    except Wrong as problem:
        return str(problem)


def outcomes(cases, connect, opening=PREFACE + frame(SETTINGS)):
    """For each case what came of it."""
    found = []
    for _, _, steps, _ in cases:
        with connect() as connection:
            peer = Peer(connection)
            peer.send(opening)
            found.append(play(peer, steps))
    return found


def breaches(cases, connect, opening=PREFACE + frame(SETTINGS)):
    """A line for each case that went another way."""
    both = zip(cases, outcomes(cases, connect, opening))
    return [f"  {section}: {what}: {found}, not {' or '.join(sorted(wanted))}"
            for (section, what, _, wanted), found in both if found not in wanted]


# MARK: An origin of HTTP/1.1


def start_origin():
    """Answers /echo with the body, /big with a megabyte and /wait with nothing. Returns its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    # What is not read fills little more than the gateway's own room.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)

    def serve(connection):
        with connection, connection.makefile("rb") as file:
            while line := file.readline():
                fields = {}
                while (one := file.readline().strip()):
                    name, _, value = one.partition(b":")
                    fields[name.lower()] = value.strip()
                if b"/wait" in line:
                    hang_up = select.poll()
                    hang_up.register(connection, select.POLLRDHUP)
                    hang_up.poll(20_000)
                    return
                body = bytes(1_000_000) if b"/big" in line else file.read(int(fields.get(b"content-length", 0)))
                while b"transfer-encoding" in fields and (size := int(file.readline(), 16)):
                    body += file.read(size + 2)[:-2]
                while b"transfer-encoding" in fields and file.readline().strip():
                    pass
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
                return

    peers.accept_all(listener, serve)
    return listener.getsockname()[1]


# MARK: Cases of a client: what the gateway makes of an origin's mistakes

OK, END = b"\x88", 5
ANSWER = headers(block=OK)
BEGUN = headers(block=OK, flags=4)
BAD, GOOD = {"502"}, {"200"}
# The answer has begun by then.
CUT = {"200", "502"}
RESETS = {"S-PROTOCOL", "C-PROTOCOL"}


def bad_answer(section, what, block):
    return (section, what, [headers(block=block)], RESETS, BAD)


UPSTREAM = [
    ("8.1", "an answer", [ANSWER + PONG], ALIVE, GOOD),
    ("8.1", "an answer with a body", [BEGUN + frame(DATA, 0, 1, b"a") * 3 + frame(DATA, 1, 1, b"b") + PONG], ALIVE, GOOD),
    ("8.1", "an answer with trailers", [BEGUN + frame(DATA, 0, 1, b"a") + headers(block=field(b"x", b"y")) + PONG], ALIVE, GOOD),
    ("8.1", "interim answers", [headers(block=field(b":status", b"103"), flags=4) * 3 + ANSWER + PONG], ALIVE, {"103"}),
    ("6.1", "DATA with padding", [BEGUN + frame(DATA, 9, 1, b"\4data" + bytes(4)) + PONG], ALIVE, GOOD),
    ("6.2", "HEADERS with padding and priority",
     [frame(HEADERS, 0x2D, 1, b"\2" + number(0) + b"\0" + OK + bytes(2)) + PONG], ALIVE, GOOD),
    ("6.10", "CONTINUATION",
     [headers(block=OK, flags=1) + frame(CONTINUATION, 0, 1) + frame(CONTINUATION, 4, 1, field(b"x", b"y")) + PONG],
     ALIVE, GOOD),
    ("4.1", "unknown frames are ignored",
     [frame(0xBE, 0xFF, 0, b"x") + BEGUN + frame(0xBE, 1, 1, b"x") + frame(DATA, 1, 1) + PONG], ALIVE, GOOD),
    ("6.5.2", "unknown settings are ignored", [setting((0xFF, 1)) + ANSWER + PONG], ALIVE, GOOD),
    ("6.3", "PRIORITY is ignored", [frame(PRIORITY, 0, 1, number(7) + b"\1") + ANSWER + PONG], ALIVE, GOOD),
    ("6.7", "PING comes back", [same_payload, ANSWER + PONG], ALIVE, GOOD),
    ("6.5.3", "SETTINGS are answered", [setting() + setting(), acknowledged(3), ANSWER + PONG], ALIVE, GOOD),
    ("8.1", "RST_STREAM of no error behind the answer", [ANSWER + reset(1, 0) + PONG], ALIVE, GOOD),
    ("4.2", "HEADERS larger than allowed", [headers(block=OK + bytes(17000))], SIZE, BAD),
    ("4.2", "DATA larger than allowed", [BEGUN + frame(DATA, 1, 1, bytes(16385))], SIZE | {"S-SIZE"}, CUT),
    ("4.3", "a block that does not decode", [headers(block=b"\xff\xff\xff\xff\xff")], COMPRESSION, BAD),
    ("4.3", "an index beyond the table", [headers(block=OK + b"\xc6")], COMPRESSION, BAD),
    ("4.3", "PRIORITY inside of a block", [headers(block=OK, flags=1) + frame(PRIORITY, 0, 1, bytes(5))], PROTOCOL, BAD),
    ("4.3", "HEADERS of another stream inside of a block", [headers(block=OK, flags=1) + headers(3, OK)], PROTOCOL, BAD),
    ("3.4", "another protocol", [b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(100)], PROTOCOL | SIZE, BAD),
    ("5.1", "DATA on an idle stream", [frame(DATA, 1, 3, b"x")], PROTOCOL, BAD),
    ("5.1", "HEADERS on an idle stream", [headers(3, OK)], PROTOCOL, BAD),
    ("5.1", "RST_STREAM on an idle stream", [reset(3)], PROTOCOL, BAD),
    ("5.1", "WINDOW_UPDATE on an idle stream", [window(3, 1)], PROTOCOL, BAD),
    ("5.1", "CONTINUATION on an idle stream", [frame(CONTINUATION, 4, 3, OK)], PROTOCOL, BAD),
    ("5.1", "HEADERS on a stream of the server", [headers(2, OK)], PROTOCOL, BAD),
    ("5.1", "DATA behind the end", [BEGUN + frame(DATA, 1, 1, b"x") * 2 + PONG], CLOSED | {"PONG"}, GOOD),
    ("6.1", "DATA on stream 0", [frame(DATA, 1, 0, b"x")], PROTOCOL, BAD),
    ("6.1", "DATA before the head", [frame(DATA, 1, 1, b"x")], RESETS, BAD),
    ("6.1", "DATA with too much padding", [BEGUN + frame(DATA, 9, 1, b"\x09test")], PROTOCOL, CUT),
    ("6.2", "HEADERS on stream 0", [headers(0, OK)], PROTOCOL, BAD),
    ("6.3", "PRIORITY of 4 bytes", [frame(PRIORITY, 0, 1, bytes(4))], {"S-SIZE", "C-SIZE"}, BAD),
    ("6.4", "RST_STREAM on stream 0", [reset(0)], PROTOCOL, BAD),
    ("6.4", "RST_STREAM of 3 bytes", [frame(RESET, 0, 1, bytes(3))], SIZE, BAD),
    ("6.5", "SETTINGS with an answer's flag and a payload", [frame(SETTINGS, 1, 0, bytes(6))], SIZE, BAD),
    ("6.5", "SETTINGS on a stream", [frame(SETTINGS, 0, 1)], PROTOCOL, BAD),
    ("6.5", "SETTINGS of 5 bytes", [frame(SETTINGS, 0, 0, bytes(5))], SIZE, BAD),
    ("6.5.2", "ENABLE_PUSH of 2", [setting((2, 2))], PROTOCOL, BAD),
    ("6.5.2", "ENABLE_PUSH of 1", [setting((2, 1))], PROTOCOL, BAD),
    ("6.5.2", "a window of 2^31", [setting((4, 2**31))], {"C-FLOW"}, BAD),
    ("6.5.2", "a frame size of 2^14-1", [setting((5, 16383))], PROTOCOL, BAD),
    ("6.5.2", "a frame size of 2^24", [setting((5, 2**24))], PROTOCOL, BAD),
    ("6.6", "PUSH_PROMISE, which was refused", [frame(PUSH, 4, 1, number(2) + GET)], PROTOCOL, BAD),
    ("6.7", "PING on a stream", [frame(PING, 0, 1, bytes(8))], PROTOCOL, BAD),
    ("6.7", "PING of 6 bytes", [frame(PING, 0, 0, bytes(6))], SIZE, BAD),
    ("6.8", "GOAWAY on a stream", [frame(GOAWAY, 0, 1, bytes(8))], PROTOCOL, BAD),
    ("6.9", "WINDOW_UPDATE of 0", [window(0, 0)], PROTOCOL, BAD),
    ("6.9", "WINDOW_UPDATE of 0 on a stream", [window(1, 0)], RESETS, BAD),
    ("6.9", "WINDOW_UPDATE of 3 bytes", [frame(WINDOW, 0, 0, bytes(3))], SIZE, BAD),
    ("6.9.1", "a connection's window beyond 2^31-1", [window(0, 2**31 - 1) * 2], {"C-FLOW"}, BAD),
    ("6.9.1", "more than the connection's window", [BEGUN + frame(DATA, 0, 1, bytes(16384)) * 400], {"S-FLOW", "C-FLOW"}, CUT),
    ("6.10", "CONTINUATION behind a whole block", [BEGUN + frame(CONTINUATION, 4, 1, OK)], PROTOCOL, CUT),
    ("8.1", "trailers without an end", [BEGUN + headers(block=field(b"x", b"y"), flags=4)], RESETS, CUT),
    ("8.1", "an interim answer that ends the stream", [headers(block=field(b":status", b"103"))], RESETS, BAD),
    ("8.1.1", "a length that is not that of the body",
     [headers(block=OK + field(b"content-length", b"5"), flags=4) + frame(DATA, 1, 1, b"test")], RESETS, CUT),
    ("8.1.1", "a length without a body", [headers(block=OK + field(b"content-length", b"5"))], RESETS, BAD),
    bad_answer("8.1.1", "two lengths", OK + field(b"content-length", b"0") + field(b"content-length", b"1")),
    bad_answer("8.2", "a name in capitals", OK + field(b"X-Test", b"ok")),
    bad_answer("8.2.1", "LF in a value", OK + field(b"x", b"a\nb")),
    bad_answer("8.2.1", "NUL in a value", OK + field(b"x", b"a\0b")),
    bad_answer("8.2.1", "a colon in a name", OK + field(b"x:y", b"z")),
    bad_answer("8.2.2", "Connection", OK + field(b"connection", b"close")),
    bad_answer("8.2.2", "Transfer-Encoding", OK + field(b"transfer-encoding", b"chunked")),
    bad_answer("8.3", "an unknown pseudo field", OK + field(b":test", b"ok")),
    bad_answer("8.3", "a pseudo field of requests", OK + field(b":path", b"/")),
    bad_answer("8.3", "a pseudo field behind another", field(b"x", b"y") + OK),
    bad_answer("8.3.2", "no :status", field(b"x", b"y")),
    bad_answer("8.3.2", "two :status", OK + OK),
    bad_answer("8.3.2", "a :status that is no number", field(b":status", b"2OO")),
    bad_answer("8.3.2", "a :status of four digits", field(b":status", b"2000")),
    bad_answer("8.6", "101", field(b":status", b"101")),
    ("8.3", "a pseudo field in trailers", [BEGUN + headers(block=OK)], RESETS, CUT),
]


class Origin:
    """A server that plays one case for each request."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(4)
        self.port = self.listener.getsockname()[1]

    def play(self, gateway, steps):
        """What the gateway tells the origin, and the status that its client gets."""
        with socket.create_connection(("127.0.0.1", gateway), 4) as client:
            client.sendall(b"GET /scripted HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            try:
                connection = self.listener.accept()[0]
            except socket.timeout:
                return "no connection to the origin", client.recv(12)[9:].decode("latin-1")
            with connection:
                peer = Peer(connection)
                peer.data = connection.recv(len(PREFACE), socket.MSG_WAITALL)[len(PREFACE):]
                peer.send(frame(SETTINGS) + frame(SETTINGS, 1))
                try:
                    peer.until(HEADERS)
                    found = play(peer, steps)
                except Wrong as problem:
                    found = str(problem)
                # A body that breaks off is only seen at its end.
                answer = b""
                try:
                    while len(answer) < 12:
                        more = client.recv(12 - len(answer))
                        if not more:
                            break
                        answer += more
                except (socket.timeout, ConnectionError):
                    answer = b"no answer within seconds"
                peer.leave()
        return found, answer[9:12].decode() if answer.startswith(b"HTTP/1.1 ") else answer.decode("latin-1")

    def breaches(self, gateway, cases):
        wrong = []
        for section, what, steps, wanted, statuses in cases:
            found, code = self.play(gateway, steps)
            if found not in wanted:
                wrong.append(f"  client, {section}: {what}: {found}, not {' or '.join(sorted(wanted))}")
            if code not in statuses:
                wrong.append(f"  client, {section}: {what}: status {code}, not {' or '.join(sorted(statuses))}")
        return wrong
