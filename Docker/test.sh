#!/usr/bin/env bash
# Uses the image as its users do: starts it with one writable folder and no privileges, solves an example by curl, asks
# the health check, and ends and starts it again with SIGTERM while a job runs.
# Usage: test.sh, after build.sh; ENGINE and IMAGE as in engine.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source Docker/engine.sh

readonly start_seconds=60 solve_seconds=60 drain_seconds=25
work=$(mktemp -d)
if [ "$engine" = buildah ]; then source Docker/run-sandboxed.sh; else source Docker/run-by-engine.sh; fi

fact() { printf 'ok   %s\n' "$1"; }
fail() {
    printf 'FAIL %s\n' "$1" >&2
    service_log 2>/dev/null | tail -n 30 >&2 || true
    exit 1
}
trap 'service_remove >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

# The answer's body without white space, so that it can be searched; the whole run ends where a request fails.
get() { service_curl --fail-with-body "$1" | tr -d ' \n'; }

# Repeats a command until it succeeds or the seconds are over.
within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.2
    done
}

events() { service_curl --fail-with-body "/v1/jobs/$1/events?follow=false" | tr -d ' '; }
progress_points() { events "$1" | grep -c '"type":"progress"'; }

is_ready() { service_is_alive && [ "$(service_curl -o /dev/null -w '%{http_code}' /readyz 2>/dev/null)" = 200 ]; }
is_ready_or_gone() { is_ready || ! service_is_alive; }
is_state() { get "/v1/jobs/$1" | grep -q "\"state\":\"$2\""; }
has_gone_beyond() { [ "$(progress_points "$1")" -gt "$2" ]; }
has_iterated() { get "/v1/jobs/$1" | grep -q '"progress":{[^}]*"iteration":[1-9]'; }

# Posts a document from standard input; prints the new job's id.
post() {
    service_curl --fail-with-body --json @- -D "$work/head" -o "$work/body" /v1/jobs || fail "a job was refused: $(cat "$work/body")"
    sed -n 's|^[Ll]ocation: */v1/jobs/\([A-Za-z0-9_]*\).*|\1|p' "$work/head"
}

start() {
    service_start || fail "the service does not start"
    within "$start_seconds" is_ready_or_gone && is_ready || fail "not ready within $start_seconds s, or gone"
}

# SIGTERM to the service itself.
drain() {
    local begin=$SECONDS status=0
    service_terminate "$drain_seconds" || status=$?
    [ "$status" = 0 ] || fail "after SIGTERM: exit status $status within $drain_seconds s"
    fact "SIGTERM $1: exit status 0 after $((SECONDS - begin)) s"
}

check_configuration() {
    local user volumes
    user=$(image_config '{{.User}}')
    [[ $user =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]] || fail "the user '$user' is no number, or root"
    volumes=$(image_config '{{range $path, $_ := .Volumes}}{{$path}} {{end}}')
    [ "$volumes" = "/data " ] || fail "the volumes are $volumes"
    # Engines keep it in different places under one name.
    grep -qi '"healthcheck":{[^}]*"test":\["cmd","stackelberg","healthcheck"\]' < <(image_description) || fail "no health check"
    [ "$(image_config '{{index .Labels "org.opencontainers.image.version"}}')" = "$(service_program --version)" ] \
        || fail "the label tells another version than the program"
    fact "user $user, one volume, a health check, and the program's version on the label"
}

check_packages() {
    local wanted
    wanted=$(sed -n 's/^DEBIAN_PACKAGES := //p' Makefile)
    [ -n "$wanted" ] && grep -qF "        $wanted \\" Docker/Dockerfile || fail "the Dockerfile installs other packages than make deps"
    fact "built with the packages of make deps"
}

check_example() {
    local job
    job=$(post <Examples/ridge-per-feature.json)
    # The stream ends with the job.
    service_curl --fail-with-body -N "/v1/jobs/$job/events" >"$work/events" || fail "not solved in time: $(get "/v1/jobs/$job")"
    tail -n 1 "$work/events" | grep -q '"type": *"end".*"termination": *"converged"' || fail "no converged end of the stream"
    get "/v1/jobs/$job/result" | grep -q '"termination":"converged"' || fail "no converged result"
    fact "Examples/ridge-per-feature.json converged in $(wc -l <"$work/events") events"
}

# Everything that an upload and its job write lies below /data: there is nowhere else to write.
check_dataset() {
    local job
    service_curl --fail-with-body -T Examples/diabetes.csv -o "$work/body" /v1/datasets/mine.csv \
        || fail "a data set was refused: $(cat "$work/body")"
    job=$(sed 's/"dataset": "diabetes"/"dataset": "mine.csv"/' Examples/ridge-per-feature.json | post)
    service_curl --fail-with-body -N -o /dev/null "/v1/jobs/$job/events" || fail "not solved in time: $(get "/v1/jobs/$job")"
    get "/v1/jobs/$job/result" | grep -q '"termination":"converged"' || fail "no converged result from an uploaded data set"
    get "/v1/datasets/mine.csv" | grep -q "\"used_by\":\[[^]]*\"$job\"" || fail "the data set does not know its job"
    fact "an uploaded data set was solved from"
}

check_health() {
    service_health || fail "the health check fails on a service that is ready"
    ! service_program healthcheck >/dev/null 2>&1 || fail "the health check succeeds where nothing serves"
    fact "the health check tells a service that is ready from none"
}

check_privileges() {
    [ "$(service_user)" = "$(image_config '{{.User}}' | cut -d: -f1)" ] || fail "the service runs as user $(service_user)"
    fact "runs as user $(service_user), all but /data read-only, without capabilities"
}

# A run that goes on until it is stopped.
endless_job() {
    cat <<'END'
{"problem": {"levels": [
   {"name": "leader", "variables": {"x": {"start": 0}}, "minimize": "0.5 * (y - 6)^2 + 0.5 * x^2"},
   {"name": "follower", "variables": {"y": {"start": 0}}, "minimize": "(y - 3 * x)^2"}]},
 "method": {"name": "aid-cg", "upper_step": {"step": 1e-9}}, "limits": {"iterations": 1000000000},
 "progress": {"every": 5000}}
END
}

check_drain_and_return() {
    local job before
    job=$(endless_job | post)
    within "$solve_seconds" has_iterated "$job" || fail "no iterate within $solve_seconds s: $(get "/v1/jobs/$job")"
    drain "while a job runs"
    start
    before=$(progress_points "$job") || fail "the job is gone"
    within "$solve_seconds" has_gone_beyond "$job" "$before" || fail "the job does not go on: $(get "/v1/jobs/$job")"
    service_curl --fail-with-body -X POST -o /dev/null "/v1/jobs/$job/stop" || fail "the job cannot be stopped"
    within "$solve_seconds" is_state "$job" succeeded || fail "the job does not stop: $(get "/v1/jobs/$job")"
    get "/v1/jobs/$job/result" | grep -q '"termination":"user_stop"' || fail "the stopped job has no result"
    events "$job" >"$work/events" || fail "the job has no events"
    check_events
    fact "the job went on after the new start, and its events have neither hole nor repetition"
}

check_events() {
    awk -F'[:,]' '
        NR > 1 && $2 != last + 1 { print "event " $2 " follows " last; faults++ }
        { last = $2 }
        /"resumed_from":[1-9]/ { resumed++ }
        match($0, /"iteration":[0-9]+/) && /"type":"progress"/ {
            iteration = substr($0, RSTART + 12, RLENGTH - 12) + 0
            if (highest != "" && iteration <= highest) { print "iteration " iteration " again"; faults++ }
            highest = iteration
        }
        { isEnd = /"type":"end"/; ends += isEnd }
        END { if (resumed != 1 || ends != 1 || !isEnd) { print resumed + 0 " resumptions, " ends + 0 " ends"; faults++ } exit faults > 0 }
    ' "$work/events" >"$work/faults" || fail "the events: $(head -n 5 "$work/faults")"
}

check_packages
check_configuration
start
check_privileges
check_example
check_dataset
check_health
check_drain_and_return
drain "at rest"
