"""Gives schemathesis what a contract cannot: jobs and data sets that exist, documents that can be solved, files of data."""
import copy
import json
import os
import struct
import threading
import urllib.error
import urllib.request
import zlib

import jsonschema
import schemathesis

BASE = os.environ["STACKELBERG_URL"]
KEY = {"Authorization": "Bearer " + os.environ["STACKELBERG_KEY"]}
EXAMPLES = []
LOCK = threading.Lock()
STATE = {"": [], "failed": [], "lasting": []}
ASKED = {"": 0, "failed": 0}
DIVERGING = {
    "problem": {
        "levels": [
            {"variables": {"x": {"start": 1}}, "minimize": "-exp(x^2) + 0 * y"},
            {"variables": {"y": {}}, "minimize": "(y - x)^2"},
        ]
    },
    "method": {"name": "aid-cg", "upper_step": {"step": 10}},
}
# Runs long enough to leave states behind.
LASTING = {
    "problem": {
        "levels": [
            {"variables": {"x": {"start": 1}}, "minimize": "(y - 1)^2 + 0.1 * x^2"},
            {"variables": {"y": {}}, "minimize": "(y - x)^2"},
        ]
    },
    "method": {"name": "aid-cg", "upper_step": {"step": 1e-9}},
    "tolerances": {"hypergradient": 0},
    "limits": {"iterations": 1000000000, "time_seconds": 30},
    "progress": {"every": 10000},
    "checkpoint": {"every_seconds": 0.2},
}

NPY_HEADER = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }\n"
TABLES = {
    "text/csv": b"a,b\n1,2.5\n3,4\n-1,0\n",
    "text/x-libsvm": b"+1 1:0.5 2:-2\n-1 2:3\n+1 1:1\n",
    "application/x-npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", len(NPY_HEADER)) + NPY_HEADER + struct.pack("<6d", *range(6)),
}
NAMES = {"table": "text/csv", "rows": "text/x-libsvm", "array": "application/x-npy", "t.csv": "text/csv"}
# A problem on each kind of data set.
SELECTIONS = [
    {"dataset": "table", "columns": ["a", "b"]}, {"dataset": "rows", "array": "labels"}, {"dataset": "array"},
    {"dataset": "t.csv", "columns": ["a"]}, {"dataset": "nobodys"},
]


def fetch(path):
    with urllib.request.urlopen(urllib.request.Request(BASE + path, headers=KEY), timeout=60) as answer:
        return json.load(answer)


def examples():
    if not EXAMPLES:
        for entry in fetch("/v1/examples")["items"]:
            document = fetch(entry["href"])
            document["limits"] = {**document.get("limits", {}), "iterations": 20, "time_seconds": 5}
            EXAMPLES.append(document)
    return EXAMPLES


def submit(document):
    """The id of a job of this document."""
    content = {"Content-Type": "application/json", **KEY}
    request = urllib.request.Request(BASE + "/v1/jobs", json.dumps(document).encode(), content)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["id"]


def state_of_a_job():
    """A job that runs and the name of a state of it; None while there is none."""
    with LOCK:
        try:
            job = STATE["lasting"][0]
            if fetch("/v1/jobs/" + job)["state"] in ("queued", "running"):
                states = fetch(f"/v1/jobs/{job}/checkpoints")["items"]
                return (job, states[-1]["href"].rsplit("/", 1)[1]) if states else None
        except (IndexError, urllib.error.HTTPError):
            pass
        # There was none yet, or others have cancelled or deleted it.
        STATE["lasting"] = [submit(LASTING)]
        return None


def put(name):
    content = {"Content-Type": NAMES[name], **KEY}
    request = urllib.request.Request(BASE + "/v1/datasets/" + name, TABLES[NAMES[name]], content, method="PUT")
    urllib.request.urlopen(request, timeout=60).close()


