# Everything a newcomer runs. `make` alone lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash

SWIFT ?= swift
# One thread of BLAS: tests compare bits, and several tests run at once.
export OPENBLAS_NUM_THREADS := 1

# What Debian or Ubuntu must provide, as pkg-config knows it and as apt does.
PKG_CONFIG_MODULES := openblas openssl zlib sqlite3
DEBIAN_PACKAGES := pkg-config libopenblas-dev libssl-dev zlib1g-dev libsqlite3-dev curl ca-certificates
# What makes and tests the container image where there is no Docker: the engine, and what its scripts call.
IMAGE_PACKAGES := buildah crun debootstrap iproute2 util-linux curl ca-certificates

# For `make storm` and `make abuse`: what they strike, and how long.
CONFIGURATION ?= release
ROUNDS ?= 100
JOBS ?= 100
SECONDS_OF_ABUSE ?= 15
SEED ?= $(shell od -An -N3 -tu4 /dev/urandom | tr -d ' ')

# For `make api-fuzz`: cases for each operation.
CASES ?= 400

# For `make fuzz`: what is fuzzed, and how long each.
TARGET ?= formulas documents tables samples requests
SECONDS_OF_FUZZ ?= 60

# For `make sanitize`: the wire and its tests alone; XCTest, which has none of them, leaks of its own.
SANITIZED = STACKELBERG_SANITIZE=1 $(SWIFT) test --disable-xctest

# For `make bench-jobs`: how many.
BENCH_JOBS ?= 10000

# For `make bench` and `make bench-peers`: rounds, which workloads (all where empty), and float64 or float32.
BENCH_ROUNDS ?= 15
ONLY ?=
PRECISION ?= float64
# For `make bench` and `make bench-peers`: x86-64-v3 where all programs shall do with AVX2.
PROCESSOR ?=

.PHONY: help deps build demo serve test storm abuse interop fuzz sanitize bench bench-peers bench-http bench-jobs api-fuzz lint format image deps-image image-test clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## Install the system packages that are missing (needs root or sudo)
	@if pkg-config --exists $(PKG_CONFIG_MODULES) 2>/dev/null && command -v curl >/dev/null \
	        && test -e /etc/ssl/certs/ca-certificates.crt; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
	    echo "Please install what provides these pkg-config modules: $(PKG_CONFIG_MODULES); and curl."; exit 1; fi; \
	if [ "$$(id -u)" -eq 0 ]; then as_root="env"; \
	elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then as_root="sudo env"; \
	else echo "Please run as root: apt-get update && apt-get install -y $(DEBIAN_PACKAGES)"; exit 1; fi; \
	set -e; $$as_root DEBIAN_FRONTEND=noninteractive apt-get update -q; \
	$$as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(DEBIAN_PACKAGES)

build: deps ## Build the optimised executable
	$(SWIFT) build -c release --product stackelberg

demo: build ## Serve, post an example by curl, stream its progress, print its result
	Examples/demo.sh .build/release/stackelberg

serve: build ## Serve on http://127.0.0.1:8080 with data in ./var until Ctrl-C
	.build/release/stackelberg serve --data ./var

# What failed stands at the end once more: thousands of lines part it from where it happened.
test: deps ## Build and run every test
	$(SWIFT) build --build-tests
	@set -o pipefail; $(SWIFT) test --skip-build 2>&1 | tee .build/test.log || { \
	    echo; echo "What failed (the whole record: .build/test.log):"; \
	    grep -A 2 -E 'recorded an issue|error:|^✘ Test .* failed|Fatal|Crash|signal' .build/test.log | cut -c 1-1000; exit 1; }

storm: deps ## Kill -9 workers and servers, ROUNDS times, while JOBS run; nothing may be lost (SEED)
	$(SWIFT) build -c $(CONFIGURATION) --product stackelberg
	$(SWIFT) build -c $(CONFIGURATION) --product Storm
	.build/$(CONFIGURATION)/Storm --rounds $(ROUNDS) --jobs $(JOBS) --seed $(SEED)

abuse: deps ## Set hundreds of bad clients on a server (SECONDS_OF_ABUSE, SEED)
	$(SWIFT) build -c $(CONFIGURATION) --product stackelberg
	$(SWIFT) build -c $(CONFIGURATION) --product Abuse
	.build/$(CONFIGURATION)/Abuse --seconds $(SECONDS_OF_ABUSE) --seed $(SEED)
	Tests/Interop/siege.py .build/$(CONFIGURATION)/stackelberg $(SECONDS_OF_ABUSE)

interop: build ## Drive a server with raw requests, curl, Python, openssl, nginx, Chromium, wrk: what is installed
	Tests/Interop/run.sh .build/release/stackelberg

