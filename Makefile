# Copyright The netstats Authors
# SPDX-License-Identifier: Apache-2.0

# Kept to what make 3.81 knows, because that is what macOS brings.

SHELL := bash

GO ?= go
TOOL = $(GO) tool -modfile=$(CURDIR)/tools/go.mod
LINT = $(TOOL) golangci-lint

# Every module but the client libraries' own, which make clients runs: each target
# below visits all that are there.
MODULES ?= $(sort $(patsubst %/,%,$(dir $(shell find . \
	\( -name '.?*' -o -name '_*' -o -name testdata -o -name vendor \) -prune \
	-o -name go.mod ! -path './integration/clients/*/go.mod' -print))))

# What cannot be run here is at least vetted. 386 and arm64 are there for the
# alignment and the system calls, js/wasm for a platform without sockets.
CROSS ?= darwin/arm64 windows/amd64 freebsd/amd64 linux/386 linux/arm64 js/wasm

BENCH ?= .
BENCHTIME ?= 1s
FUZZTIME ?= 30s
SOAK ?= 1h
MUTANT ?= .
VIEWING ?= $(CURDIR)/.viewing
CHROMIUM ?= chromium

# Modules are tested as their users get them, not as a workspace around this
# checkout would have them; -modfile is refused in one, too.
export GOWORK = off

# The targets share a build cache and a working tree, and the clean-tree check
# has to come last.
.NOTPARALLEL:

# $(call each,command) runs a command in every module and stops at a failure.
define each
@set -e -o pipefail; for dir in $(MODULES); do \
	echo "[$$dir] $(strip $(1))"; \
	(cd "$$dir" && $(1)); \
done
endef

.PHONY: all
all: fmt generate lint test ## What to run before a commit (the default)

.PHONY: ci
ci: fmt generate lint test newest race concurrent ledger captured dashboards cross examples api quiet bench-smoke tidy-check clean-tree ## All that a change has to pass

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: fmt
fmt: ## Format the code
	$(call each,$(LINT) fmt --config $(CURDIR)/.golangci.yml)

.PHONY: generate
generate: ## Write the generated files again
	$(call each,$(GO) generate ./...)

.PHONY: lint
lint: ## Run the linters
	$(LINT) config verify
	$(call each,$(LINT) run --config $(CURDIR)/.golangci.yml --concurrency 2 --timeout 15m ./...)

.PHONY: test
test: ## Run the tests
	$(call each,$(GO) test -timeout 25m ./...)

# The root module requires the oldest OpenTelemetry that works, and so do the
# tests above; its users have newer ones.
.PHONY: newest
newest: ## Test the library with the newest OpenTelemetry
	$(GO) test -modfile=.ci/newest.mod ./otelnetstats ./examples/...

.PHONY: quiet
quiet: ## Check that a user's OpenTelemetry is not raised
	@GO="$(GO)" bash .ci/quiet

# -short leaves out the tests that build and run other programs: those would not
# be built with the race detector.
.PHONY: race
race: ## Run the tests with the race detector
	$(call each,$(GO) test -race -short -timeout 25m ./...)

# -short has each of them take less time: there are a hundred.
.PHONY: concurrent
concurrent: ## Run the ConcurrentSafe tests 100 times with the race detector
	$(call each,$(GO) test -race -short -run ConcurrentSafe -count=100 -timeout 15m ./...)

.PHONY: test-386
test-386: ## Run the tests as a 32-bit program (on an amd64 machine)
	GOARCH=386 CGO_ENABLED=0 $(GO) test ./...

.PHONY: cross
cross: ## Vet the root module for other platforms
	@set -e; for platform in $(CROSS); do \
		echo "$$platform: go vet ./..."; \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} CGO_ENABLED=0 $(GO) vet ./...; \
	done

.PHONY: examples
examples: ## Build and run the examples
	@GO="$(GO)" bash .ci/examples

.PHONY: api
api: ## Compare the exported API with the last tag
	@APIDIFF="$(TOOL) apidiff" bash .ci/api

