package backoff

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPause(t *testing.T) {
	for _, tc := range []struct {
		shortest, longest time.Duration
		n                 int
		want              time.Duration
	}{
		{time.Second, 0, 1, time.Second}, {time.Second, 0, 2, 2 * time.Second}, {time.Second, 0, 6, 32 * time.Second}, {time.Second, 0, 7, time.Minute},
		{time.Second, 0, 1 << 30, time.Minute}, {time.Second, 10 * time.Second, 5, 10 * time.Second}, {time.Second, 10 * time.Second, 4, 8 * time.Second},
		{time.Hour, 0, 1, time.Hour}, {time.Hour, 0, 5, time.Hour}, {30 * time.Second, 12 * time.Second, 3, 30 * time.Second}, {0, 0, 9, 0},
	} {
		if got := Pause(tc.shortest, tc.longest, tc.n); got != tc.want {
			t.Errorf("Pause(%v, %v, %d) = %v, want %v", tc.shortest, tc.longest, tc.n, got, tc.want)
		}
	}
}

func TestBackoffSaysBeginningAndEndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		b := Backoff{Log: slog.New(slog.NewTextHandler(&said, nil)), What: "panel", Shortest: time.Second}
		b.Wait(t.Context(), nil, nil)
		begun := time.Now()
		for range 3 {
			b.Wait(t.Context(), errors.New("down"), nil)
		}
		if took := time.Since(begun); took != 7*time.Second || b.Failures() != 3 {
			t.Errorf("%d failures took %v, want 3 and 7 s", b.Failures(), took)
		}
		wake := make(chan struct{}, 1)
		wake <- struct{}{}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		b.Wait(t.Context(), errors.New("down"), wake)
		b.Wait(ended, errors.New("down"), nil)
		if took := time.Since(begun); took != 7*time.Second {
			t.Errorf("woken it waits for %v", took-7*time.Second)
		}
		b.Wait(t.Context(), nil, nil)
		b.Wait(t.Context(), nil, nil)
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], `msg="panel fails" err=down`) || !strings.Contains(lines[1], `msg="panel works again" failures=5 after=7s`) {
			t.Errorf("it says %q", lines)
		}
	})
}