api-fuzz: build ## Put the contract to a server by schemathesis (needs Python 3; CASES, SEED)
	test -d Tests/APIFuzz/.venv || python3 -m venv Tests/APIFuzz/.venv
	Tests/APIFuzz/.venv/bin/pip install --quiet --requirement Tests/APIFuzz/requirements.txt
	Tests/APIFuzz/run.sh .build/release/stackelberg $(CASES) $(SEED)

fuzz: deps ## Fuzz what reads formulas, documents, data sets and requests (TARGET, SECONDS_OF_FUZZ)
	STACKELBERG_FUZZ=1 $(SWIFT) build -c release --scratch-path .build/fuzz --sanitize address \
	    -Xswiftc -sanitize=fuzzer --product Fuzz
	Fuzz/run.sh $(SECONDS_OF_FUZZ) $(TARGET)

sanitize: deps ## Run the HTTP server's tests under the address sanitizer, leaks included, and the thread sanitizer
	ASAN_OPTIONS=detect_leaks=1 $(SANITIZED) --sanitize address --scratch-path .build/address
	TSAN_OPTIONS=halt_on_error=0:exitcode=66 $(SANITIZED) --sanitize thread --scratch-path .build/thread

bench: deps ## Time the engine beside work by hand, as ratios (BENCH_ROUNDS, PROCESSOR)
	$(SWIFT) build -c release --product Bench
	$(if $(filter x86-64-v3,$(PROCESSOR)),OPENBLAS_CORETYPE=Haswell) .build/release/Bench table $(BENCH_ROUNDS) $(PROCESSOR)

.PHONY: methods-table
methods-table: deps ## Print what every method on batches reaches within a million samples
	$(SWIFT) build -c release --product Bench
	.build/release/Bench methods

.PHONY: auto-table
auto-table: deps ## Hold `auto` against the best of grids of step sizes, on five problems; takes some minutes
	$(SWIFT) build -c release --product Bench
	.build/release/Bench auto Examples

bench-peers: deps ## Time the engine beside NumPy, numba and JAX (needs Python 3; BENCH_ROUNDS, ONLY=w1,w4.step, PRECISION, PROCESSOR)
	$(SWIFT) build -c release --product Bench
	test -d Benchmarks/.venv || python3 -m venv Benchmarks/.venv
	Benchmarks/.venv/bin/pip install --quiet --requirement Benchmarks/peers/requirements.txt
	test -e Benchmarks/.data/w6_yva.npy || Benchmarks/.venv/bin/python Benchmarks/peers/data.py Benchmarks/.data
	Benchmarks/.venv/bin/python Benchmarks/peers/compare.py .build/release/Bench Benchmarks/.data \
	    --rounds $(BENCH_ROUNDS) --only "$(ONLY)" --precision $(PRECISION) \
	    --processor "$(PROCESSOR)"

bench-http: build ## Time the server beside nginx and Hummingbird by wrk (needs wrk and nginx; BENCH_ROUNDS)
	$(SWIFT) build -c release --product BenchServer
	$(SWIFT) build -c release --package-path Benchmarks/peers/hummingbird \
	    || echo "Hummingbird cannot be built anew; it is measured as it was built last, if it was"
	Benchmarks/http/compare.py .build/release $(BENCH_ROUNDS)

bench-jobs: build ## Ten thousand tiny jobs: rate, latency, memory; a thousand streams (BENCH_JOBS)
	$(SWIFT) build -c release --product JobBench
	.build/release/JobBench --jobs $(BENCH_JOBS)

# For `make robust-tuning`: how many splits.
SPLITS ?= 5

.PHONY: levels-table robust-tuning
levels-table: deps ## Compare derivatives of solved levels with those of followed steps
	$(SWIFT) build -c release --product Levels
	.build/release/Levels table

robust-tuning: deps ## Tune a robust regression through three levels, on five splits (SPLITS)
	$(SWIFT) build -c release --product Levels
	.build/release/Levels robust $(SPLITS)

lint: ## Check layout and naming
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Fuzz Benchmarks

format: ## Lay the sources out as `lint` wants them
	$(SWIFT) format format --in-place --recursive Package.swift Sources Tests Fuzz Benchmarks

image: deps-image ## Build the container image with docker, podman or buildah
	Docker/build.sh

image-test: image ## Use the container image as its users do
	Docker/test.sh

deps-image: ## Install buildah where no container engine works (needs root)
	@if (source Docker/engine.sh) 2>/dev/null; then exit 0; fi; \
	if ! command -v apt-get >/dev/null || [ "$$(id -u)" -ne 0 ]; then \
	    echo "Please install docker, podman or buildah; or run this as root on Debian or Ubuntu."; exit 1; fi; \
	set -e; apt-get update -q; \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(IMAGE_PACKAGES)

clean: ## Remove what was built
	rm -rf .build
