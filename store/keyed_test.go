package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"peyk/sms"
)

// TestKeysAreOfOneSMSForEver takes keys, in one second and later, also after a backup from before was restored.
func TestKeysAreOfOneSMSForEver(t *testing.T) {
	c := newClock()
	path := tempFile(t)
	s := open(t, path, c.inbox(group))
	used := map[int64]sms.Number{}
	reserve := func(s *Store) Piece {
		t.Helper()
		take(t, s, order(numbers(60)...))
		p := queued(t, s)[0]
		p = ok(s.Reserve(p, "ours", true))
		if len(p.Keys) != len(p.To) {
			t.Fatalf("%d keys for %d SMS", len(p.Keys), len(p.To))
		}
		for i, key := range p.Keys {
			if key <= 0 || key >= 1<<53 || used[key] != "" {
				t.Fatalf("key %d of %s was that of %s", key, string(p.To[i]), string(used[key]))
			}
			used[key] = p.To[i]
		}
		return p
	}
	end := func(s *Store, p Piece) { must(t, s.Sent(p, nil, nil)) }
	for range 100 {
		end(s, reserve(s))
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	var copied bytes.Buffer
	must(t, s.Backup(&copied))
	must(t, os.WriteFile(backup, copied.Bytes(), 0o600))
	for range 100 {
		end(s, reserve(s))
	}
	must(t, s.Close())
	c.pass(time.Second)
	s = open(t, backup, c.inbox(group))
	for range 100 {
		end(s, reserve(s))
	}

	// What is sent again has the keys that it had.
	p := reserve(s)
	must(t, s.Lose(p))
	if lost, next, err := s.Lost(); err != nil || len(lost) != 0 || !next.Equal(c.now().Add(time.Minute)) {
		t.Fatalf("before a minute has passed: %v, %v, %v", lost, next, err)
	}
	crash(t, s)
	s = open(t, backup, c.inbox(group))
	c.pass(time.Minute + time.Second)
	lost, _, err := s.Lost()
	if err != nil || len(lost) != 1 || lost[0].Keys[59] != p.Keys[59] || lost[0].Account != "ours" {
		t.Fatalf("got %+v, %v", lost, err)
	}
	ids := make([]sms.ID, 60)
	ids[3] = "77"
	must(t, s.Settle(lost[0], ids))
	again := ok(s.Reserve(queued(t, s)[0], "ours", true))
	if again.Keys[0] != p.Keys[0] || again.Attempt != p.Attempt+1 {
		t.Errorf("sent again with %v, was %v", again.Keys, p.Keys)
	}
	if b := ok(s.Batch(p.Batch)); b.Found != 1 || b.Resent != 59 || b.Uncertain != 0 {
		t.Errorf("got %d found, %d sent again, %d uncertain", b.Found, b.Resent, b.Uncertain)
	}
	must(t, s.Uncertain(again))
	if b := ok(s.Batch(p.Batch)); b.Uncertain != 60 {
		t.Errorf("%d are asked about, want 60", b.Uncertain)
	}
	must(t, s.Check())
}

// TestReservedWithKeysIsAskedOfThePanelAfterACrash leaves pieces reserved, with and without keys.
func TestReservedWithKeysIsAskedOfThePanelAfterACrash(t *testing.T) {
	c := newClock()
	path := tempFile(t)
	s := open(t, path, c.inbox(group))
	with, without := take(t, s, order("09120000001")), take(t, s, order("09120000002"))
	for _, p := range queued(t, s) {
		account := ""
		if p.Batch == with {
			account = "ours"
		}
		ok(s.Reserve(p, account, true))
	}
	crash(t, s)
	s = open(t, path, c.inbox(group))
	if a, b := ok(s.Batch(with)), ok(s.Batch(without)); a.Uncertain != 0 || b.Uncertain != 1 {
		t.Errorf("asked about %d with keys and %d without, want 0 and 1", a.Uncertain, b.Uncertain)
	}
	c.pass(2 * time.Minute)
	if lost, _, err := s.Lost(); err != nil || len(lost) != 1 || lost[0].Batch != with {
		t.Errorf("got %+v, %v", lost, err)
	}
	must(t, s.Check())
}

// TestWhatWasTakenIsOwedUntilItIsStored follows one line among two across a crash.
func TestWhatWasTakenIsOwedUntilItIsStored(t *testing.T) {
	c := newClock()
	path := tempFile(t)
	s := open(t, path, c.inbox(group))
	begun := c.now()
	emptied := begun.Add(-time.Hour)
	must(t, s.EndTaking("1", emptied))
	ok(s.BeginTaking("1", begun))
	ok(s.BeginTaking("2", begun))
	c.pass(time.Minute)
	if owed := ok(s.BeginTaking("1", c.now())); !owed.Begun.Equal(begun) || !owed.Since.Equal(emptied) {
		t.Errorf("taken again: owed %+v", owed)
	}
	ok(s.SaveRaw(Raw{Body: []byte("x"), Takes: "2"}))
	crash(t, s)
	s = open(t, path, c.inbox(group))
	if owed := ok(s.Owed()); len(owed) != 1 || !owed["1"].Begun.Equal(begun) || !owed["1"].Since.Equal(emptied) {
		t.Errorf("owed: %v, want line 1 since %v", owed, begun)
	}
	if incidents := ok(s.Incidents()); len(incidents) != 0 {
		t.Errorf("told of %+v", incidents)
	}
	must(t, s.Gone("1"))
	if incidents := ok(s.Incidents()); len(incidents) != 1 || incidents[0].Kind != FetchLost || !incidents[0].From.Equal(begun) || len(ok(s.Owed())) != 0 {
		t.Errorf("told of %+v", incidents)
	}
}

// TestOneIDIsOneSMS has an SMS come twice, and two that say the same.
func TestOneIDIsOneSMS(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	m := sms.Message{Direction: sms.Inbound, Conversation: sms.Conversation{Line: line, Customer: "09120000001"}, Text: "yes", Time: c.now(), InboxID: "9007199254740993"}
	other := m
	other.InboxID = "9007199254740994"
	for i, tc := range []struct {
		came []sms.Message
		want int
	}{{[]sms.Message{m}, 1}, {[]sms.Message{other, m}, 1}, {[]sms.Message{m, other}, 0}, {[]sms.Message{m}, 0}} {
		if n := ok(s.SaveUnread(ok(s.SaveRaw(Raw{Body: []byte("x")})), tc.came, nil)); n != tc.want {
			t.Errorf("answer %d: %d are new, want %d", i, n, tc.want)
		}
	}
}
