#!/usr/bin/env python3
"""Raw requests against a running server, with what RFC 9110, 9112 and 3986 want of the answers.

usage: cases.py PORT. Each case: section, bytes, expected statuses of the answers in order, and whether the connection
is open afterwards. A hidden request is one to /hidden: nothing may ever answer it (404 would).
"""
import os
import re
import socket
import sys

H = "Host: localhost\r\n"
GET = f"GET /livez HTTP/1.1\r\n{H}\r\n"
HIDDEN = f"GET /hidden HTTP/1.1\r\n{H}\r\n"
OPEN, CLOSED = True, False
CHUNKED = f"POST /v1/validate HTTP/1.1\r\n{H}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def get(line="GET /livez HTTP/1.1", fields="", host=H):
    return f"{line}\r\n{host}{fields}\r\n"


def post(fields, body=""):
    return f"POST /v1/validate HTTP/1.1\r\n{H}Content-Type: application/json\r\n{fields}\r\n{body}"


CASES = []


def case(section, request, statuses, after):
    CASES.append((section, request, [statuses] if isinstance(statuses, (int, tuple)) else statuses, after))


def good(section, request, status=200):
    """Answered, and so is a good request behind and before it."""
    case(section, request, status, OPEN)
    case(section, GET + request + GET, [200, status, 200], OPEN)


def bad(section, request, status=400):
    """Refused, and nothing behind it is answered."""
    case(section, request, status, CLOSED)
    case(section, GET + request + HIDDEN, [200, status], CLOSED)


# Request line.
for line in ["GET  /livez HTTP/1.1", "GET /livez  HTTP/1.1", " GET /livez HTTP/1.1", "GET /livez", "GET", "GET /livez HTTP/1.1 ",
             "GET\t/livez\tHTTP/1.1", "G@T /livez HTTP/1.1", "GET /li vez HTTP/1.1", "GET /livez HTTP/1", "GET /livez HTTP/1.1.1",
             "GET /livez HTTP/01.1", "GET /livez HTTP/1.11", "GET /livez http/1.1", "GET /livez HTTPS/1.1", "GET /livez XTTP/1.1",
             "GET /livez HTTP1.1", "GET /livez HTTP/1,1", "GET /livez HTTP/a.b", "GET /livez HTTP/0.9", "GET /livez HTTP/-1.1",
             "GET\x00 /livez HTTP/1.1", "GET /livez\x00 HTTP/1.1", "GET /livez\x7f HTTP/1.1", "\x80 /livez HTTP/1.1"]:
    bad("RFC 9112 §3", get(line))
for version in ["2.0", "3.0", "9.9"]:
    bad("RFC 9110 §2.5", get(f"GET /livez HTTP/{version}"), 505)
