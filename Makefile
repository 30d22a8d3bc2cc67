# make check is what CI runs. Everything else is a part of it, or for measuring.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME = 10s
VERSION = $(shell git describe --tags --always --dirty 2>/dev/null)

.PHONY: check tidy format vet staticcheck test fuzz build bench

check: tidy format vet staticcheck test fuzz build

tidy:
	go mod tidy -diff

format:
	@files="$$(gofmt -l .)"; test -z "$$files" || { echo "run gofmt -w on:"; echo "$$files"; exit 1; }

vet:
	go vet ./...

staticcheck:
	go run $(STATICCHECK) ./...

test:
	go test -race -shuffle=on ./...

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

bench:
	go test -run '^$$' -bench . -benchmem ./...
