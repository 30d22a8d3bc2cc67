package metrics

import (
	"slices"
	"testing"

	"peyk/store"
)

// TestWhatIsNoTroubleIsNotAmongTheIncidents: admins are told of an export and of a customer who was forgotten, but nothing went wrong, and nobody counts them.
func TestWhatIsNoTroubleIsNotAmongTheIncidents(t *testing.T) {
	families, err := New().Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		if f.GetName() == "peyk_incidents_total" {
			for _, m := range f.GetMetric() {
				got = append(got, m.GetLabel()[0].GetValue())
			}
		}
	}
	for kind, counted := range map[store.IncidentKind]bool{store.FetchLost: true, store.ClockWrong: true, store.Exported: false, store.Forgotten: false} {
		if slices.Contains(got, label(string(kind))) != counted {
			t.Errorf("%s: counted should be %v; the kinds are %q", kind, counted, got)
		}
	}
}
