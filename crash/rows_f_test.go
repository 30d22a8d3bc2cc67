package crash

import (
	"bytes"
	"encoding/base64"
	"os"
	"slices"
	"testing"
	"time"

	"peyk/internal/play"
	"peyk/sandbox/panel"
)

func TestF1BeforeTheMarker(t *testing.T) {
	w := newRow(t)
	w.receives(1)
	w.diesAt("fetch.due", 1)
	if n := w.Asked("GetMsg"); n != 0 {
		t.Errorf("the panel was asked %d times before the marker", n)
	}
	w.rests().shownOnce()
}

func TestF2MarkerCommitted(t *testing.T) {
	check := func(w *world, lost int) {
		began := w.Starts[0].At
		e := w.rests()
		e.toldOfLoss(began, e.Starts[1].At.Add(patience))
		if n := len(e.Missing()); n != lost {
			w.Errorf("%d SMS are missing, want %d", n, lost)
		}
	}
	each(t, map[string]func(*world){
		"a false alarm": func(w *world) {
			w.receives(1)
			w.diesAt("fetch.marked", 1)
			check(w, 0)
		},
		"the panel has answered": func(w *world) {
			w.receives(1)
			w.diesIn("panel", "GetMsg", "carried_out")
			check(w, 1)
		},
		"half of the answer was here": func(w *world) {
			w.receives(10)
			w.diesIn("panel", "GetMsg", "half_answered")
			check(w, 10)
		},
	})
}

func TestF3AnswerCutOrLost(t *testing.T) {
	spoilt := func(w *world, f panel.Fault) *evidence {
		f.Method = "GetMsg"
		w.Panel.Arm(f)
		w.receives(40)
		e := w.rests()
		// Nothing repeats the call by itself: the next one is another fetch, after the pause.
		if gap := e.Fetches[1].Sub(e.Fetches[0]); gap < 100*time.Millisecond {
			w.Errorf("the panel was asked again after %v", gap)
		}
		if len(e.Incidents) != 2 {
			w.Errorf("told of it in %d messages, want one in each chat", len(e.Incidents))
		}
		return e
	}
	each(t, map[string]func(*world){
		"cut": func(w *world) {
			e := spoilt(w, panel.Fault{Kind: panel.Cut})
			if n := len(e.Missing()); n == 0 || n == 40 {
				w.Errorf("%d of 40 SMS are missing; the first half of the answer was here", n)
			}
		},
		"lost": func(w *world) {
			if n := len(spoilt(w, panel.Fault{Kind: panel.Close, CarryOut: true}).Missing()); n != 40 {
				w.Errorf("%d of 40 SMS are missing, nothing was here", n)
			}
		},
	})
}

func TestF4AnswerWholeNotCommitted(t *testing.T) {
	check := func(w *world) {
		began := w.Starts[0].At
		e := w.rests()
		e.toldOfLoss(began, e.Starts[1].At.Add(patience))
		if n := len(e.Missing()); n != 1 {
			w.Errorf("%d SMS are missing, want 1", n)
		}
	}
	each(t, map[string]func(*world){
		"on the wire": func(w *world) {
			w.receives(1)
			w.diesIn("panel", "GetMsg", "answered")
			check(w)
		},
		"in the program": func(w *world) {
			w.receives(1)
			w.diesAt("fetch.answered", 1)
			check(w)
		},
	})
}

func TestF5AnswerKeptNotDecoded(t *testing.T) {
	each(t, map[string]func(*world){
		"not begun": func(w *world) {
			w.receives(3)
			w.diesAt("fetch.saved", 1)
			w.rests().shownOnce()
		},
		"not stored": func(w *world) {
			w.receives(3)
			w.diesAt("fetch.decoded", 1)
			w.rests().shownOnce()
		},
	})
}

func TestF6AnswerThatCannotBeDecoded(t *testing.T) {
	const page = "<html>this account is suspended</html>"
	check := func(w *world) {
		w.rests()
		w.receives(1) // fetching goes on
		e := w.rests()
		if len(e.Incidents) != 2 || len(e.Missing()) != 1 || len(e.copies(w.Group, 1)) != 1 {
			w.Errorf("told of it in %d messages, %d SMS missing, the next shown %d times; want 2, 1 and 1", len(e.Incidents), len(e.Missing()), len(e.copies(w.Group, 1)))
		}
		file, err := os.ReadFile(w.database())
		if err != nil {
			w.Fatal(err)
		}
		if !bytes.Contains(file, []byte(base64.StdEncoding.EncodeToString([]byte(page)))) {
			w.Error("the answer is not kept")
		}
	}
	spoil := func(w *world) {
		w.receives(1)
		w.Panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Custom, Body: page, CarryOut: true})
	}
	each(t, map[string]func(*world){
		"at once": func(w *world) {
			spoil(w)
			check(w)
		},
		"after a crash": func(w *world) {
			spoil(w)
			w.diesAt("fetch.saved", 1)
			check(w)
		},
	})
}

func TestF7Decoded(t *testing.T) {
	w := newRow(t)
	w.receives(3)
	w.diesAt("fetch.stored", 1)
	if e := w.rests(); len(e.Incidents) != 0 || len(e.Missing()) != 0 { // I2: one of them may have been on its way
		t.Errorf("told of a loss in %d messages, %d SMS are missing", len(e.Incidents), len(e.Missing()))
	}
}

func TestF8TheSameAnswerAgain(t *testing.T) {
	w := newRow(t)
	at := time.Now()
	again := func() {
		for range 2 { // two equal ones are two SMS, each time
			w.Panel.ReceiveAt(writer, "30001234", "«in0» hello «end0»", at)
		}
	}
	w.Inbound = append(w.Inbound, play.Sender{Customer: writer, Line: "30001234"})
	again()
	w.diesAt("fetch.stored", 1)
	again()
	w.diesAt("fetch.stored", 1)
	again()
	e := w.rests("I2") // it takes the two for one
	for _, chat := range []int64{w.Group, w.Sara} {
		copies := slices.DeleteFunc(e.copies(chat, 0), func(s play.Sighting) bool { return s.Repeated })
		if len(copies) > 2 || len(e.copies(chat, 0)) < 2 {
			t.Errorf("two SMS are shown in chat %d as %+v", chat, e.copies(chat, 0))
		}
	}
}
