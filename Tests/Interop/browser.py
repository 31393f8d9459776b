#!/usr/bin/env python3
"""Headless Chromium reads the events of a job: by fetch as a stream, and by EventSource over a connection that is cut once, so that
it comes again with Last-Event-ID.

usage: browser.py URL CHROMIUM. A tunnel stands between: it hands on bytes as they are, serves the page, and cuts.
"""
import json
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

# Of the bytes on the wire, which are in gzip.
CUT_AFTER = 500

PAGE = """<!doctype html><script>
const job = "JOB", done = {};
async function stream() {
    const response = await fetch(job + "/events"), decoder = new TextDecoder();
    let text = "", pieces = 0;
    for (const reader = response.body.getReader(); ;) {
        const {done, value} = await reader.read();
        if (done) break;
        text += decoder.decode(value, {stream: true});
        pieces += 1;
    }
    return {status: response.status, pieces, seqs: text.trim().split("\\n").map(line => JSON.parse(line).seq)};
}
function events() {
    return new Promise(resolve => {
        const source = new EventSource(job + "/events"), seqs = [];
        let openings = 0;
        const note = event => { if (event.lastEventId) seqs.push(Number(event.lastEventId)); };
        source.onopen = () => openings += 1;
        for (const type of TYPES) source.addEventListener(type, event => {
            note(event);
            if (seqs.length === 1) fetch("/seen");
            if (type === "end") { source.close(); resolve({openings, seqs}); }
        });
    });
}
(async () => {
    try {
        done.fetch = await stream();
        done.events = await events();
    } catch (error) { done.error = String(error); }
    new Image().src = "http://127.0.0.1:REPORT/?" + encodeURIComponent(JSON.stringify(done));
})();
</script>"""


class Tunnel:
    """From a port of its own to the service."""

    def __init__(self, port, page):
        self.port, self.page = port, page
        self.cuts, self.resumed, self.seen = 0, None, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, near):
        with near:
            far, state = None, {"cutting": False, "passed": 0}
            while piece := near.recv(65536):
                if piece.startswith(b"GET /page "):
                    near.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n" + self.page)
                    return
                if piece.startswith(b"GET /seen "):
                    self.seen.set()
                    near.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                    continue
                if b"\r\nlast-event-id: " in piece.lower():
                    self.resumed = int(piece.lower().split(b"\r\nlast-event-id: ")[1].split(b"\r\n")[0])
                if far is None:
                    far = socket.create_connection(("127.0.0.1", self.port))
                    threading.Thread(target=self.hand_back, args=(far, near, state), daemon=True).start()
                state["passed"], state["cutting"] = 0, b"text/event-stream" in piece and self.cuts == 0
                far.sendall(piece)

    def hand_back(self, far, near, state):
        try:
            while piece := far.recv(100):
                state["passed"] += len(piece)
                near.sendall(piece)
                if state["cutting"] and state["passed"] > CUT_AFTER:
                    self.cuts += 1
                    # A browser drops what it has not yet handed on when the connection breaks.
                    self.seen.wait(30)
                    break
            near.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        far.close()


def reports():
    found, listener = queue.Queue(), socket.create_server(("127.0.0.1", 0))

    def wait():
        connection, _ = listener.accept()
        with connection:
            target = connection.recv(1 << 20).split(b" ")[1].decode()
            connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        found.put(json.loads(urllib.parse.unquote(target[2:])))
    threading.Thread(target=wait, daemon=True).start()
    return listener.getsockname()[1], found


def job_that_has_ended(url, example):
    request = urllib.request.Request(f"{url}/v1/jobs", open(example, "rb").read(), {"Content-Type": "application/json"})
    job = f"/v1/jobs/{json.load(urllib.request.urlopen(request))['id']}"
    while json.load(urllib.request.urlopen(url + job))["state"] != "succeeded":
        time.sleep(0.1)
    return job


def main():
    url, chromium, example = sys.argv[1:4]
    job = job_that_has_ended(url, example)
    log = [json.loads(line) for line in urllib.request.urlopen(f"{url}{job}/events").read().splitlines()]
    seqs = [event["seq"] for event in log]
    port, found = reports()
    page = PAGE.replace("JOB", job).replace("REPORT", str(port))
    page = page.replace("TYPES", json.dumps(sorted({event["type"] for event in log})))
    tunnel = Tunnel(int(url.rsplit(":", 1)[1]), page.encode())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}",
             f"http://127.0.0.1:{tunnel.listener.getsockname()[1]}/page"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            done = found.get(timeout=60)
        finally:
            browser.kill()
            browser.wait()
    assert "error" not in done, done
    assert done["fetch"]["status"] == 200 and done["fetch"]["seqs"] == seqs, done["fetch"]
    assert done["events"]["seqs"] == seqs, (done["events"], seqs)
    assert tunnel.cuts == 1 and done["events"]["openings"] == 2 and tunnel.resumed in seqs, (done["events"], tunnel.resumed)
    print(f"{len(seqs)} events by fetch in {done['fetch']['pieces']} pieces, and by EventSource, cut behind event {tunnel.resumed}")


if __name__ == "__main__":
    main()