def on_data(number):
    """A document that names a data set, and asks to be told of by links and by a call."""
    document = {
        "problem": {
            "data": {"A": SELECTIONS[number % len(SELECTIONS)]},
            "levels": [
                {"variables": {"x": {"shape": [2]}}, "minimize": "sum((y - 1)^2) + 0.1 * sum(x^2)"},
                {"variables": {"y": {"shape": [2]}}, "minimize": "sum((y - x)^2) + 0.01 * sum(A)^2 * sum(y^2)"},
            ],
        },
        "limits": {"iterations": 50, "time_seconds": 5},
        "progress": {"iterates": ["reference", "inline", "none"][number // 5 % 3], "every": 1 + number // 15 % 4},
    }
    if number // 60 % 2:
        document["webhook"] = {"url": BASE + "/livez", "events": ["state", "end"]}
    return document


def known_jobs(state=""):
    """Ids of the newest jobs, read again at every twentieth question."""
    with LOCK:
        if ASKED[state] % 20 == 0:
            wanted = f"&state={state}" if state else ""
            STATE[state] = [job["id"] for job in fetch("/v1/jobs?limit=50" + wanted)["items"]]
        ASKED[state] += 1
        return STATE[state]


def choice(seed):
    return zlib.crc32(repr(seed).encode())


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for name in NAMES:
        put(name)
    for _ in range(5):
        submit(DIVERGING)


@schemathesis.hook
def map_case(context, case):
    number = choice((case.path_parameters, case.query, case.body if isinstance(case.body, (dict, str)) else None))
    # What is retried has failed; all else may be asked of any job.
    jobs = known_jobs("failed" if case.path.endswith("/retry") else "") if "/jobs/{id}" in case.path else []
    if number % 4 and jobs:
        case.path_parameters = {**(case.path_parameters or {}), "id": jobs[number // 4 % len(jobs)]}
    if case.path.startswith("/v1/datasets"):
        # Ids are those that the service has just given.
        given = str((case.path_parameters or {}).get("name", ""))
        if "{name}" in case.path and number % 4 and not given.startswith("ds_"):
            name = list(NAMES)[number // 4 % len(NAMES)]
            if case.method == "GET" and number % 16 == 3:
                put(name)
            case.path_parameters = {**(case.path_parameters or {}), "name": name}
        if case.media_type in TABLES and case.method in ("POST", "PUT") and number % 3:
            case.body = TABLES[case.media_type]
        return case
    if case.path.endswith("/checkpoints/{name}") and number % 3 and (state := state_of_a_job()):
        case.path_parameters = {"id": state[0], "name": state[1]}
    if case.path.endswith("/variables/{name}") and number % 3:
        case.path_parameters = {**(case.path_parameters or {}), "name": "xyw"[number % 3]}
    if case.path in ("/v1/jobs", "/v1/validate") and case.method == "POST" and isinstance(case.body, dict):
        # Most begin with an example; in half of them, what was generated beside the problem stays.
        if number % 6:
            some = number // 6 % (len(examples()) + 3)
            document = copy.deepcopy(examples()[some]) if some < len(examples()) else on_data(number // 100)
            kept = {"labels", "priority", "seed", "progress", "ttl_seconds", "retry"}
            if number % 2:
                document.update({name: value for name, value in case.body.items() if name in kept})
            case.body = document
            if number % 5 and case.query:
                case.query.pop("dry_run", None)
    return case


@schemathesis.hook
def before_call(context, case, kwargs):
    # A stream of a job that runs goes on as long as the job.
    if case.path.endswith("/events") and isinstance(case.query, dict) and "follow" not in case.query:
        case.query["follow"] = "false"


@schemathesis.check
def every_line_is_an_event(context, response, case):
    """The contract's schema of a stream is that of a line."""
    if response.headers.get("content-type") == ["application/x-ndjson"]:
        components = case.operation.schema.raw_schema["components"]
        schema = {"$ref": "#/components/schemas/Event", "components": components}
        judge = jsonschema.Draft202012Validator(schema)
        for line in response.content.splitlines():
            fault = jsonschema.exceptions.best_match(judge.iter_errors(json.loads(line)))
            assert fault is None, f"{line!r}: {fault.message}"


@schemathesis.serializer("application/x-npy")
def as_bytes(context, value):
    return value if isinstance(value, bytes) else str(value).encode()
