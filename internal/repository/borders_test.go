package repository

import (
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestPackagesImportOneWay(t *testing.T) {
	atTop(t)
	// What of ours each package may import.
	may := map[string][]string{
		"peyk":                     {"peyk/bridge", "peyk/cluster", "peyk/relay", "peyk/bot", "peyk/bot/lint", "peyk/bot/text", "peyk/doctor", "peyk/panels", "peyk/smsapi", "peyk/smsapi/exchange", "peyk/telegram", "peyk/store", "peyk/sms", "peyk/sandbox", "peyk/internal/connect", "peyk/internal/hours", "peyk/internal/metrics"},
		"peyk/bridge":              {"peyk/relay", "peyk/bot", "peyk/smsapi", "peyk/telegram", "peyk/store", "peyk/internal/metrics"},
		"peyk/relay":               {"peyk/smsapi", "peyk/store", "peyk/sms", "peyk/internal/backoff", "peyk/internal/connect", "peyk/internal/crashpoint", "peyk/internal/metrics"},
		"peyk/bot":                 {"peyk/bot/lint", "peyk/bot/shorten", "peyk/bot/stats", "peyk/bot/text", "peyk/doctor", "peyk/smsapi", "peyk/telegram", "peyk/store", "peyk/sms", "peyk/internal/backoff", "peyk/internal/crashpoint", "peyk/internal/hours", "peyk/internal/metrics", "peyk/internal/table", "peyk/internal/xlsx"},
		"peyk/bot/lint":            {"peyk/sms"},
		"peyk/bot/shorten":         {"peyk/sms"},
		"peyk/bot/stats":           {"peyk/sms"},
		"peyk/bot/text":            {"peyk/telegram", "peyk/store", "peyk/sms"},
		"peyk/doctor":              {"peyk/bot/text", "peyk/smsapi", "peyk/telegram", "peyk/store", "peyk/sms", "peyk/internal/connect"},
		"peyk/panels":              {"peyk/relay", "peyk/smsapi", "peyk/smsapi/edge", "peyk/smsapi/exchange", "peyk/smsapi/kavenegar", "peyk/smsapi/rest", "peyk/smsapi/soap", "peyk/sms"},
		"peyk/smsapi":              {"peyk/sms"},
		"peyk/smsapi/exchange":     {"peyk/smsapi", "peyk/sms", "peyk/internal/connect"},
		"peyk/smsapi/contract":     {"peyk/relay", "peyk/sandbox/panel", "peyk/sandbox/sandboxtest", "peyk/smsapi", "peyk/smsapi/exchange", "peyk/sms"}, // for tests
		"peyk/smsapi/edge":         {"peyk/smsapi", "peyk/smsapi/exchange", "peyk/sms"},
		"peyk/smsapi/kavenegar":    {"peyk/smsapi", "peyk/smsapi/exchange", "peyk/sms"},
		"peyk/smsapi/rest":         {"peyk/smsapi", "peyk/smsapi/exchange", "peyk/smsapi/soap", "peyk/sms"},
		"peyk/smsapi/soap":         {"peyk/smsapi", "peyk/smsapi/exchange", "peyk/sms"},
		"peyk/telegram":            {"peyk/sms", "peyk/internal/connect"},
		"peyk/store":               {"peyk/sms", "peyk/internal/backoff", "peyk/internal/crashpoint", "peyk/internal/hours"},
		"peyk/cluster":             {"peyk/store", "peyk/internal/connect"},
		"peyk/cluster/etcdtest":    {"peyk/cluster", "peyk/sandbox/sandboxtest"}, // for tests
		"peyk/sms":                 {},
		"peyk/sim":                 {}, // only tests
		"peyk/internal/backoff":    {},
		"peyk/internal/connect":    {},
		"peyk/internal/crashpoint": {}, // empty but in builds made to be killed
		"peyk/internal/hours":      {},
		"peyk/internal/metrics":    {"peyk/smsapi", "peyk/telegram", "peyk/store", "peyk/sms"},
		"peyk/internal/play":       {"peyk/sandbox/panel", "peyk/sandbox/sandboxtest", "peyk/sandbox/telegram", "peyk/store", "peyk/sms", "peyk/internal/hours", "peyk/internal/table"}, // for tests
		"peyk/internal/release":    {},
		"peyk/internal/table":      {},
		"peyk/internal/repository": {}, // only tests
		"peyk/internal/xlsx":       {},
		"peyk/crash":               {}, // only tests
		"peyk/sandbox":             {"peyk/sandbox/panel", "peyk/sandbox/telegram"},
		"peyk/sandbox/browser":     {}, // only tests
		"peyk/sandbox/panel":       {},
		"peyk/sandbox/sandboxtest": {"peyk/sandbox/panel", "peyk/sandbox/telegram"}, // for tests
		"peyk/sandbox/telegram":    {},
	}
	for _, p := range packages(t) {
		allowed, known := may[p.ImportPath]
		if !known {
			t.Errorf("%s is new: say here what it may import", p.ImportPath)
		}
		for _, dep := range p.Imports {
			if (dep == "peyk" || strings.HasPrefix(dep, "peyk/")) && !slices.Contains(allowed, dep) {
				t.Errorf("%s must not import %s", p.ImportPath, dep)
			}
		}
	}
}

func TestEachLibraryHasOneDoor(t *testing.T) {
	atTop(t)
	doors := map[string][]string{
		"github.com/go-telegram-bot-api/telegram-bot-api/v5": {"telegram/*"},
		"github.com/joho/godotenv":                           {"config.go"},
		"go.etcd.io/bbolt":                                   {"store/*"},
		"go.etcd.io/bbolt/errors":                            {"store/*"},
		"github.com/prometheus/client_golang/prometheus":     {"internal/metrics/metrics.go", "health.go"},
	}
	found := map[string]bool{}
	for _, p := range packages(t) {
		// Tests of a door may look behind it.
		for _, file := range p.files() {
			for _, imported := range importsOf(t, file) {
				through, guarded := doors[imported]
				if !guarded {
					continue
				}
				found[imported] = true
				if !slices.ContainsFunc(through, func(door string) bool { ok, _ := path.Match(door, file); return ok }) {
					t.Errorf("%s imports %s, only %s may", file, imported, through)
				}
			}
		}
	}
	for library := range doors {
		if !found[library] {
			t.Errorf("nothing imports %s: does this test still look in the right place?", library)
		}
	}
}

func importsOf(t testing.TB, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var imports []string
	for _, i := range parsed.Imports {
		imports = append(imports, strings.Trim(i.Path.Value, `"`))
	}
	return imports
}
