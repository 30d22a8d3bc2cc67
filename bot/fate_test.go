package bot

import "testing"

func TestEveryFateHasAName(t *testing.T) {
	for f := passing; f <= refused; f++ {
		if fates[f] == "" {
			t.Errorf("fate %d has none", f)
		}
	}
}
