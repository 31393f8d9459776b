#!/usr/bin/env python3
"""wrk against this server, nginx (static JSON of the same bytes) and Hummingbird in alternating rounds: requests/s and processor time
per request, and at the end whether each target is met.

usage: compare.py BUILD [ROUNDS [SECONDS]]: the folder with `stackelberg` and `BenchServer`. Needs wrk and nginx; Hummingbird is
measured where peers/hummingbird has been built. The load runs on the same machine: absolute figures mean little, ratios of one run
mean more.
"""
import json
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CERTIFICATES = os.path.join(ROOT, "Tests", "HTTPServerTests", "Certificates")
HUMMINGBIRD = os.path.join(ROOT, "Benchmarks", "peers", "hummingbird", ".build", "release", "HummingbirdPeer")
BODY = '{"status":"ok"}\n'
EVENT_BYTES = 63
STREAMS = 1_000
POST = 'wrk.method = "POST"; wrk.body = string.rep("x", 10240); wrk.headers["Content-Type"] = "application/json"'


class Program:
    """A server that runs, and where it answers."""

    def __init__(self, name, command, url=None):
        self.name = name
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = "" if url else self.process.stdout.readline().strip()
        self.url = url or (line if line.startswith("http") else f"http://127.0.0.1:{line}")

    def cpu_seconds(self):
        """User and system time of the process and its children, from /proc."""
        total = 0
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    words = open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                if int(entry) == self.process.pid or int(words[1]) == self.process.pid:
                    total += int(words[11]) + int(words[12])
        return total / os.sysconf("SC_CLK_TCK")

    def memory(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def service(build, work, *options):
    name = os.path.join(work, f"data{len(os.listdir(work))}")
    return Program("stackelberg", [f"{build}/stackelberg", "serve", "--port", "0", "--workers", "1", "--data", name, *options])


def nginx(work):
    port, secured = free_port(), free_port()
    www = os.path.join(work, "www")
    os.makedirs(www)
    with open(os.path.join(www, "livez"), "w") as file:
        file.write(BODY)
    paths = "".join(f"{kind}_temp_path {work}/{kind};" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    tls = f"ssl_certificate {CERTIFICATES}/first.pem; ssl_certificate_key {CERTIFICATES}/first.key;"
    with open(os.path.join(work, "nginx.conf"), "w") as file:
        file.write(f"""daemon off; pid {work}/nginx.pid; error_log {work}/nginx.log; worker_processes auto;
events {{ worker_connections 4096; }}
http {{ access_log off; default_type application/json; keepalive_requests 1000000000; open_file_cache max=10; {paths}
add_header Cache-Control no-store; client_body_buffer_size 16k;
server {{ listen 127.0.0.1:{port} backlog=1024; listen 127.0.0.1:{secured} ssl backlog=1024; root {www}; {tls}
location /take {{ return 200 '10240\\n'; }} }} }}""")
    program = Program("nginx", ["nginx", "-c", os.path.join(work, "nginx.conf")], f"http://127.0.0.1:{port}")
    program.secured = f"https://127.0.0.1:{secured}"
    time.sleep(1)
    return program


def wrk(url, connections, seconds, script=None):
    threads = 1 if connections < 512 else 2
    command = ["wrk", "-t", str(threads), "-c", str(connections), "-d", f"{seconds}s", *(["-s", script] if script else []), url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text:
        raise SystemExit(f"{url}: {text}")
    return text


def load(program, url, connections, seconds, script=None):
    """Requests/s, and µs of processor for each."""
    before = program.cpu_seconds()
    text = wrk(url, connections, seconds, script)
    requests = int(re.search(r"(\d+) requests in", text)[1])
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]), (program.cpu_seconds() - before) / requests * 1e6


def flood(name, command, connections, seconds):
    """Events/s of streams whose producer never waits, and µs of processor for each; from a new process, for producers may go on
    when their readers have gone."""
    program = Program(name, command)
    port, before = int(program.url.rsplit(":", 1)[1]), program.cpu_seconds()
    chosen, room, count = selectors.DefaultSelector(), bytearray(1 << 20), 0
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    for s in sockets:
        s.sendall(b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n")
        chosen.register(s, selectors.EVENT_READ)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for key, _ in chosen.select(0.1):
            count += key.fileobj.recv_into(room)
    events, cost = count / EVENT_BYTES, program.cpu_seconds() - before
    program.process.kill()
    program.end()
    for s in sockets:
        s.close()
    return events / seconds, cost / events * 1e6


class Readers:
    """A thousand streams that are open and quiet."""

    def __init__(self, program):
        memory, port = program.memory(), int(program.url.rsplit(":", 1)[1])
        self.sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(STREAMS)]
        for s in self.sockets:
            s.sendall(b"GET /quiet HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for s in self.sockets:
            s.recv(4096)
        self.bytes_each = (program.memory() - memory) / STREAMS

    def close(self):
        for s in self.sockets:
            s.close()


class Verdicts:
    """What is wanted, and whether it came so."""

    def __init__(self):
        self.lines = []

    def wants(self, what, found, least=None, most=None):
        is_met = found >= least if most is None else found <= most
        bound = f"at least {least:g}" if most is None else f"at most {most:g}"
        self.lines.append(f"{what:60} {found:10.2f}  {bound:16}  {'met' if is_met else 'MISSED'}")

    def inline(self, title, results, of_nginx, of_hummingbird):
        """The targets of an inline route of the service."""
        (rate, cost), nginx = results["stackelberg"], results["nginx"]
        self.wants(f"{title}: rate beside nginx", rate / nginx[0], least=of_nginx)
        if "hummingbird" in results:
            self.wants(f"{title}: rate beside Hummingbird", rate / results["hummingbird"][0], least=of_hummingbird)
        self.wants(f"{title}: processor time beside nginx, service", cost / nginx[1], most=1.2)
        self.wants(f"{title}: processor time beside nginx, server", results["server"][1] / nginx[1], most=1.2)


def row(title, rounds, entries):
    """Every entry is a program and what to measure of it; ratios are those of the first to the others.

    Returns rate and cost by the programs' names."""
    results = [[] for _ in entries]
    for round in range(rounds):
        for index in sorted(range(len(entries)), reverse=round % 2 == 1):
            results[index].append(entries[index][1]())
    rates = [statistics.median(rate for rate, _ in result) for result in results]
    costs = [statistics.median(cost for _, cost in result) for result in results]
    shown = "".join(f"  {program.name:>11} {rate:9.0f}/s {cost:6.2f} µs" for (program, _), rate, cost in zip(entries, rates, costs))
    ratios = " ".join(f"{rates[0] / rate:.2f}" for rate in rates[1:])
    print(f"{title:22}{shown}  {ratios}", flush=True)
    return {program.name: (rate, cost) for (program, _), rate, cost in zip(entries, rates, costs)}


def finished_job(program):
    """The path of a job that has ended."""
    with open(os.path.join(ROOT, "Examples", "quadratic.json"), "rb") as file:
        request = urllib.request.Request(f"{program.url}/v1/jobs", file.read(), {"Content-Type": "application/json"})
    path = f"/v1/jobs/{json.load(urllib.request.urlopen(request))['id']}"
    while json.load(urllib.request.urlopen(program.url + path))["state"] != "succeeded":
        time.sleep(0.1)
    return path


def main():
    build = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        script = os.path.join(work, "post.lua")
        with open(script, "w") as file:
            file.write(POST)
        ours = service(build, work)
        secured = service(build, work, "--tls-certificate", f"{CERTIFICATES}/first.pem", "--tls-key", f"{CERTIFICATES}/first.key")
        bare, theirs = Program("server", [f"{build}/BenchServer"]), nginx(work)
        peers = [Program("hummingbird", [HUMMINGBIRD])] if os.path.exists(HUMMINGBIRD) else []
        try:
            print(f"{rounds} rounds of {seconds} s; medians; at the end of a line the first program's rate over the others'")
            verdicts = Verdicts()
            for count, of_nginx, of_hummingbird in ((1, 1.0, 1.5), (64, 0.8, 1.2), (512, 1.0, 1.5)):
                title = f"GET /livez, {count}"
                results = row(
                    title, rounds,
                    [(p, lambda p=p: load(p, p.url + "/livez", count, seconds)) for p in [ours, bare, theirs, *peers]])
                verdicts.inline(title, results, of_nginx, of_hummingbird)
            row("GET /livez, 64, TLS", rounds,
                [(p, lambda p=p, url=url: load(p, url + "/livez", 64, seconds))
                 for p, url in [(secured, secured.url), (theirs, theirs.secured)]])
            row("POST of 10 kB, 64", rounds,
                [(p, lambda p=p: load(p, p.url + "/take", 64, seconds, script)) for p in [bare, theirs, *peers]])
            job = finished_job(ours)
            results = row("GET of a job, 64", rounds, [(ours, lambda: load(ours, ours.url + job, 64, seconds))])
            verdicts.wants("GET of a job, 64: requests/s", results["stackelberg"][0], least=25_000)
            row("GET in a task, 64", rounds, [(bare, lambda: load(bare, bare.url + "/task", 64, seconds))])
            results = row(
                "events, 16 streams", rounds,
                [(p, lambda p=p: flood(p.name, p.process.args, 16, seconds)) for p in [bare, *peers]])
            if peers:
                verdicts.wants("events: rate beside Hummingbird", results["server"][0] / results["hummingbird"][0], least=10)
            readers = {p: Readers(p) for p in [bare, *peers]}
            row(f"GET /livez, 64, {STREAMS} open", rounds,
                [(p, lambda p=p: load(p, p.url + "/livez", 64, seconds)) for p in [bare, *peers]])
            print("memory of an open stream: " + ", ".join(f"{p.name} {r.bytes_each / 1000:.1f} kB" for p, r in readers.items()))
            for reader in readers.values():
                reader.close()
            print("", *verdicts.lines, sep="\n")
        finally:
            for program in [ours, secured, bare, theirs, *peers]:
                program.end()


if __name__ == "__main__":
    main()
