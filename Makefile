# How Cordboard is built and checked. `make help` lists the targets.

GO        ?= go
BIN       := bin
LINT      := $(BIN)/golangci-lint
FUZZTIME  ?= 30s
COUNT     ?= 6
STEPS     ?= 10000
SEED      ?= 0
ARGS      ?=

# Tests that drive a browser are named TestBrowser…; they live in these packages.
E2E       := ./cmd/cordboard/... ./views/...

.PHONY: help demo run build generate test check format generated lint vet tidy unit e2e conformance clients faults bench model fuzz need-git need-gcc need-chromium need-npm

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## try it: Cordboard with a simulated RingCentral, phones included
	@$(BIN)/cordboard demo $(ARGS)

run: build ## serve with the settings of the environment (README, Settings)
	@$(BIN)/cordboard serve $(ARGS)

build: ## build bin/cordboard
	@$(GO) build -trimpath -o $(BIN)/cordboard ./cmd/cordboard

generate: ## write the Go code of the templ components
	$(GO) tool templ generate -path views

test: check conformance ## everything; needs gcc, git and Chromium (installed when root on Debian)

check: format generated lint vet tidy ## format, generated code current, lint, vet, mod tidy

format: $(LINT)
	$(LINT) fmt --diff
	$(GO) tool templ fmt -fail -log-level warn views

generated:
	@before=$$(.ci/sums); $(GO) tool templ generate -path views -log-level warn || exit 1; \
	if [ "$$before" != "$$(.ci/sums)" ]; then echo "generated code was not current: commit what 'make generate' wrote" >&2; exit 1; fi

lint: $(LINT)
	$(LINT) run

vet:
	$(GO) vet ./...

tidy:
	$(GO) mod tidy -diff
	cd .ci/tools && $(GO) mod tidy -diff

unit: need-gcc need-git ## every test but the browser's, with the race detector
	$(GO) test -race -shuffle=on -timeout 10m -skip '^TestBrowser' ./...

e2e: need-gcc need-git need-chromium ## the browser tests
	$(GO) test -race -shuffle=on -timeout 10m -count=1 -p 1 -run '^TestBrowser' $(E2E)

# With RC_OPENAPI each test checks its own traffic with the simulator; the report is the sum over all of them.
conformance: ## unit and e2e, and which operations of RingCentral's OpenAPI document (RC_OPENAPI) they checked
	@tally=$$(mktemp -d); trap 'rm -rf "$$tally"' EXIT; \
	if [ -n "$$RC_OPENAPI" ]; then export RC_OPENAPI_TALLY="$$tally"; fi; \
	$(MAKE) --no-print-directory unit e2e && \
	RC_OPENAPI_REPORT="$$tally" $(GO) test -count=1 -v -run '^TestReport$$' ./rc/rcsim/conform

clients: need-npm ## unmodified third-party RingCentral clients against the simulator (from npm; not part of test)
	@$(GO) build -o $(BIN)/rcsim ./cmd/rcsim
	@mkdir -p $(BIN)/clients && cp .ci/clients/package.json .ci/clients/run.mjs $(BIN)/clients/
	cd $(BIN)/clients && npm install --no-audit --no-fund --no-package-lock --silent && node run.mjs ../rcsim

faults: need-gcc ## print the table of faults: each fault at each moment of a transfer, and how it ended
	@cd cmd/cordboard && $(GO) test -race -count=1 -timeout 10m -run '^TestFaultTable$$'

bench: ## the benchmarks, as benchstat reads them
	$(GO) test -run '^$$' -bench . -benchmem -count=$(COUNT) $(ARGS) ./...

model: ## random people on many calls for STEPS (10000) steps, from SEED
	$(GO) test -run '^TestAnythingMayHappen$$' -count=1 -v -timeout 4h ./web/desk -model.steps=$(STEPS) -rapid.seed=$(SEED)

fuzz: ## each fuzz target for FUZZTIME (30s)
	@$(GO) test -list '^Fuzz' ./... | awk '/^Fuzz/{t[n++]=$$1} /^ok/{while(n>0)print $$2, t[--n]}' | while read -r pkg target; do \
		echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$pkg" || exit 1; done

need-gcc need-git need-chromium need-npm: need-%:
	@.ci/need $*

$(LINT): .ci/tools/go.mod .ci/tools/go.sum
	cd .ci/tools && $(GO) build -o ../../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint
