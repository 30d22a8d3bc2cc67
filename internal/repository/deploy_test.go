package repository

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

var metricName = regexp.MustCompile(`\b(peyk|process|go)_[a-z_]+[a-z]\b`)

// metricsIn returns the names of metrics that a file holds.
func metricsIn(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := metricName.FindAllString(string(text), -1)
	if len(found) < 10 {
		t.Errorf("%s names %d metrics: does this test still see them?", file, len(found))
	}
	return found
}

// TestOnlyMetricsThatExistAreWatched holds the dashboard and the alert rules to the manual, which a test of package main holds to what the
// bridge tells. Of the process's own metrics the manual explains none.
func TestOnlyMetricsThatExistAreWatched(t *testing.T) {
	atTop(t)
	names := metricsIn(t, "doc/operations.md")
	described := make(chan *prometheus.Desc)
	go func() {
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}).Describe(described)
		close(described)
	}()
	for d := range described {
		names = append(names, regexp.MustCompile(`fqName: "(\w+)"`).FindStringSubmatch(d.String())[1])
	}
	for _, file := range []string{"deploy/grafana.json", "deploy/alerts.yaml"} {
		for _, name := range metricsIn(t, file) {
			base := name
			for _, end := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, end)
			}
			if !slices.Contains(names, name) && !slices.Contains(names, base) {
				t.Errorf("%s names %s, which there is not", file, name)
			}
		}
	}
}

func TestTheDashboardIsWhole(t *testing.T) {
	atTop(t)
	text, err := os.ReadFile("deploy/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title, UID    string
		SchemaVersion int
		Templating    struct{ List []struct{ Name, Type string } }
		Panels        []struct {
			ID          int
			Type, Title string
			GridPos     struct{ H, W, X, Y int }
			Datasource  struct{ UID string }
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	if dashboard.Title == "" || dashboard.UID == "" || dashboard.SchemaVersion < 36 {
		t.Errorf("got %q, %q, schema %d", dashboard.Title, dashboard.UID, dashboard.SchemaVersion)
	}
	variables := map[string]string{}
	for _, v := range dashboard.Templating.List {
		variables[v.Name] = v.Type
	}
	if variables["datasource"] != "datasource" {
		t.Error("there is no variable for the data source")
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("%s: the id %d is taken", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if taken[[2]int{x, y}] != "" || x >= 24 {
					t.Fatalf("%s lies on %s", p.Title, taken[[2]int{x, y}])
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("%s: data from %q, %d queries", p.Title, p.Datasource.UID, len(p.Targets))
		}
		for _, target := range p.Targets {
			for _, v := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(target.Expr, -1) {
				if variables[v[1]] == "" && v[1] != "__rate_interval" {
					t.Errorf("%s: there is no variable %s", p.Title, v[0])
				}
			}
		}
	}
}