bad("RFC 9113 §3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
good("RFC 9110 §2.5", get("GET /livez HTTP/1.2"))
good("RFC 9112 §2.2", "\r\n" + GET)
# Methods.
for method in ["get", "Get", "BREW", "PROPFIND", "GETT", "A!#$%&'*+-.^_`|~9"]:
    good("RFC 9110 §9.1", get(f"{method} /livez HTTP/1.1"), 501)
for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE"]:
    good("RFC 9110 §15.5.6", get(f"{method} /livez HTTP/1.1"), 405)
good("RFC 9110 §9.3.6", get("CONNECT localhost:80 HTTP/1.1"), 501)
good("RFC 9110 §9.3.7", get("OPTIONS /livez HTTP/1.1"), 204)
good("RFC 9110 §9.3.7", get("OPTIONS * HTTP/1.1"), 204)
# Targets.
for target in ["livez", "*", "http:/livez", "http://", "ftp://localhost/livez", "//localhost", "/livez#f", "/%", "/%4", "/%zz", "/\\",
               "/<", "/\"", "/{", "/|", "/^", "/`", "http://u@localhost/livez", "http://u:p@localhost/livez", "/%00", "/%0d%0a",
               "http://localhost:99999/livez", "http://local host/", "localhost:80", "?x", "http://[::1/livez"]:
    if target != "//localhost":
        bad("RFC 9112 §3.2", get(f"GET {target} HTTP/1.1"))
for target in ["http://localhost/livez", "HTTP://LOCALHOST/livez", "http://localhost:80/livez", "https://localhost/livez", "/./livez",
               "/a/../livez", "/../livez", "/%6civez", "/%2e/livez", "/a/%2e%2E/livez", "/livez?verbose", "/livez?verbose=true",
               "http://localhost/livez?verbose"]:
    good("RFC 3986 §6.2.2", get(f"GET {target} HTTP/1.1"))
for target in ["/LIVEZ", "/livez/", "//livez", "/livez%2f", "/a%2f../livez", "/%252e%252e/livez", "//localhost"]:
    good("RFC 3986 §6.2.2", get(f"GET {target} HTTP/1.1"), 404)
good("RFC 9112 §3.2.2", get("GET http://localhost/livez HTTP/1.1", host="Host: elsewhere\r\n"))
for target in ["/", "localhost", "localhost:", "localhost:x", "http://localhost:80", "*"]:
    bad("RFC 9112 §3.2.3", get(f"CONNECT {target} HTTP/1.1"))
bad("RFC 9110 §15.5.15", get("GET /" + "a" * 8192 + " HTTP/1.1"), 414)
good("limit", get("GET /" + "a" * (8192 - 14) + " HTTP/1.1"), 404)
# Host.
bad("RFC 9112 §3.2", get(host=""))
bad("RFC 9112 §3.2", get(host=H + H))
bad("RFC 9112 §3.2", get(host=H + "host: elsewhere\r\n"))
for host in ["", "a b", "a/b", "u@a", "a:b", "a:-1", "a:99999", "a:1:2", ":80", "[::1", "[::1]x", "::1", "[:::]", "a,b c", "http://a",
             "a#b", "a?b", "a\\b", "<a>", "\"a\"", "[v1.x]", "a%", "a%zz", "\x80"]:
    bad("RFC 9110 §7.2", get(host=f"Host: {host}\r\n"))
for host in ["localhost", "LOCALHOST", "localhost:1", "127.0.0.1", "[::1]", "[::1]:80", "localhost:", " localhost ", "\tlocalhost\t"]:
    good("RFC 9110 §7.2", get(host=f"Host: {host}\r\n"))
case("RFC 9112 §3.2", "GET /livez HTTP/1.0\r\n\r\n", 200, CLOSED)
# Field lines.
for field in ["A : b", "A\t: b", " A: b", "\tA: b", ": b", "A", "A b: c", "A/: c", "A\"b: c", "A(: c", "\x80: c", "A\x00: b", "A: b\x00c",
              "A: b\x01", "A: b\x7f", "A: b\x0b", "A: b\x1b", "A: b\r c", "A: b\n c", "A: b\r\n c", "A: b\r\n\tc", "A\r\n: b", "A: b\rB: c",
              "A: b\nB: c", "=: b\r\n\x0c", "A: b\r\r"]:
    bad("RFC 9112 §5", get(fields=field + "\r\n"))
for field in ["A:b", "A:", "A: ", "A:  b  ", "A:\tb\t", "A: b\tc", "A: \x80\xff", "!#$%&'*+-.^_`|~: x", "A: b\r\nA: c", "A_b: c", "0: 1"]:
    good("RFC 9110 §5", get(fields=field + "\r\n"))
bad("RFC 6585 §5", get(fields="A: " + "b" * 8192 + "\r\n"), 431)
bad("RFC 6585 §5", get(fields="".join(f"A{i}: b\r\n" for i in range(100))), 431)
good("limit", get(fields="".join(f"A{i}: b\r\n" for i in range(99))))
bad("RFC 6585 §5", get(fields="".join(f"A{i}: {'b' * 8000}\r\n" for i in range(9))), 431)
bad("RFC 9112 §2.2", GET.replace("\r\n", "\n"))
bad("RFC 9112 §2.2", "GET /livez HTTP/1.1\n" + H + "\r\n")
bad("RFC 9112 §2.2", "GET /livez HTTP/1.1\r\n" + H + "\n")
bad("RFC 9112 §2.2", "GET /livez HTTP/1.1\r" + H + "\r\n")
bad("RFC 9112 §2.2", "\r\n\r\n\r\n" + GET)
# Content-Length.
for length in ["", "+2", "-2", "2,2", "2, 2", "0x2", "2 2", "2.0", "2e0", "two", "18446744073709551618", "9223372036854775808", "\"2\"",
               "2;", "\xb2", "2\x00"]:
    bad("RFC 9112 §6.3", post(f"Content-Length: {length}\r\n", "{}"))
bad("RFC 9112 §6.3", post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"))
bad("RFC 9112 §6.3", post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"))
for length in ["2", "02", "0000000002", " 2 "]:
    good("RFC 9112 §6.2", post(f"Content-Length: {length}\r\n", "{}"), (200, 422))
good("RFC 9110 §9.3.1", get(fields="Content-Length: 2\r\n") + "xx")
good("RFC 9112 §6.3", post("Content-Length: 0\r\n"), 400)
case("RFC 9110 §15.5.14", post("Content-Length: 99999999999\r\n"), 413, CLOSED)
# Transfer-Encoding.
for coding in ["", "identity", "gzip", "xchunked", "chunkedx", "\"chunked\"", "chunked;q=1", "chunked, chunked", "chunked, gzip",
               "chunked,", ", chunked", "chunked chunked", "\x0bchunked", "chu nked", "chunked, identity"]:
    bad("RFC 9112 §6.1", post(f"Transfer-Encoding: {coding}\r\n", "2\r\n{}\r\n0\r\n\r\n"))
bad("RFC 9112 §6.1", post("Transfer-Encoding: gzip, chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"), 501)
bad("RFC 9112 §6.3", post("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "2\r\n{}\r\n0\r\n\r\n"))
bad("RFC 9112 §6.3", post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"))
bad("RFC 9112 §6.3", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nX"))
bad("RFC 9112 §6.1", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"))
bad("RFC 9112 §5.1", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"))
bad("RFC 9112 §5.1", post("Content-Length : 5\r\n", "0\r\n\r\n"))
bad("RFC 9112 §5.2", post("X: y\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n"))
bad("RFC 9112 §6.1", CHUNKED.replace("HTTP/1.1", "HTTP/1.0") + "2\r\n{}\r\n0\r\n\r\n")
for coding in ["chunked", "CHUNKED", "Chunked", " chunked ", "\tchunked"]:
    good("RFC 9112 §7", post(f"Transfer-Encoding: {coding}\r\n", "2\r\n{}\r\n0\r\n\r\n"), (200, 422))
# Chunks.
for size in ["+2", "-2", "0x2", " 2", "2 ", "\t2", "g", "", "2.", "fffffffffffffffff", "8000000000000000", "2_", "2\x00", "0x", "٢", ";a",
             "2;a=b\x00", "2;", "2; =b", "2;a=\"b", "2;a=", "2;@"]:
    bad("RFC 9112 §7.1", CHUNKED + f"{size}\r\n{{}}\r\n0\r\n\r\n")
for size in ["2", "02", "0000000000000002", "2;a", "2;a=b", "2;a=\"b;c\"", "2;a;b=c", "2; a = b", "2;a=\"\\\"\""]:
    good("RFC 9112 §7.1.1", CHUNKED + f"{size}\r\n{{}}\r\n0\r\n\r\n", (200, 422))
for body in ["2\n{}\r\n0\r\n\r\n", "2\r{}\r\n0\r\n\r\n", "2\r\n{}\n0\r\n\r\n", "2\r\n{}0\r\n\r\n", "2\r\n{}x\r\n0\r\n\r\n",
             "2\r\n{}\r\n0\n\r\n", "2\r\n{}\r\n0\r\n\n", "1\r\n{}\r\n0\r\n\r\n", "2\r\n{}\r\n0\r\nA : b\r\n\r\n", "2\r\n{}\r\n0\r\n A: b\r\n\r\n",
             "2\r\n{}\r\n0\r\nA: b\r\n c\r\n\r\n", "2\r\n{}\r\n0\r\nA\r\n\r\n", "2\r\n{}\r\n0\r\nA: b\x00\r\n\r\n", "2;a\nb\r\n{}\r\n0\r\n\r\n",
             "2\r\n{}\r\r0\r\n\r\n", "2;a\rb\r\n{}\r\n0\r\n\r\n"]:
    bad("RFC 9112 §7.1", CHUNKED + body)
for trailers in ["A: b\r\n", "A: b\r\nC: d\r\n", "Content-Length: 9\r\n", "Host: x\r\n", "Transfer-Encoding: gzip\r\n"]:
    good("RFC 9112 §7.1.2", CHUNKED + f"2\r\n{{}}\r\n0\r\n{trailers}\r\n", (200, 422))
bad("RFC 9112 §7.1.2", CHUNKED + "2\r\n{}\r\n0\r\nA: " + "b" * 9000 + "\r\n\r\n", 431)
# Expect.
case("RFC 9110 §10.1.1", post("Expect: 100-continue\r\nContent-Length: 99999999999\r\n"), 413, CLOSED)
case("RFC 9110 §10.1.1", get("POST /nothing HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 2\r\n"), 404, CLOSED)
case("RFC 9110 §10.1.1", post("Expect: 100-continue\r\nContent-Length: 2\r\n"), 100, OPEN)
good("RFC 9110 §10.1.1", post("Expect: 100-continue\r\nContent-Length: 2\r\n", "{}"), (200, 422))
good("RFC 9110 §10.1.1", get(fields="Expect: 100-continue\r\n"))
bad("RFC 9110 §10.1.1", post("Expect: something\r\nContent-Length: 2\r\n", "{}"), 417)
# Persistence.
case("RFC 9112 §9.6", get(fields="Connection: close\r\n") + HIDDEN, 200, CLOSED)
case("RFC 9112 §9.6", get(fields="Connection: x, CLOSE\r\n") + HIDDEN, 200, CLOSED)
case("RFC 9112 §9.3", get("GET /livez HTTP/1.0") + HIDDEN, 200, CLOSED)
case("RFC 9112 §9.3", get("GET /livez HTTP/1.0", "Connection: keep-alive\r\n") + GET, [200, 200], OPEN)
case("RFC 9112 §9.3.2", GET * 40, [200] * 40, OPEN)
case("RFC 9112 §9.3.2", GET + get("HEAD /livez HTTP/1.1") + GET, [200, 200, 200], OPEN)
# Media types, conditions, ranges, upgrades.
good("RFC 9110 §15.5.16", get("POST /v1/jobs HTTP/1.1", "Content-Length: 2\r\n") + "{}", 415)
good("RFC 9110 §8.4", post("Content-Encoding: br\r\nContent-Length: 2\r\n", "{}"), 415)
good("RFC 9110 §14.2", get("GET /version HTTP/1.1", "Range: bytes=0-1\r\n"))
good("RFC 9110 §7.8", get(fields="Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"))
good("RFC 6455 §4.2.2", get(fields="Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"))
# What is no HTTP.
bad("garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
bad("garbage", "hello\r\n\r\n")


def goldens():
    """What the golden files want refused, over a socket, behind a good request and with a hidden one behind."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "HTTP1Tests", "Golden")
    escapes = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            blocks = file.read().split("\n== ")[1:]
        for block in blocks:
            lines = [line for line in block.split("\n") if line]
            divider = lines.index("--")
            refusal = [int(line.split(" ")[1]) for line in lines[divider + 1:] if line.startswith("refuse ")]
            data = "".join(lines[1:divider]).encode("utf-8").decode("latin1")
            data = re.sub(r"\\(x..|.)", lambda m: chr(int(m[1][1:], 16)) if m[1][0] == "x" else escapes[m[1]], data)
            if refusal:
                case(f"{name}: {lines[0]}", GET + data + HIDDEN, [200, *refusal], CLOSED)


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.buffer = b""

    def more(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.buffer += piece
        return len(piece) > 0

    def upto(self, mark):
        while mark not in self.buffer:
            if not self.more():
                return None
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def answer(self, is_head):
        head = self.upto(b"\r\n\r\n")
        if head is None:
            return None
        lines = head.decode("latin1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if status >= 200:
            assert "date" in fields, "no Date"
            assert "x-request-id" in fields, "no X-Request-Id"
        if status == 405:
            assert "allow" in fields, "no Allow"
        if is_head or status < 200 or status in (204, 304):
            return status
        if fields.get("transfer-encoding") == "chunked":
            while True:
                size = int(self.upto(b"\r\n"), 16)
                while len(self.buffer) < size + 2:
                    assert self.more(), "cut"
                self.buffer = self.buffer[size + 2:]
                if size == 0:
                    return status
        length = int(fields["content-length"])
        while len(self.buffer) < length:
            assert self.more(), "cut"
        self.buffer = self.buffer[length:]
        return status


def run(port, request, statuses, after):
    connection = Connection(port)
    try:
        connection.socket.sendall(request.encode("latin1") if isinstance(request, str) else request)
    except (ConnectionResetError, BrokenPipeError):
        pass
    seen = []
    heads = [line for line in request.split("\r\n") if line.endswith("HTTP/1.1")]
    for number, expected in enumerate(statuses):
        is_head = number < len(heads) and heads[number].startswith("HEAD ")
        status = connection.answer(is_head)
        seen.append(status)
        if status != expected and not (isinstance(expected, tuple) and status in expected):
            return f"answers {seen}, wanted {statuses}"
    if after is OPEN:
        if statuses == [100]:
            return None
        connection.socket.sendall(GET.encode())
        return None if connection.answer(False) == 200 else "not open afterwards"
    left = connection.answer(False)
    return None if left is None else f"answered {left} after its end"


def main():
    port, faults = int(sys.argv[1]), 0
    goldens()
    for section, request, statuses, after in CASES:
        request = request if request.isascii() else request.encode("utf-8", "surrogateescape").decode("latin1") \
            if any(ord(c) > 255 for c in request) else request
        try:
            fault = run(port, request, statuses, after)
        except Exception as error:
            fault = repr(error)
        if fault:
            faults += 1
            shown = request if len(request) < 300 else request[:150] + "…" + request[-100:]
            print(f"{section}: {shown!r}: {fault}")
    print(f"{len(CASES) - faults} of {len(CASES)} cases answered as the RFCs want")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
