# Everything needs Go alone, but for: test-race (a C compiler), test-integration
# (redis-server, PostgreSQL, MariaDB) and bench (redis-server). What is needed
# besides is pinned and built by Go.

GOLANGCI_LINT_VERSION := v2.15.0
BUF_VERSION           := v1.75.0

VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
FUZZTIME  ?= 10s
BENCH     ?= .
BENCHTIME ?= 1s
SEEDS     ?= 10000
LOADROUNDS ?= 1

GO      ?= go
DIRS    := cmd configs core internal plugins sdk test
STRIPE_MOCK_NEWEST := v0.203.0
LINT    := bin/tools/golangci-lint-$(GOLANGCI_LINT_VERSION)
BUF     := bin/tools/buf-$(BUF_VERSION)
STRIPE_MOCK := bin/tools/stripe-mock-$(STRIPE_MOCK_NEWEST)
GOBUILD := $(GO) build
GOTEST  := $(GO) test -timeout 15m
# What is in test/ runs with -count=1: Go's cache of results does not see that
# the binaries have changed which those tests build and start.
WHOLE    = $(shell $(GO) list ./test/...)

# The binaries are static; only the race detector needs C. The flags are the same
# for what is built and for what is tested, and reach the builds that tests run:
# with others, everything would be compiled twice.
export CGO_ENABLED = 0
export GOFLAGS    += -trimpath

