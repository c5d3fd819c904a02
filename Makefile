# Mesh: the two commands are `make run` and `make test`.

SHELL := /bin/bash
VENV := .venv
PYTHON := $(VENV)/bin/python
LISTEN ?= 127.0.0.1:7900
DEMO := .demo
## Python tests run in so many processes, each with brokers, ports and folders of its own; most of their time is waiting.
WORKERS ?= 6
PARALLEL := -n $(WORKERS) --dist worksteal

.PHONY: run test test-release build release release-programs lint format docs soak power-cut storage-errors stall flips micro models man packages venv clean

## Start a broker with a demo mesh; prints its address, an invite and the next command. The programs are built for
## debugging, as for `make test`: half the time of an optimised build. `make release` makes the fast ones.
run: packages
	swift build --product meshd
	swift build --product mesh-cli
	@mkdir -p bin && ln -sf ../.build/debug/meshd bin/meshd && ln -sf ../.build/debug/mesh-cli bin/mesh-cli
	@LISTEN=$(LISTEN) DEMO=$(DEMO) scripts/run-demo

## Pass all tests: libraries, built binaries, and a foreign client in Python.
test: packages venv
	swift build --build-tests
	@PYTHON=$(PYTHON) scripts/run-tests

## Pass the tests of the wire against optimised binaries: a compiler can err where a debug build is right.
test-release: packages venv release-programs
	MESH_BIN=$(CURDIR)/.build/release $(PYTHON) -m pytest -q $(PARALLEL) Tests/Interop -m 'not slow and not planted' \
	    --ignore-glob='*/test_sim_*' --ignore-glob='*/test_durable_client.py'

## The long form of the fault checker: a hundred faults under load. ROUNDS and SEED may be given.
ROUNDS ?= 100
soak: packages venv release-programs
	$(PYTHON) Tests/Checker/checker.py --bin .build/release --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

## The long form of the power cuts: 500 states that a disk may be in after a cut.
STATES ?= 500
power-cut: packages venv release-programs
	$(PYTHON) Tests/Checker/power_cut.py --bin .build/release --states $(STATES) $(if $(SEED),--seed $(SEED))

## The long form of failing file calls: each call of a run, four kinds of failure.
storage-errors: packages venv release-programs
	$(PYTHON) Tests/Checker/storage_errors.py --bin .build/release $(if $(SEED),--seed $(SEED))

## Small requests at their costliest: what 20 kB of each delay others and leave in memory. ONLY may name some.
stall: packages venv release-programs
	$(PYTHON) Tests/Checker/stall.py --bin .build/release $(if $(ONLY),--only $(ONLY))

## The long form of the flipped bits: what a broker serves of a file with one of them. FLIPS and SEED may be given.
FLIPS ?= 300
flips: packages venv release-programs
	$(PYTHON) Tests/Checker/flips.py --bin .build/release --flips $(FLIPS) $(if $(SEED),--seed $(SEED))

## Measure the hot parts; fails when one allocates more than its limit.
micro: packages
	swift build -c release --product micro
	.build/release/micro --check

## Make man pages of the command line and of meshd, in man/man1.
man: packages
	swift build --product meshd
	swift package plugin generate-manual --multi-page
	scripts/man-pages .build/plugins/GenerateManual/outputs/mesh-cli .build/debug/meshd man/man1
	@echo "man -M man mesh-cli-topic-list"

## Judge the models by published statistics, and a run recorded by a release build by a debug build.
models: packages
	swift build -c release --product mesh-models
	.build/release/mesh-models check
	swift build --product mesh-models
	set -e; for model in schelling flocking wolf-sheep forest-fire pphpc; do \
	    .build/release/mesh-models run $$model --ticks 20 --checkpoints 10 --record .build/models.jsonl --replace; \
	    .build/debug/mesh-models verify .build/models.jsonl; \
	    .build/debug/mesh-models verify .build/models.jsonl --from 10; \
	done
	swift build -c release --product sim-retail
	swift build --product sim-retail
	set -e; for scenario in retail federated; do \
	    .build/release/sim-retail run $$scenario --ticks 60 --checkpoints 20 --record .build/retail.jsonl --replace; \
	    .build/debug/sim-retail verify .build/retail.jsonl; \
	done

build: packages
	swift build

## Build the optimised programs, and link them into bin/.
release: packages release-programs
	@mkdir -p bin && ln -sf ../.build/release/meshd bin/meshd && ln -sf ../.build/release/mesh-cli bin/mesh-cli
	@echo "bin/meshd and bin/mesh-cli are optimised now"

release-programs: packages
	swift build -c release --product meshd
	swift build -c release --product mesh-cli

lint:
	swift format lint --strict -r -p Sources Tests Examples Benchmarks Package.swift

format:
	swift format -i -r -p Sources Tests Examples Benchmarks Package.swift

## Regenerate the tables in Docs/Protocol.md from the declarations, and what the tutorial's commands print.
docs: venv
	swift build
	MESH_WRITE_DOCS=1 swift test --filter ProtocolTables
	MESH_WRITE_DOCS=1 $(PYTHON) -m pytest -q Tests/Interop/test_sim_tutorial.py

packages:
	@scripts/install-packages

venv: $(VENV)/ready
$(VENV)/ready: Tests/Interop/requirements.txt
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r Tests/Interop/requirements.txt
	@touch $@

clean:
	rm -rf .build bin man $(VENV) $(DEMO)
