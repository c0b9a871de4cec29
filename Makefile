# Everything that is done with the sources has a name here. `make` alone lists the names.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

TOOLS := $(CURDIR)/.tmp/bin
export GOLANGCI_LINT_CACHE := $(CURDIR)/.tmp/lint# its cache remembers paths of other checkouts
GOLANGCI_VERSION := v2.12.2
FUZZTIME ?= 10s
PIECES ?= 1000
COUNT ?= 1
MODULES := . oauth otel interop bench cmd/depeche examples/invitation ledger/bolt queue/bolt queue/jetstream queue/river

.PHONY: help test race lint fmt fuzz complexity mutants model chaos kills apidiff vulncheck bench bench-queue bench-queue-page table beside cover interop readers demo check tidied tidy clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

# The slowest package comes first, and most of its tests wait.
test: ## run the tests of the core module
	go test -parallel 8 ./transport/smtp ./...

race: ## run them with the race detector, in random order
	go test -race -shuffle=on -parallel 8 ./transport/smtp ./...

lint: $(TOOLS)/golangci-lint ## vet and lint all modules
	for m in $(MODULES); do (cd $$m && go vet ./... && $(TOOLS)/golangci-lint run --allow-parallel-runners ./...); done

fmt: $(TOOLS)/golangci-lint ## format all Go files
	for m in $(MODULES); do (cd $$m && $(TOOLS)/golangci-lint fmt ./...); done

fuzz: ## run each fuzz target for FUZZTIME, such as 1m or 5000x
	built=$$(mktemp -d); trap 'rm -rf '$$built EXIT; \
	go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' ./... | while read -r dir; do \
		targets=$$(grep -ohE '^func Fuzz[A-Za-z0-9_]+' "$$dir"/*_test.go | cut -c6-) || continue; \
		cd "$$dir" && go test -c -fuzz . -o $$built/test .; \
		for target in $$targets; do \
			echo "$$dir $$target"; \
			$$built/test -test.run '^$$' -test.fuzz "^$$target\$$" -test.fuzztime $(FUZZTIME) -test.fuzzcachedir "$$(go env GOCACHE)/fuzz/$${dir##*/}" </dev/null; \
		done; \
	done

complexity: ## look for inputs that a parser needs more than proportional time for: PIECES for each, such as 1000
	COMPLEXITY=$(PIECES) go test -count=1 -timeout 0 ./internal/complexity

mutants: ## put faults into the code, one at a time: the tests must notice each (MATCH=part of an id)
	go run ./internal/mutants -match "$(MATCH)"

model: ## play every small dialogue with a server that answers oddly
	DEPECHE_MODEL=complete go test -count=1 -v -timeout 2h ./internal/wiremodel

CHAOS ?= 1m
chaos: ## send over a network that fails, for CHAOS, such as 1h
	DEPECHE_CHAOS=$(CHAOS) go test -count=1 -v -timeout 0 ./internal/chaos

KILLS ?= 50
kills: ## kill campaigns of 10,000 mails KILLS times, over a server that hangs up; wants PostgreSQL (Debian package postgresql)
	for m in ledger/bolt queue/bolt queue/jetstream queue/river; do \
		(cd $$m && DEPECHE_CHAOS_MAILS=10000 DEPECHE_CHAOS_KILLS=$(KILLS) go test -count=1 -v -timeout 1h -run TestKillAtRandom .) || exit 1; \
	done

apidiff: ## say which changes of the API since BASE, a tag or commit, break programs
	tool=$$(cd tools && go tool -n apidiff); old=$$(mktemp -d); trap 'git worktree remove --force '$$old EXIT; \
	git worktree add -q --detach $$old $(BASE); \
	(cd $$old && $$tool -m -w $$old/old.api github.com/depeche-mail/depeche 2>/dev/null); \
	$$tool -m -w $$old/new.api github.com/depeche-mail/depeche 2>/dev/null; \
	$$tool -m -incompatible $$old/old.api $$old/new.api

vulncheck: ## look for known vulnerabilities in what is used; needs the network
	tool=$$(cd tools && go tool -n govulncheck); for m in $(MODULES); do (cd $$m && $$tool ./...); done

bench: ## compare with other libraries, all in one run; x is the ratio to net/smtp
	cd bench && go test -run '^$$' -bench . -benchmem -count $(COUNT) ./...

ROUNDS ?= 3
table: ## measure, for ROUNDS, and write the table of docs/performance.md: five minutes on a quiet machine
	cd bench && go run ./table -rounds $(ROUNDS)

beside: ## measure beside real servers (Debian, root), for ROUNDS, and write their table of docs/performance.md: three minutes
	cd interop && go test -count=1 -timeout 0 -run TestTable ./beside -rounds $(ROUNDS)

bench-queue: ## deliver later beside a plain loop, all durable; wants PostgreSQL (Debian package postgresql)
	for m in . bolt river jetstream; do (cd queue/$$m && go test -run '^$$' -bench BenchmarkEndToEnd -benchtime 10000x -count $(COUNT) .) || exit 1; done

bench-queue-page: ## the same five times, and its medians in the table of docs/performance.md
	$(MAKE) -s bench-queue COUNT=5 | go run ./internal/benchtable

cover: ## say how much of each package the tests reach
	mkdir -p .tmp && go test -coverpkg=./... -coverprofile=.tmp/cover.out ./... >/dev/null && go tool cover -func=.tmp/cover.out | tail -n 1

interop: ## run against real mail servers (Debian, root)
	cd interop && go test -count=1 ./...

readers: ## verify 2,000 signed mails after Postfix, Exim and Dovecot have stored them (Debian, root)
	cd interop && DEPECHE_READERS=complete DEPECHE_INTEROP=require go test -count=1 -v -timeout 30m -run TestDelivered ./readers

demo: ## send one message through an embedded server
	go run ./examples/quickstart

check: test race lint tidied ## what CI runs, without the real servers

tidied: # changes nothing
	for m in $(MODULES); do (cd $$m && go mod tidy -diff); done

tidy: ## tidy all modules
	for m in $(MODULES); do (cd $$m && go mod tidy); done

clean: ## remove what make made
	rm -rf .tmp

$(TOOLS)/golangci-lint: Makefile
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@touch $@