# Lists of packages are read off the sources, so that they cannot go stale.
packages     = $(sort $(patsubst %/,./%,$(dir $(shell grep -rlE '$($(1))' --include='$(2)' $(DIRS)))))
concurrent  := \bgo func|\.Go\(|\bsync\.|\batomic\.
servers     := (redis|postgres|mariadb)test\.
benchmarks  := ^func Benchmark
RACE         = $(filter-out ./test/%,$(call packages,concurrent,*.go)) ./test/stripedouble
INTEGRATION  = $(filter-out ./test/crash,$(call packages,servers,*_test.go))
BENCHED      = $(call packages,benchmarks,*_test.go)

.DEFAULT_GOAL := help
.PHONY: help run build test test-long test-race test-integration test-crash test-crash-long test-reloads test-plugins-long test-stripe-newest sim sim-mutants fuzz bench lint check docs generate proto proto-baseline clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build, then run configs/stripe.json on this machine
	bin/backflow dev -c configs/stripe.json

build: ## build bin/backflow and bin/plugins/*
	$(GOBUILD) -ldflags '-s -w -X main.version=$(VERSION)' -o bin/backflow ./cmd/backflow
	$(GOBUILD) -ldflags '-s -w' -o bin/plugins/backflow-plugin-stripe ./plugins/stripe
	$(GOBUILD) -ldflags '-s -w' -o bin/plugins/backflow-plugin-database ./plugins/database

test: build ## run every test that this machine can run, but for the long ones
	@PATH="$$PATH:/usr/sbin:$$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')"; for server in redis-server postgres mariadbd; do \
		command -v $$server >/dev/null || echo "$$server is missing: what needs it is skipped (make test-integration insists on it)"; done
	$(GOTEST) $(addprefix ./,$(addsuffix /...,$(filter-out test,$(DIRS))))
	$(GOTEST) -count=1 $(WHOLE)

test-long: export BACKFLOW_LONG = 1
test-long: WHOLE := $(filter-out %/test/crash,$(WHOLE))
test-long: test ## the same with the long tests, but for those of test-crash

test-stripe-newest: export BACKFLOW_LONG = 1
test-stripe-newest: $(STRIPE_MOCK) ## drive all operations of the newest description of Stripe's API that is tested
	BACKFLOW_STRIPE_MOCK=$(CURDIR)/$(STRIPE_MOCK) \
		BACKFLOW_STRIPE_DESCRIPTION=$$($(GO) mod download -json github.com/stripe/stripe-mock@$(STRIPE_MOCK_NEWEST) | \
			sed -n 's/^.*"Dir": "\(.*\)",*$$/\1/p')/embedded/openapi/spec3.json \
		$(GOTEST) -count=1 ./test/operations

test-race: ## run what starts goroutines or holds locks under the race detector
	CGO_ENABLED=1 $(GOTEST) -race $(RACE)

test-integration: build ## run what needs Redis, PostgreSQL or MariaDB; fail where one is missing
	BACKFLOW_REQUIRE_SERVERS=1 $(GOTEST) -count=1 $(INTEGRATION)

test-crash: ## kill gateways, plugins, Redis and databases under load, fifty gateways for each store
	BACKFLOW_LONG=1 BACKFLOW_REQUIRE_SERVERS=1 BACKFLOW_CRASH_KILLS=50 $(GOTEST) -count=1 ./test/crash

test-crash-long: ## the same for at least 2,000 runs and 200 kills; about ten minutes
	BACKFLOW_LONG=1 BACKFLOW_REQUIRE_SERVERS=1 BACKFLOW_CRASH_KILLS=120 BACKFLOW_CRASH_TIME=5m $(GO) test -timeout 40m -count=1 -v ./test/crash

test-reloads: ## load a WASM plugin a thousand times; memory stays flat
	BACKFLOW_RELOADS=1000 $(GOTEST) -count=1 -v -run Reloads ./core/plugin/wasm

test-plugins-long: ## crash a plugin 1,000 times; the gateway's memory must not grow
	BACKFLOW_LONG=1 BACKFLOW_PLUGINS_LONG=1 $(GOTEST) -count=1 -v ./core/plugin/process -run 'TestCrashes|TestAPluginKilled'

sim: ## simulate whole gateways in virtual time: SEEDS (10000) seeds full of faults
	$(GO) test -count=1 -timeout 24h ./test/sim -run '^TestSim$$' -v -sim.seeds=$(SEEDS)

sim-mutants: ## plant bugs into the simulated gateways; each must be found
	$(GO) test -count=1 ./test/sim -run '^TestPlantedBugsAreFound$$' -v

fuzz: ## run every fuzz target for FUZZTIME (10s)
	@grep -rHoE '^func Fuzz\w+' --include='*_test.go' $(DIRS) | while IFS=: read -r file target; do \
		package=./$$(dirname "$$file"); target=$${target#func }; echo "$$package $$target"; \
		$(GO) test -run='^$$' -fuzz="^$$target$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=0x "$$package" </dev/null || exit 1; \
	done

bench: build ## run the benchmarks, each beside its floor
	$(GOTEST) -run='^$$' -bench='$(BENCH)' -benchtime=$(BENCHTIME) -benchmem $(BENCHED)
	$(GO) run ./test/load -stores call,receive,receive-redis-always,sqlite,redis-everysec,redis-always -rounds $(LOADROUNDS)

lint: $(LINT) $(BUF) ## check format, imports, go.mod, the plugin protocol and the linters' list
	@test -z "$$(gofmt -l $(DIRS))" || { echo 'not formatted:'; gofmt -l $(DIRS); exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet ./...
	cd sdk/proto && $(CURDIR)/$(BUF) lint && $(CURDIR)/$(BUF) breaking --against baseline.binpb
	$(LINT) config verify
	$(LINT) run ./...

$(LINT):
	GOBIN=$(CURDIR)/bin/tools $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv bin/tools/golangci-lint $@

$(BUF):
	GOBIN=$(CURDIR)/bin/tools $(GO) install github.com/bufbuild/buf/cmd/buf@$(BUF_VERSION)
	mv bin/tools/buf $@

$(STRIPE_MOCK):
	GOBIN=$(CURDIR)/bin/tools $(GO) install github.com/stripe/stripe-mock@$(STRIPE_MOCK_NEWEST)
	mv bin/tools/stripe-mock $@

check: lint test-long sim test-race test-integration test-crash ## what CI runs

docs: ## draw the picture of docs/architecture.md and write the tables of docs/webhook-providers.md, stripe.md, stripe-faults.md and database-faults.md anew
	$(GO) test -count=1 ./test/rules -run '^TestThePictureShowsTheImports$$' -update
	$(GO) test -count=1 ./core/provider -run '^TestThePageListsEveryProvider$$' -update
	$(GO) test -count=1 ./plugins/stripe -run '^TestThePageListsEveryAction$$' -update
	BACKFLOW_LONG=1 BACKFLOW_REQUIRE_SERVERS=1 $(GO) test -count=1 ./test/e2e -run '^TestThe(Database)?FaultTable$$' -update

generate: proto ## write all generated code anew
	$(GO) generate ./...

proto: $(BUF) ## check the plugin protocol and generate its Go code
	cd sdk/proto && $(CURDIR)/$(BUF) lint && $(CURDIR)/$(BUF) breaking --against baseline.binpb && $(CURDIR)/$(BUF) generate

proto-baseline: $(BUF) ## with a release: later protocols must understand the present one
	cd sdk/proto && $(CURDIR)/$(BUF) breaking --against baseline.binpb && \
		$(CURDIR)/$(BUF) build --exclude-source-info -o baseline.binpb

clean: ## remove what was built
	rm -rf bin dist
