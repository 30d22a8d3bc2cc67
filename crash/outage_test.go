package crash

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"peyk/sandbox/telegram"
	"peyk/store"
)

// TestOutagesAndKillInOneRun has Telegram fail, the panel fail and the bridge killed in both, with SMS and replies under way. Every SMS is shown once, or
// again and marked so; every reply is sent, and none twice.
func TestOutagesAndKillInOneRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v; the bridge's last words:\n%s", what, err, logTail(w.dir, 40))
		}
	}
	customersWrite := func(n int) {
		w.Mu.Lock()
		defer w.Mu.Unlock()
		w.CustomersWrite(n)
	}
	// accounted waits for n SMS that are shown, or that an incident tells of: they were handed out to a bridge that was killed.
	accounted := func(n int) func() error {
		return func() error {
			if e := w.look(); len(e.Fetched) < n {
				return fmt.Errorf("the panel has handed out %d SMS, want %d", len(e.Fetched), n)
			} else {
				return e.Unaccounted()
			}
		}
	}
	fetched := func(n int) func() error {
		return func() error {
			if got := len(w.look().Fetched); got < n {
				return fmt.Errorf("the panel has handed out %d SMS, want %d", got, n)
			}
			return nil
		}
	}
	// reply has agents answer n SMS.
	reply := func(n int) {
		w.Mu.Lock()
		defer w.Mu.Unlock()
		for before := len(w.Orders); len(w.Orders) < before+n; {
			w.AgentReplies()
		}
	}
	ordered := func(n int) func() error { // the panel is down: the store holds them
		return func() error {
			if waiting := slices.ContainsFunc(w.TG.Updates(), func(u telegram.Update) bool { return !u.Confirmed }); waiting || len(w.look().Orders) < n {
				return errors.New("the replies are not taken")
			}
			return nil
		}
	}

	w.start()
	customersWrite(5)
	must("the first SMS", w.until(accounted(5)))
	reply(3)

	w.TG.SetDown(true)
	customersWrite(5)
	must("fetch while Telegram is down", w.until(fetched(10)))
	w.bridge.kill()
	w.arrived()
	w.start() // into the outage
	customersWrite(3)
	must("fetch while Telegram is still down", w.until(fetched(13)))
	w.TG.SetDown(false)
	must("the SMS of the outage", w.until(accounted(13)))

	w.panelNet.down()
	reply(7)
	must("the replies of the panel's outage", w.until(ordered(10)))
	w.bridge.kill()
	w.arrived()
	must("the panel", w.panelNet.up())

	e, err := w.rest()
	must("rest", err)
	defer e.Store.Close()
	for _, err := range e.Violations() {
		t.Error(err)
	}
	for _, o := range e.Orders {
		n := 0
		for _, s := range e.Sent {
			if s.Text == o.Text && s.Customer == o.Recipients[0] && s.Line == o.Line {
				n++
			}
		}
		for _, b := range e.BatchesOf(o) {
			open := b.Uncertain == 1 || b.State == store.Asking // killed with the request on its way; a colleague answers that customer
			if n != 1 && !(n == 0 && open) {
				t.Errorf("reply %q was sent %d times", o.Text, n)
			}
		}
	}
}