.PHONY: bench
bench: ## Run the benchmarks 10 times, into bench.txt and benchstat
	@set -e -o pipefail; for dir in $(MODULES); do \
		(cd "$$dir" && $(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem -count=10 -timeout 2h ./...); \
	done | tee bench.txt
	$(TOOL) benchstat bench.txt

.PHONY: bench-compare
bench-compare: ## Compare bench.txt with an older one: make bench-compare BASE=old.txt
	$(TOOL) benchstat $(BASE) bench.txt

.PHONY: instructions
instructions: ## Count the instructions of benchmarks, with valgrind
	@GO="$(GO)" tools/instructions DialClose AcceptClose
	@GO="$(GO)" N=20000 tools/instructions Own/read Own/write Own/alternating

.PHONY: bench-smoke
bench-smoke: ## Run every benchmark once, to see that it works
	$(call each,$(GO) test -run '^$$' -bench . -benchtime=1x ./...)

.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZTIME (30s)
	@set -e -o pipefail; for dir in $(MODULES); do \
		cd "$(CURDIR)/$$dir"; \
		for package in $$($(GO) list ./...); do \
			for target in $$($(GO) test -list '^Fuzz' $$package | sed -n '/^Fuzz/p'); do \
				echo "$$package $$target"; \
				$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
			done; \
		done; \
	done

.PHONY: cover
cover: ## Show how much of the root module the tests reach
	$(GO) test -covermode=atomic -coverpkg=./otelnetstats/...,./internal/... -coverprofile=coverage.out ./...
	$(GO) tool cover -func=coverage.out | tail -n 1

.PHONY: captured
captured: ## What takes a capture build: a part of Go's own tests, other projects' clients
	$(MAKE) -C cmd/netstats std-tests-short clients budgets

.PHONY: clients
clients: ## Run client libraries against real servers; LIBRARY=pgx for one (on Linux; not a part of ci)
	cd integration/clients && $(GO) run ./suite $(LIBRARY)

.PHONY: clients-servers
clients-servers: ## Install the servers for that, from Debian's packages (as root)
	apt-get install -y --no-install-recommends \
		$$(cd integration/clients && $(GO) run ./suite -packages)

.PHONY: ledger
ledger: ## Balance 100,000 generated operations against the kernel and the peer
	NETSTATS_LEDGER_OPS=100000 $(GO) test ./internal/ledger -count=1 -v -timeout 30m

.PHONY: ledger-million
ledger-million: ## The same with 1,000,000
	NETSTATS_LEDGER_OPS=1000000 $(GO) test ./internal/ledger -count=1 -v -timeout 2h

.PHONY: ledger-ten-million
ledger-ten-million: ## The same with 10,000,000
	NETSTATS_LEDGER_OPS=10000000 $(GO) test ./internal/ledger -count=1 -v -timeout 12h

.PHONY: pictures
pictures: ## Look at the live page in a Chromium, and take its pictures (CHROMIUM=path)
	NETSTATS_CHROMIUM=$(CHROMIUM) NETSTATS_PICTURES=$(CURDIR)/docs/pictures \
		$(GO) test -count=1 -run 'Browser|Pictures' -v ./otelnetstats/connz

.PHONY: soak
soak: ## Run a mix of everything for SOAK (1h), and look what is left
	NETSTATS_SOAK=$(SOAK) $(GO) -C cmd/netstats run . test -C ../../integration -count=1 -v -timeout 0 ./soak

PROMTOOL ?= promtool

.PHONY: dashboards
dashboards: ## Test the alerting rules, and the dashboard's queries, with promtool
	@if command -v $(PROMTOOL) >/dev/null; then \
		set -e; \
		$(PROMTOOL) check rules dashboards/prometheus/netstats.rules.yml; \
		$(PROMTOOL) test rules dashboards/prometheus/netstats.rules.test.yml; \
		PROMTOOL=$(PROMTOOL) $(GO) -C tools test -count=1 -run TestQueriesParse ./dashboardgen; \
	else \
		echo "dashboards: there is no promtool, so the rules are not tested; Debian has it in the package prometheus"; \
	fi

.PHONY: viewing
viewing: ## Look at the telemetry in a real Jaeger and Prometheus, built into VIEWING (.viewing)
	bash integration/viewing/build '$(VIEWING)'
	cd integration/viewing && NETSTATS_VIEWING='$(VIEWING)' $(GO) test -count=1 -v -timeout 20m .

.PHONY: mutants
mutants: ## Break the code in ways that the tests must notice: make mutants MUTANT=counter
	$(GO) run ./internal/mutants -run '$(MUTANT)'

.PHONY: vuln
vuln: ## Look for known vulnerabilities (needs vuln.go.dev, so not a part of ci)
	$(call each,$(TOOL) govulncheck ./...)

# The tools are left out: to tidy them is to download the tests of every linter.
.PHONY: tidy-check
tidy-check: MODULES := $(filter-out ./tools,$(MODULES))
tidy-check: ## Check that the go.mod files are tidy
	$(call each,$(GO) mod tidy -diff)
	$(GO) mod tidy -modfile=.ci/newest.mod -diff

.PHONY: clean-tree
clean-tree: ## Check that nothing above has changed or made a file
	@if ! git rev-parse --is-inside-work-tree >/dev/null; then \
		echo "clean-tree: not a git checkout, so there is nothing to compare with"; \
	else \
		git --no-pager diff --exit-code || { echo "clean-tree: commit what has changed"; exit 1; }; \
		new="$$(git ls-files --others --exclude-standard)"; \
		if [ -n "$$new" ]; then echo "clean-tree: these files are new:"; echo "$$new"; exit 1; fi; \
	fi
