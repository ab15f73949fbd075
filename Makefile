SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# Everything that is fetched or built once lies here, outside the checkout.
export ORDERPLANE_CACHE ?= $(HOME)/.cache/orderplane

# Tests of several packages start a control plane each, and wait for it a good part of their
# time: two on two cores leave these idle for two fifths of it.
TEST_PARALLEL ?= 3
TEST_TIMEOUT ?= 15m

.PHONY: help
help: ## Show this.
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Use it

.PHONY: run
run: build controlplane ## Run the whole system on this machine; Ctrl-C stops it, .local keeps its data.
	@KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)" exec bin/orderplane local

.PHONY: build
build: ## Build bin/orderplane.
	@mkdir -p bin
	go build -o bin/orderplane ./cmd/orderplane

.PHONY: controlplane
controlplane: ## Find, fetch or build etcd, kube-apiserver and kubectl.
	@hack/controlplane/ensure.sh >/dev/null

.PHONY: clean
clean: ## Remove what was built and the local stack's data; the cache stays.
	@if [ -L .local/postgres ]; then rm -rf "$$(readlink .local/postgres)"; fi
	rm -rf bin dist .local cover.out

IMG ?= orderplane:latest
CONTAINER_TOOL ?= docker
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

.PHONY: docker-build
docker-build: ## Build the image (IMG=example.com/orderplane:tag, CONTAINER_TOOL=podman).
	$(CONTAINER_TOOL) build --build-arg VERSION=$(VERSION) -t $(IMG) .

.PHONY: release
release: controlplane ## Make the files of a release in dist/ (VERSION=v0.1.0 IMAGE=example.com/orderplane).
	hack/release.sh "$(VERSION)"

.PHONY: reproduce
reproduce: ## Make a release of this commit in two folders, and compare.
	hack/reproduce.sh

# An overlay of your own that names your image.
KUSTOMIZATION ?= config/default

.PHONY: install
install: ## Put Orderplane into kubectl's cluster (KUSTOMIZATION=your/overlay).
	hack/cluster.sh install $(KUSTOMIZATION)

.PHONY: uninstall
uninstall: ## Take it out again, once its orders and stock items are deleted.
	hack/cluster.sh uninstall $(KUSTOMIZATION)

##@ Develop

# The exhaustive tests by their names: the model checks of the stock, the mirror and the notifier
# protocol, and the values of every field that are stored and decoded. They take minutes.
EXHAUSTIVE := ^(TestProtocol|TestTheRulesHold|TestTheProtocolHolds|TestEveryRuleIsNeeded|TestEveryEventIsPublishedAndItsFirstAppearanceIsInOrder|TestWhatTheAPIServerStoresCanBeDecoded)

.PHONY: services
services: ## Find or fetch the servers that the tests run against: Apache Kafka and Redis.
	@hack/services.sh

# With RACE=1 the packages that could race are run under the race detector, in place of without it.
RACE ?=

.PHONY: test
test: $(if $(RACE),cgo) controlplane services ## Run every test; it says what it leaves out for want of a server (RACE=1: with the race detector).
	@export KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)"; \
	$(if $(RACE),CGO_ENABLED=1 go test -race,go test) -p $(TEST_PARALLEL) -timeout $(TEST_TIMEOUT) $$(hack/packages.sh race); \
	go test -p $(TEST_PARALLEL) -timeout $(TEST_TIMEOUT) $$(hack/packages.sh others)
	@$(MAKE) --no-print-directory test-chart test-e2e

.PHONY: cgo
cgo:
	@cc="$$(go env CC)"; command -v "$${cc%% *}" >/dev/null || { \
		echo "the race detector needs a C compiler, and $$cc is not installed (on Debian: apt-get install gcc libc6-dev)" >&2; exit 1; }

.PHONY: test-e2e
test-e2e: controlplane services ## Use the real binary as a stranger would, and mirror a shop into real servers.
	@export KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)"; \
	go test -count=1 -timeout $(TEST_TIMEOUT) $$(hack/packages.sh e2e)

# A module of its own. Go's test cache does not look at files outside a module, such as the chart's.
.PHONY: test-chart
test-chart: controlplane ## Hold the Helm chart to the manifests, and values to its schema.
	@export KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)"; \
	cd test/chart && go test -count=1 -timeout $(TEST_TIMEOUT) ./...

.PHONY: test-chart-full
test-chart-full: controlplane ## Also live through the life of a release by Helm 3, and by Helm 3 and then 4.
	@export KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)"; \
	cd test/chart && go test -count=1 -timeout $(TEST_TIMEOUT) ./... -args -whole

