# make check is what CI runs. The other targets are its parts, or measure something.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME = 4000x
VERSION = $(shell cat VERSION 2>/dev/null || git describe --tags --always --dirty 2>/dev/null)

.PHONY: check tidy format vet staticcheck test raced unraced fuzz build release bench screenshots torture worlds mutants

check: tidy format vet staticcheck test fuzz

tidy:
	go mod tidy -diff

format:
	@files="$$(gofmt -l .)"; test -z "$$files" || { echo "run gofmt -w on:"; echo "$$files"; exit 1; }

vet:
	go vet ./...
	go vet -tags crashpoints ./...

staticcheck:
	go run $(STATICCHECK) ./...

# On a busy machine it takes longer, and fails no more often. Several packages at once: in crash, peyk and the browser most of the time bridges wait for
# the clock.
test:
	$(MAKE) -j2 -Otarget raced unraced

raced:
	go test -race -shuffle=on -vet=off -timeout 30m -p 3 -skip '^($(LONG))$$' $(filter-out peyk $(SLOWED:%=peyk%) $(ALONE:%=peyk/%),$(shell go list ./...))

# Packages in which nothing happens beside anything else, as internal/repository tests.
ALONE = bot/stats internal/backoff internal/hours internal/release internal/table internal/xlsx

# Tests that do much, one thing after the other, by code that others have raced: in bot without goroutines of their own, as internal/repository tests, in sim
# as its worlds.
LONG = TestShares|TestFortnight|TestNoShareWaitsForAnother

# What the race detector would only slow: crash kills a program that is built without it; the scenarios of bridge, at two servers and in two languages,
# the rows of the store, the contract of the panels, the commands of the program and the sandbox in a browser live through the same code as sim's worlds, at
# each kind of panel, and the packages' own tests, which have it. make torture has it everywhere.
PANELS = /smsapi/soap /smsapi/kavenegar /smsapi/edge /smsapi/rest
SLOWED = /crash /sandbox/browser /bridge /store $(PANELS)
unraced:
	go test -shuffle=on -vet=off $(ALONE:%=./%)
	go test -shuffle=on -vet=off -timeout 30m -p 4 . $(SLOWED:%=.%)
	go test -shuffle=on -vet=off -timeout 30m -run '^($(LONG))$$' ./bot ./sim

# Each fuzz target for about two seconds. go test -fuzz would build and link a package's tests for each of its targets: here that is done once, and two
# packages at a time. INSTRUMENT='-fuzz .' has them guided by the code that is reached, for which all of it, the standard library too, is compiled once
# more: of a long time it is worth that. FUZZTIME is a number of calls: before Go 1.27 running out of time can count as a failure
# (https://github.com/golang/go/issues/75804).
fuzz:
	@bin="$$(mktemp -d)" cache="$$(go env GOCACHE)/fuzz/$$(go list -m)"; export bin cache; trap 'rm -rf "$$bin"' EXIT; \
	grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u | xargs -P 2 -n 1 sh -ec 'cd "$$0"; test="$$(mktemp "$$bin/XXXXXX")"; \
		go test -c -vet=off $(INSTRUMENT) -o "$$test"; \
		sed -n "s/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p" *_test.go | while read target; do \
			out="$$("$$test" -test.run "^\$$" -test.fuzz "^$$target\$$" -test.fuzztime $(FUZZTIME) -test.fuzzminimizetime 1x \
				-test.fuzzcachedir "$$cache/$$0" -test.parallel 1 2>&1)" || { echo "$$out"; echo "FAIL $$0 $$target"; exit 1; }; \
			echo "fuzz $$0 $$target"; \
		done'

build:
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o peyk .

# All that a version is published as, in dist/: internal/release says what. It fetches its tools, which no other target needs.
release:
	umask 022 && go run ./internal/release # a package has the modes of the files it is made of

# doc/performance.md says what the figures must be. One package at a time, so that they do not disturb each other.
bench:
	go test -p 1 -timeout 1h -run '^$$' -bench . -benchmem ./...

# Pictures of what the tests of the page see, in screenshots/: the whole page at five sizes, in both languages, light and dark, and the moments of each test.
# Two of them are those of the README.
screenshots:
	rm -rf screenshots
	PEYK_SCREENSHOTS='$(CURDIR)/screenshots' go test -count=1 -timeout 30m ./sandbox/browser
	cp screenshots/TestTheGuideLeadsThroughWhatReallyHappens-pinned.png doc/sandbox.png
	cp screenshots/TestPersianOnATelephone-telegram.png doc/sandbox-fa.png

# Before a release, some hours: every promise, under simulated time in worlds with a hundred thousand kills, half a year of desks, and half a year of one
# bridge; then for real, under ten thousand kills, as many power cuts, a fault of every system call on the store's file, and a long day without a kill.
# LibreOffice (apt install libreoffice-calc) reads what /export writes. It prints the table of each, and whatever is wrong.
torture: SEED = 1
torture: KILLS = 100000
torture: worlds
	go test -count=1 -timeout 0 -v -run 'TestDays|TestWeeks' ./sim -seed $(SEED) -days 183 -weeks 26 -processes 2
	go test -count=1 -timeout 0 -v -run 'TestBulk$$' ./sim -bulk 10000
	$(MAKE) fuzz FUZZTIME=200000x INSTRUMENT='-fuzz .'
	go test -count=1 -run TestFlood ./bridge
	go test -count=1 -timeout 0 -run TestPlay ./cluster -plays 1000 -seed $(SEED)
	PEYK_SCRIPTS=all go test -race -count=1 -timeout 0 . ./bridge ./sandbox/browser ./store $(PANELS:%=.%)
	go test -race -count=1 -timeout 0 -run '^($(LONG))$$' ./bot ./sim
	PEYK_SOFFICE=soffice go test -count=1 -v -run LibreOffice ./bridge
	@bash -o pipefail -c "PEYK_TAKEOVERS=1000 PEYK_KILLS=10000 PEYK_IMAGES=10000 PEYK_SYSCALLS=all PEYK_SOAK=3m go test -count=1 -timeout 0 -v ./crash | grep -Ev '^ *(=== |--- PASS)'"

# Looks for faults in worlds of new seeds. What is wrong says the seed that plays it again.
SEED = $(shell date +%s)
KILLS = 10000
worlds:
	go test -tags crashpoints -count=1 -timeout 0 -v -run TestWorlds ./sim -seed $(SEED) -kills $(KILLS) -killed 8 -row 4 -processes 2

# The other way round: the program with a fault built in, or one that it once had, which the invariants must find. Some minutes for each.
mutants:
	go test -count=1 -timeout 0 -v -run TestMutants ./sim -mutants 200
	@bash -o pipefail -c "PEYK_MUTANTS=40 go test -count=1 -timeout 0 -v -run TestMutants ./crash | grep -Ev '^ *=== '"
