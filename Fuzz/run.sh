#!/usr/bin/env bash
# usage: run.sh SECONDS TARGET…: fuzzes each target for that long. Stops at the first finding, and says where it lies.
set -euo pipefail
seconds=$1; shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$here/../.build/fuzz
# Swift's own handler would print the crash and keep it from libFuzzer. A leak is a finding.
export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=1 OPENBLAS_NUM_THREADS=1
for target in "$@"; do
    case $target in
        formulas) length=400 ;;
        *) length=4096 ;;
    esac
    # What is found new stays in the first folder, for the next run; the kept corpus is only read.
    mkdir -p "$work/corpus/$target" "$work/findings"
    "$work/release/Fuzz" "$target" "$work/corpus/$target" "$here/Corpus/$target" \
        -dict="$here/Dictionaries/$target.dict" -max_len=$length -len_control=20 -max_total_time="$seconds" -timeout=30 \
        -rss_limit_mb=2048 -malloc_limit_mb=1024 -artifact_prefix="$work/findings/$target-" -print_final_stats=1
done
