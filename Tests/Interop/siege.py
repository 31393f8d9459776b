#!/usr/bin/env python3
"""Bad clients of one kind after the other against a server of its own, and what must hold of it: /livez beside them answers
within 50 ms (p99), and ten seconds after the last has gone its memory is within 16 MiB of what it was and its descriptors are back.

usage: siege.py STACKELBERG [SECONDS]: seconds for each kind.
"""
import multiprocessing
import os
import random
import resource
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CERTIFICATES = os.path.join(ROOT, "Tests", "HTTPServerTests", "Certificates")
SLOWEST, GROWTH, SPARE = 0.050, 16 << 20, 4
GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
LONG = b"GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = (b"POST /v1/validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 4096\r\n\r\n")


class Server:
    def __init__(self, executable, work, *options, descriptors=65_536):
        name = os.path.join(work, f"data{len(os.listdir(work))}")
        most = min(descriptors, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.process = subprocess.Popen([executable, "serve", "--port", "0", "--workers", "1", "--data", name, *options],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=limit)
        self.port = int(self.process.stdout.readline().strip().rsplit(":", 1)[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024

    def end(self):
        self.process.terminate()
        return self.process.wait(30)


def connect(port, receive=None):
    s = socket.socket()
    if receive:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    s.settimeout(5)
    s.connect(("127.0.0.1", port))
    return s


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def quietly(action, *arguments):
    """A server may hang up on a bad client at any time."""
    try:
        return action(*arguments)
    except OSError:
        return None


def probe(port, secured, ready, ending, results):
    """Half of the requests on one connection that stays, half on new ones. Runs in a process of its own."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    wrap = (lambda s: context.wrap_socket(s)) if secured else (lambda s: s)

    def ask(s):
        began = time.monotonic()
        s.sendall(GET)
        answer = s.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200"), answer[:40]
        return time.monotonic() - began

    times, faults = [], []
    kept = wrap(connect(port))
    ask(kept)
    ready.set()
    while not ending.is_set():
        try:
            times.append(ask(kept))
            began = time.monotonic()
            with wrap(connect(port)) as fresh:
                ask(fresh)
                times.append(time.monotonic() - began)
        except (OSError, AssertionError) as fault:
            faults.append(repr(fault))
        time.sleep(0.002)
    results.put((sorted(times), faults))


# Each kind: given the port and the moment of its end, it is bad until then, and lets go of what it holds.

def idle(port, until):
    held = [connect(port) for _ in range(2_000)]
    for s in held[::2]:
        s.sendall(GET)
    while time.monotonic() < until:
        time.sleep(0.05)
    for s in held:
        s.close()


def deaf(port, until):
    held = [connect(port, receive=4_096) for _ in range(50)]
    while time.monotonic() < until:
        for s in held:
            s.setblocking(False)
            quietly(s.send, LONG * 20)
        time.sleep(0.02)
    for s in held:
        s.close()


def slow(port, until):
    held = [connect(port) for _ in range(400)]
    pieces = [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 4_000, POST + b" " * 4_000]
    sent = 0
    while time.monotonic() < until:
        for number, s in enumerate(held):
            quietly(s.send, pieces[number % 2][sent:sent + 1])
        sent += 1
        time.sleep(0.02)
    for s in held:
        s.close()


def flood(port, until):
    held = [connect(port) for _ in range(20)]
    for s in held:
        s.setblocking(False)
    while time.monotonic() < until:
        for s in held:
            quietly(s.send, GET * 200)
            quietly(s.recv, 1 << 20)
        time.sleep(0.001)
    for s in held:
        s.close()


def crumbs(port, until):
    """Bodies in chunks of one byte, and in bytes that stand for many."""
    heads = [POST.replace(b"Content-Length: 4096", b"Transfer-Encoding: chunked"),
             b"PUT /v1/datasets/crumbs.csv HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"]
    held = [connect(port) for _ in range(32)]
    for number, s in enumerate(held):
        s.sendall(heads[number % 2])
        s.setblocking(False)
    rest = [b""] * len(held)
    while time.monotonic() < until:
        for number, s in enumerate(held):
            piece = rest[number] or b"1\r\n1\r\n" * 5_000
            rest[number] = piece[quietly(s.send, piece) or 0:]
        time.sleep(0.001)
    for s in held:
        s.close()


def large(port, until):
    """Documents as large as may be, and a little larger, side by side."""
    head = POST.replace(b"Content-Length: 4096", b"Transfer-Encoding: chunked")
    piece = b"10000\r\n" + b" " * 65_536 + b"\r\n"

    def send():
        with connect(port) as s:
            s.sendall(head)
            for _ in range(257):
                s.sendall(piece)
            s.recv(1 << 16)
    while time.monotonic() < until:
        senders = [threading.Thread(target=quietly, args=(send,)) for _ in range(16)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()


def lists(port, until):
    """Heads of 57 kB that are all list: preferences, tags, segments."""
    def fill(name, member):
        return b"".join(name + b": " + member * (8_000 // len(member)) + b"\r\n" for _ in range(7))
    heads = [LONG[:-2] + fill(b"Accept-Encoding", b"a,") + b"\r\n", LONG[:-2] + fill(b"If-None-Match", b'"",') + b"\r\n",
             GET.replace(b"/livez", b"/")[:-2] + fill(b"Accept", b"a/b;q=1,") + b"\r\n",
             GET[:-2] + fill(b"If-None-Match", b'"-gzip",') + b"\r\n", GET.replace(b"/livez", b"/." * 4_000 + b"/livez")]
    held = [connect(port) for _ in range(10)]
    rest = [b""] * len(held)
    for s in held:
        s.setblocking(False)
    while time.monotonic() < until:
        for number, s in enumerate(held):
            piece = rest[number] or heads[number % len(heads)] * 4
            rest[number] = piece[quietly(s.send, piece) or 0:]
            quietly(s.recv, 1 << 20)
        time.sleep(0.001)
    for s in held:
        s.close()


def halves(port, until):
    while time.monotonic() < until:
        for request, answers in [(GET, 1), (GET * 3, 3), (GET[:20], 1), (b"", 0), (POST + b"{", 1), (LONG, 1)]:
            s = connect(port)
            s.sendall(request)
            s.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := s.recv(1 << 16):
                answer += piece
            assert answer.count(b"HTTP/1.1 ") == answers, (request, answer[:200])
            s.close()
        time.sleep(0.005)


def resets(port, until):
    while time.monotonic() < until:
        for request in [b"", GET[:20], GET, GET * 50, LONG * 50, POST, POST + b"{", GET + GET[:20]]:
            for pause in (0, 0.001):
                s = connect(port)
                s.sendall(request)
                time.sleep(pause)
                reset(s)


def garbage(port, until):
    noise = random.Random(1)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = context.wrap_bio(incoming, outgoing)
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = outgoing.read()
    silent = []
    while time.monotonic() < until:
        for request in [noise.randbytes(300), GET, hello[:50], hello[:5] + noise.randbytes(200), hello + noise.randbytes(200),
                        b"\x16\x03\x01\xff\xff" + noise.randbytes(1_000), hello]:
            s = connect(port)
            quietly(s.sendall, request)
            silent.append(s)
        while len(silent) > 300:
            silent.pop(0).close()
        time.sleep(0.01)
    for s in silent:
        s.close()


def hunger(port, until):
    """More connections than the server has descriptors."""
    held = []
    while time.monotonic() < until:
        while len(held) < 600:
            held.append(connect(port))
        for s in held[::7]:
            s.close()
        held = [s for s in held if s.fileno() >= 0]
        time.sleep(0.05)
    for s in held:
        s.close()


def judge(name, kind, server, seconds, secured=False, mayTurnAway=False):
    faults = []
    ready, ending, results = multiprocessing.Event(), multiprocessing.Event(), multiprocessing.Queue()
    prober = multiprocessing.Process(target=probe, args=(server.port, secured, ready, ending, results))
    prober.start()
    ready.wait(30)

    def act():
        try:
            kind(server.port, time.monotonic() + seconds)
        except Exception as fault:
            faults.append(f"{name}: {fault!r}")
    actor = threading.Thread(target=act)
    actor.start()
    actor.join()
    ending.set()
    times, failures = results.get()
    prober.join()
    p99 = times[len(times) * 99 // 100]
    print(f"{name:12} /livez {len(times):6} times, median {times[len(times) // 2] * 1e3:6.2f} ms, p99 {p99 * 1e3:6.2f} ms, "
          f"at most {times[-1] * 1e3:6.2f} ms; {server.descriptors()} descriptors, {server.memory() >> 20} MiB", flush=True)
    if p99 > SLOWEST:
        faults.append(f"{name}: p99 of /livez is {p99 * 1e3:.1f} ms")
    if failures and not mayTurnAway:
        faults.append(f"{name}: {len(failures)} honest requests failed, {failures[0]}")
    return faults


def warm(server):
    """What a server keeps once it has served is not what bad clients have left."""
    held = [connect(server.port) for _ in range(200)]
    for s in held:
        quietly(s.sendall, LONG)
    for s in held:
        quietly(s.recv, 1 << 16)
        s.close()
    time.sleep(1)


def besiege(server, kinds, seconds):
    warm(server)
    faults, descriptors, memory = [], server.descriptors(), server.memory()
    for name, kind, options in kinds:
        faults += judge(name, kind, server, seconds, **options)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and (
            server.descriptors() > descriptors + SPARE or server.memory() > memory + GROWTH):
        time.sleep(0.1)
    left, held = server.descriptors(), server.memory()
    print(f"descriptors {descriptors} before, {left} after; memory {memory >> 20} MiB before, {held >> 20} MiB after")
    if left > descriptors + SPARE:
        faults.append(f"{left - descriptors} descriptors were kept")
    if held > memory + GROWTH:
        faults.append(f"{held - memory >> 20} MiB were kept")
    if server.end() != 0:
        faults.append("the server did not end well")
    return faults


def main():
    executable, seconds = os.path.abspath(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 5
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8_192, most), most))
    with tempfile.TemporaryDirectory() as work:
        plain = [("idle", idle, {}), ("deaf", deaf, {}), ("slow", slow, {}), ("flood", flood, {}), ("crumbs", crumbs, {}),
                 ("lists", lists, {}), ("large", large, {}), ("half-closes", halves, {}), ("resets", resets, {})]
        faults = besiege(Server(executable, work), plain, seconds)
        tls = ["--tls-certificate", f"{CERTIFICATES}/first.pem", "--tls-key", f"{CERTIFICATES}/first.key"]
        faults += besiege(Server(executable, work, *tls), [("TLS garbage", garbage, {"secured": True})], seconds)
        faults += besiege(Server(executable, work, descriptors=256), [("hunger", hunger, {"mayTurnAway": True})], seconds)
    for fault in faults:
        print(fault)
    print("every promise held" if not faults else f"{len(faults)} promises broken")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
