#!/usr/bin/env python3
"""wrk against this server and nginx (static JSON of the same bytes) in alternating rounds: requests/s and CPU per request.

usage: compare.py STACKELBERG [ROUNDS [SECONDS]]. Needs wrk and nginx. The load runs on the same machine: absolute figures mean little,
ratios of one run mean more.
"""
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CERTIFICATES = os.path.join(ROOT, "Tests", "HTTPServerTests", "Certificates")
BODY = '{"status":"ok"}\n'


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(process):
    """User and system time of a process and its children, from /proc."""
    total = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                words = open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(entry) == process or int(words[1]) == process:
                total += int(words[11]) + int(words[12])
    return total / os.sysconf("SC_CLK_TCK")


def stackelberg(executable, work, *options):
    name = os.path.join(work, "data" + "-".join(os.path.basename(o) for o in options)[:40])
    process = subprocess.Popen([executable, "serve", "--port", "0", "--workers", "1", "--data", name, *options],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return process, process.stdout.readline().strip() + "/livez"


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
server {{ listen 127.0.0.1:{port} backlog=1024; listen 127.0.0.1:{secured} ssl backlog=1024; root {www}; {tls} }} }}""")
    process = subprocess.Popen(["nginx", "-c", os.path.join(work, "nginx.conf")])
    time.sleep(1)
    return process, f"http://127.0.0.1:{port}/livez", f"https://127.0.0.1:{secured}/livez"


def measure(process, url, connections, seconds):
    before = cpu_seconds(process.pid)
    threads = 1 if connections < 512 else 2
    text = subprocess.run(["wrk", "-t", str(threads), "-c", str(connections), "-d", f"{seconds}s", url], capture_output=True,
                          text=True, check=True).stdout
    if "Non-2xx" in text:
        raise SystemExit(f"{url}: {text}")
    requests = int(re.search(r"(\d+) requests in", text)[1])
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]), (cpu_seconds(process.pid) - before) / requests * 1e6


def main():
    executable = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        ours, our_url = stackelberg(executable, work)
        secured, our_tls = stackelberg(executable, work, "--tls-certificate", f"{CERTIFICATES}/first.pem", "--tls-key",
                                       f"{CERTIFICATES}/first.key")
        theirs, their_url, their_tls = nginx(work)
        try:
            table = [(f"{count} connections", count, (ours, our_url), (theirs, their_url)) for count in (1, 64, 512)]
            table += [("64 over TLS", 64, (secured, our_tls), (theirs, their_tls))]
            print(f"{rounds} rounds of {seconds} s; medians\n{'':16}{'stackelberg':>24}{'nginx':>24}{'ratio':>8}")
            for name, count, *servers in table:
                results = [[], []]
                for round in range(rounds):
                    for index in ((0, 1) if round % 2 == 0 else (1, 0)):
                        results[index].append(measure(*servers[index], count, seconds))
                rates = [statistics.median(rate for rate, _ in result) for result in results]
                costs = [statistics.median(cost for _, cost in result) for result in results]
                shown = "".join(f"{rate:12.0f}/s {cost:6.1f} µs" for rate, cost in zip(rates, costs))
                print(f"{name:16}{shown}{rates[0] / rates[1]:8.2f}", flush=True)
        finally:
            for process in (ours, secured, theirs):
                process.terminate()
            for process in (ours, secured, theirs):
                process.wait()


main()