.PHONY: test-mirror-full
test-mirror-full: controlplane services ## Mirror 4,000 orders, half of them while all that can be is killed; up to an hour.
	@export KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)"; \
	go test -count=1 -timeout 70m -v ./test/mirror -args -whole

.PHONY: test-unit
test-unit: ## Run the tests that need no API server, in seconds.
	@go test -skip '$(EXHAUSTIVE)' $$(hack/packages.sh unit)

.PHONY: test-race
test-race: cgo controlplane services ## Run the tests of what could race, under the race detector.
	@export KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)" CGO_ENABLED=1; \
	go test -race -p $(TEST_PARALLEL) -timeout $(TEST_TIMEOUT) $$(hack/packages.sh race)

TEST_API_SECONDS ?= 120

.PHONY: test-api
test-api: build controlplane ## Hold a running gateway to its OpenAPI document with generated requests (TEST_API_SECONDS=120).
	@export KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)" TEST_API_SECONDS=$(TEST_API_SECONDS); hack/test-api.sh

FUZZ_TIME ?= 60s

.PHONY: fuzz
fuzz: ## Fuzz what reads a client's text, each target so long (FUZZ_TIME=60s), four at a time.
	@FUZZ_TIME=$(FUZZ_TIME) hack/fuzz.sh

.PHONY: cover
cover: controlplane ## Measure what the tests cover, e2e apart; cover.out is for "go tool cover -html=cover.out".
	@export KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)"; \
	go test -p $(TEST_PARALLEL) -timeout $(TEST_TIMEOUT) -coverprofile=cover.out \
		-coverpkg="$$(go list ./... | grep -v /test/ | paste -sd, -)" $$(hack/packages.sh all) | sed 's/ of statements in .*//'
	@go tool cover -func=cover.out | tail -1

SOAK ?= 30m

.PHONY: test-soak
test-soak: controlplane ## Run what is too long for every day: random tests (SOAK=30m each), every order, every value.
	@export KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)" ORDERPLANE_SOAK=$(SOAK); \
	go test -p 1 -count=1 -timeout 3h -run '^TestSoak' -v ./internal/domain/stock ./test/faults ./internal/kube/cachedclient

.PHONY: fmt
fmt: ## Format the code.
	@git ls-files -z '*.go' | xargs -0 gofmt -w

.PHONY: generate
generate: ## Generate deep copies and the REST API's types.
	hack/generate.sh code

.PHONY: manifests
manifests: ## Generate CRDs and roles from the Go types and markers.
	hack/generate.sh manifests

.PHONY: lint
lint: ## Run golangci-lint.
	hack/golangci-lint.sh run ./...

.PHONY: verify
verify: controlplane ## Prove generated files fresh, the tree formatted, linted and tidy, the manifests sound.
	hack/verify.sh

##@ Measure

# Etcd writes to disk as in production. BENCH_FLAGS="--no-fsync --rounds=2" and the
# like go to test/performance/bench; see its --help.
BENCH_FLAGS ?=

.PHONY: bench-tool
bench-tool: build controlplane
	@go build -o bin/bench-tool ./test/performance/bench

.PHONY: bench
bench: bench-tool ## Benchmark against the raw limit of this machine (five hours); reports in bin/bench.
	@export KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)"; \
	bin/bench-tool full --dir=bin/bench/full $(BENCH_FLAGS) && \
	bin/bench-tool open --dir=bin/bench/open $(BENCH_FLAGS) && \
	bin/bench-tool growth --dir=bin/bench/growth $(BENCH_FLAGS)

.PHONY: bench-short
bench-short: bench-tool ## Benchmark for eight minutes and hold it to test/performance/budget.yaml.
	@KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)" \
	bin/bench-tool short --dir=bin/bench/short --budget=test/performance/budget.yaml $(BENCH_FLAGS)

.PHONY: bench-mirror
bench-mirror: bench-tool services ## Benchmark with Postgres, Kafka, Redis and the mirror on; then a mirror that was away.
	@export KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)"; \
	bin/bench-tool mirror --dir=bin/bench/mirror $(BENCH_FLAGS) && \
	bin/bench-tool absence --dir=bin/bench/absence $(BENCH_FLAGS)

.PHONY: bench-profile
bench-profile: bench-tool ## Take profiles (CPU, allocations) of manager, gateway and API server under load.
	@KUBEBUILDER_ASSETS="$$(hack/controlplane/ensure.sh)" \
	bin/bench-tool profile --dir=bin/bench/profile $(BENCH_FLAGS)
