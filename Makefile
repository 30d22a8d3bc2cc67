# make check is what CI runs. Everything else is a part of it, or for measuring.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME = 10s
VERSION = $(shell git describe --tags --always --dirty 2>/dev/null)

.PHONY: check tidy format vet staticcheck test fuzz build bench torture

check: tidy format vet staticcheck test fuzz build

tidy:
	go mod tidy -diff

format:
	@files="$$(gofmt -l .)"; test -z "$$files" || { echo "run gofmt -w on:"; echo "$$files"; exit 1; }

vet:
	go vet ./...
	go vet -tags crashpoints ./...

staticcheck:
	go run $(STATICCHECK) ./...

# Three hundred kills take some minutes, more where others are at work.
test:
	go test -race -shuffle=on -timeout 30m ./...

# Each fuzz target for a while. They are found by listing, so that none is forgotten; go fuzzes one at a time.
fuzz:
	@set -e; for package in $$(go list ./...); do \
		targets="$$(go test -list '^Fuzz' $$package)"; \
		for target in $$(echo "$$targets" | grep '^Fuzz' || true); do \
			echo "fuzz $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$package; \
		done; \
	done

build:
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o peyk .

# doc/performance.md says what the figures must be. One package at a time, so that none disturbs another.
bench:
	go test -p 1 -timeout 1h -run '^$$' -bench . -benchmem ./...

# Before a release, some hours: every promise, under ten thousand kills, as many losses of power, and a long day without a kill.
# What is left of the output are the tables of each and whatever is wrong.
torture:
	go test -count=1 -run TestFlood ./bot
	@bash -o pipefail -c "PEYK_KILLS=10000 PEYK_IMAGES=10000 PEYK_SOAK=3m go test -count=1 -timeout 0 -v ./crash | grep -Ev '^ *(=== |--- PASS)'"
