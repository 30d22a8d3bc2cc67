package bridge_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/panels"
	"peyk/sandbox/panel"
	"peyk/sandbox/sandboxtest"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
	"peyk/store"
)

// moves puts another panel in the place of the one there is, while no bridge runs. Nobody gets at the old one any more.
func (w *world) moves(opts panel.Options) (old *panel.Server) {
	w.Helper()
	w.Cleanup(w.PanelNet.Close) // that of the new one Connect closes
	old, w.panel = w.panel, panel.New(opts)
	w.Panel = w.panel
	w.PanelNet = &sandboxtest.Network{Handler: w.panel, Delay: func(int) time.Duration { return time.Millisecond }}
	w.PanelNet.Up()
	w.PanelURL = "http://other.example" + opts.Dialect.Path()
	w.kind, _ = panels.Named(opts.Dialect.Kind())
	return old
}

// TestAStoreMovesToAnotherPanel leaves all that can be under way at a panel of each kind, and goes on at one of the next.
func TestAStoreMovesToAnotherPanel(t *testing.T) {
	for i, from := range panels.Kinds {
		to := panels.Kinds[(i+1)%len(panels.Kinds)]
		t.Run(from.Name+" to "+to.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { moveStore(t, dialectOf(t, from.Name), dialectOf(t, to.Name)) })
		})
	}
}

// dialectOf returns a stand-in for a kind of panel.
func dialectOf(t *testing.T, kind string) panel.Dialect {
	d, ok := panel.OfKind(kind)
	if !ok {
		t.Fatalf("the sandbox has no panel of kind %s", kind)
	}
	return d
}

func moveStore(t *testing.T, from, to panel.Dialect) {
	w := newWorld(t, telegram.Options{}, panel.Options{Dialect: from})
	w.start()
	shown := w.shows("09121111111", "hello")
	w.replies(shown, "accepted at the old one")
	w.sent(1)
	w.until("the mark", func() bool { return strings.Contains(w.transcript(w.group), "👌") })
	w.panel.Arm(panel.Fault{Method: "SendSMS", Kind: panel.Hang})
	w.replies(shown, "under way at the old one")
	w.until("the request", func() bool { return len(w.panel.State().Faults) == 0 })
	w.PanelNet.Down() // nothing ends well any more
	w.end()
	w.fetched("written at the old one")
	if err := w.panel.SetStatusOf("*", 4); err != nil {
		t.Fatal(err)
	}

	old := w.moves(panel.Options{Dialect: to})
	// An SMS of somebody else has there the id that ours had at the old one.
	if err := w.panel.SetStatusOf("09129999999", 5); err != nil {
		t.Fatal(err)
	}
	client, err := w.kind.New(panels.Login{URL: w.PanelURL, User: "demo", Password: w.password, Key: w.password}, exchange.Options{Dial: w.PanelNet.Dial})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := client.Send(t.Context(), smsapi.Order{Line: "30001234", To: []sms.Number{"09129999999"}, Text: "of another program"})
	number := func(id string) string { n, _, _ := strings.Cut(id, "/"); return n } // where an id has more in it, it is no other's at all
	if err != nil || number(string(theirs.Results[0].ID)) != number(old.Sent()[0].ID) {
		t.Fatalf("got %+v, %v: it has another id", theirs, err)
	}
	w.start()
	w.sees(w.group, "written at the old one")
	w.sees(w.group, "Nobody can know")
	again := w.shows("09121111111", "hello from the new one")
	w.replies(again, "answered at the new one")
	if sent := w.sent(2); sent[1].Text != "answered at the new one" {
		t.Errorf("sent %+v", sent)
	}
	time.Sleep(10 * time.Minute) // it asks how far SMS have come
	w.relay.PollInterval = time.Minute
	w.passes(49 * time.Hour)
	time.Sleep(2 * time.Hour)             // if it asked before it knew that its clock is right, it asks once more an hour later
	w.sees(w.group, "no delivery report") // of what was accepted at the old one
	for _, r := range w.panel.Requests() {
		for _, id := range r.Params["unique_ids"] {
			if id == string(theirs.Results[0].ID) {
				t.Errorf("the new panel was asked about an id of the old one")
			}
		}
		if len(r.Told) > 0 && r.Told[string(theirs.Results[0].ID)] != 0 {
			t.Errorf("the new panel told of an id of the old one: %v", r.Told)
		}
	}
	if n := strings.Count(w.transcript(w.group), "under way at the old one"); n == 0 {
		t.Error("what is asked about is not shown")
	}
	if n := old.SentCount(); n != 1 {
		t.Errorf("%d went out at the old panel, want 1", n)
	}
	w.sent(2)
}

// fetched has an answer with an SMS be in the store that was not decoded when the bridge ended, which it has.
func (w *world) fetched(text string) {
	w.Helper()
	w.PanelNet.Up()
	w.panel.Receive("09122222222", "30001234", text)
	client, err := w.kind.New(panels.Login{URL: w.PanelURL, User: "demo", Password: w.password, Key: w.password}, exchange.Options{Dial: w.PanelNet.Dial})
	if err != nil {
		w.Fatal(err)
	}
	answer, err := client.Fetch(w.Context(), smsapi.Place{Line: "30001234"})
	if err != nil {
		w.Fatal(err)
	}
	st, err := store.Open(w.path, w.storeOpts)
	if err != nil {
		w.Fatal(err)
	}
	_, err = st.SaveRaw(store.Raw{Panel: client.Traits().Name, ContentType: answer.ContentType, Body: answer.Body, Fetched: time.Now(), Begun: time.Now(), Holds: answer.Holds})
	if err != nil {
		w.Fatal(err)
	}
	if err := st.Close(); err != nil {
		w.Fatal(err)
	}
}
