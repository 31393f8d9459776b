#!/usr/bin/env python3
"""http.client, and requests where it is installed: persistence, chunks both ways, streams, gzip, conditions, TLS.

usage: clients.py PLAIN-URL TLS-URL CERTIFICATE
"""
import http.client
import json
import ssl
import sys
from urllib.parse import urlsplit

DOCUMENT = {"problem": {"levels": [{"variables": {"x": {"start": 0}}, "minimize": "0.5 * (y - 6)^2 + 0.5 * x^2"},
                                   {"variables": {"y": {"start": 0}}, "minimize": "(y - 3 * x)^2"}]}}


def by_http_client(connection):
    def exchange(method, path, body=None, **fields):
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in fields.items()})
        answer = connection.getresponse()
        return answer, answer.read()

    for _ in range(3):
        answer, body = exchange("GET", "/livez")
        assert answer.status == 200 and json.loads(body) == {"status": "ok"}
    answer, body = exchange("HEAD", "/openapi.yaml")
    assert answer.status == 200 and body == b"" and int(answer.headers["Content-Length"]) > 1024
    answer, _ = exchange("POST", "/livez", b"x")
    assert answer.status == 405 and "GET" in answer.headers["Allow"]
    text = json.dumps(DOCUMENT).encode()
    # An iterable goes out in chunks.
    answer, body = exchange("POST", "/v1/validate", iter([text[:10], text[10:]]), Content_Type="application/json")
    assert answer.status == 200 and json.loads(body)["valid"]
    answer, body = exchange("POST", "/v1/jobs", text, Content_Type="application/json")
    assert answer.status == 202
    job = json.loads(body)["id"]
    answer, body = exchange("GET", f"/v1/jobs/{job}/events")
    events = [json.loads(line) for line in body.splitlines()]
    assert events[-1]["type"] == "end" and [event["seq"] for event in events] == list(range(1, len(events) + 1))
    answer, _ = exchange("GET", f"/v1/jobs/{job}")
    again, body = exchange("GET", f"/v1/jobs/{job}", If_None_Match=answer.headers["ETag"])
    assert again.status == 304 and body == b""
    connection.close()


def by_requests(requests, url, verify):
    with requests.Session() as session:
        # Proxies and roots of the environment are not what is driven here.
        session.trust_env = False
        session.verify = verify
        session.headers["Host"] = "localhost"
        coded = session.get(url + "/openapi.yaml")
        plain = session.get(url + "/openapi.yaml", headers={"Accept-Encoding": "identity"})
        assert coded.headers["Content-Encoding"] == "gzip" and coded.content == plain.content
        job = session.post(url + "/v1/jobs", json=DOCUMENT).json()["id"]
        with session.get(f"{url}/v1/jobs/{job}/events", stream=True) as stream:
            events = [json.loads(line) for line in stream.iter_lines() if line]
        assert events[-1]["type"] == "end"
        assert session.get(f"{url}/v1/jobs/{job}/result").json()["termination"] == "converged"


def main():
    plain, secured, certificate = sys.argv[1:]
    by_http_client(http.client.HTTPConnection(urlsplit(plain).netloc, timeout=30))
    context = ssl.create_default_context(cafile=certificate)
    by_http_client(http.client.HTTPSConnection("localhost", urlsplit(secured).port, context=context, timeout=30))
    try:
        import requests
    except ImportError:
        print("requests is not installed")
        return
    by_requests(requests, plain, True)
    by_requests(requests, f"https://localhost:{urlsplit(secured).port}", certificate)


main()
