package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

// reply is an order that answers an SMS.
func reply() *Order {
	o := order(ali)
	o.Reply = true
	return o
}

// marksDue returns the marks to be shown now.
func marksDue(t testing.TB, s *Store) []Post {
	t.Helper()
	heads, _, err := s.Marks(9, func(sms.ChatID) bool { return true })
	must(t, err)
	return heads
}

// marked shows all marks and returns them in their order.
func marked(t testing.TB, s *Store) (shown []string) {
	t.Helper()
	for {
		due := marksDue(t, s)
		if len(due) == 0 {
			return shown
		}
		for _, p := range due {
			emoji := ok(s.Batch(p.Batch)).Mark()
			must(t, s.Marked(p, emoji))
			shown = append(shown, emoji)
		}
	}
}

// kinds returns what the heads of the post queue are.
func kinds(t testing.TB, s *Store) (all []PostKind) {
	t.Helper()
	for _, p := range heads(t, s) {
		all = append(all, p.Kind)
	}
	return all
}

func TestAReplysCourseIsItsMark(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.options())
	id := take(t, s, reply())
	if got := marked(t, s); !cmp.Equal(got, []string{"👀"}) {
		t.Errorf("marks %q, want it taken", got)
	}
	c.pass(statusDelay)
	if got := kinds(t, s); !cmp.Equal(got, []PostKind{PostMarks}) {
		t.Errorf("posts %v, want what the marks mean and nothing else", got)
	}
	must(t, s.Posted(heads(t, s)[0], 40, false))
	must(t, s.Sent(claim(t, s), []Outcome{{ID: "1"}}, nil))
	crash(t, s) // between the commit and the mark
	s = open(t, path, c.options())
	if got := marked(t, s); !cmp.Equal(got, []string{"👌"}) {
		t.Errorf("marks %q, want it accepted", got)
	}
	seq := ok(s.Batch(id)).First
	must(t, s.SetDelivery([]Report{{Seq: seq, Status: sms.AtTelecom}}))
	if got := marked(t, s); got != nil {
		t.Errorf("marks %q, want none: nothing changes", got)
	}
	must(t, s.SetDelivery([]Report{{Seq: seq, Status: sms.Delivered}}))
	if got := marked(t, s); !cmp.Equal(got, []string{"👍"}) {
		t.Errorf("marks %q, want it delivered", got)
	}
	if got := kinds(t, s); got != nil {
		t.Errorf("posts %v for what went well", got)
	}
	must(t, s.Check())
}

// TestAMessageWhereThereIsSomethingToSay has each course say what a mark cannot, and be edited from then on.
func TestAMessageWhereThereIsSomethingToSay(t *testing.T) {
	for name, tc := range map[string]struct {
		happens func(*testing.T, *Store, *clock)
		mark    string
	}{
		"refused":           {func(t *testing.T, s *Store, _ *clock) { must(t, s.Refuse(claim(t, s), "", "-5")) }, "👎"},
		"uncertain":         {func(t *testing.T, s *Store, _ *clock) { must(t, s.Uncertain(claim(t, s))) }, "👀"},
		"panel down":        {func(t *testing.T, s *Store, c *clock) { must(t, s.Requeue(claim(t, s), c.now())) }, "👀"},
		"no report at once": {func(t *testing.T, s *Store, _ *clock) { must(t, s.Sent(claim(t, s), nil, nil)) }, "👌"},
		"no report at the end": {func(t *testing.T, s *Store, c *clock) {
			must(t, s.Sent(claim(t, s), []Outcome{{ID: "1"}}, nil))
			c.pass(FollowFor)
			must(t, s.SetDelivery([]Report{{Seq: 1}}))
		}, "👌"},
		"not delivered": {func(t *testing.T, s *Store, _ *clock) {
			must(t, s.Sent(claim(t, s), []Outcome{{ID: "1"}}, nil))
			must(t, s.SetDelivery([]Report{{Seq: 1, Status: sms.Failed, Reason: sms.NotDelivered}}))
		}, "👎"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := open(t, tempFile(t), c.options())
			edit(t, s, group, func(c *Chat) { c.MarksTold = true })
			id := take(t, s, reply())
			tc.happens(t, s, c)
			if got := kinds(t, s); !cmp.Equal(got, []PostKind{PostBatch}) {
				t.Errorf("posts %v, want a message", got)
			}
			if got := marked(t, s); !cmp.Equal(got, []string{tc.mark}) {
				t.Errorf("marks %q, want %s", got, tc.mark)
			}
			must(t, s.Posted(heads(t, s)[0], 40, false))
			if b := ok(s.Batch(id)); !b.NeedsMessage() || b.Shown != 40 {
				t.Errorf("got %+v, want what is shown to go on telling", b)
			}
			must(t, s.Check())
		})
	}
}

func TestWhatIsOverBeforeItIsToldIsNotTold(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	take(t, s, reply())
	must(t, s.Requeue(claim(t, s), c.now()))
	p := heads(t, s)[0]
	must(t, s.Sent(claim(t, s), []Outcome{{ID: "1"}}, nil))
	if b := ok(s.Batch(p.Batch)); b.NeedsMessage() {
		t.Errorf("%+v has something to say", b)
	}
	must(t, s.PostNotNeeded(p)) // it changed meanwhile
	again := heads(t, s)
	if len(again) != 1 {
		t.Fatalf("heads %+v, want the row that changed", again)
	}
	must(t, s.PostNotNeeded(again[0]))
	if got := heads(t, s); len(got) != 0 {
		t.Errorf("heads %+v", got)
	}
}

func TestMarksOfAChatThatTakesNone(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	takes := func() bool { return ok(s.Chat(group)).TakesMarks(c.now()) }
	first := take(t, s, reply())
	must(t, s.MarkRefused(marksDue(t, s)[0], true))
	if got := kinds(t, s); !cmp.Equal(got, []PostKind{PostBatch}) || takes() {
		t.Errorf("posts %v, want a message instead of the mark", got)
	}
	must(t, s.Posted(heads(t, s)[0], 40, false))
	second := take(t, s, reply())
	if due := marksDue(t, s); len(due) != 0 {
		t.Errorf("%+v is tried where none is taken", due)
	}
	c.pass(unmarkedFor)
	third := take(t, s, reply())
	if due := marksDue(t, s); len(due) != 1 || due[0].Batch != third || !takes() {
		t.Errorf("marks %+v, want the third reply's tried after a while", due)
	}
	must(t, s.Marked(marksDue(t, s)[0], "👀"))
	if chat := ok(s.Chat(group)); !chat.NoMarks.IsZero() || !chat.MarksTold {
		t.Errorf("the chat is %+v, want it to take marks", chat)
	}
	for _, id := range []BatchID{first, second, third} {
		if got := ok(s.Batch(id)).Unmarked; got != (id != third) {
			t.Errorf("batch %d: unmarked %t", id, got)
		}
	}

	// A reply that is gone says nothing of the others.
	must(t, s.Sent(claim(t, s), []Outcome{{ID: "1"}}, nil))
	take(t, s, reply())
	must(t, s.MarkRefused(marksDue(t, s)[0], false))
	if !takes() {
		t.Error("one reply that is gone keeps the chat from being marked")
	}
	must(t, s.MarkRefused(Post{Chat: group, Class: Marks, ID: 1, Batch: third}, true))
	if takes() {
		t.Error("the chat is still asked")
	}
	must(t, s.MarksAllowed(group))
	if !takes() {
		t.Error("the chat is not asked though it was said that it takes them")
	}
	must(t, s.Check())
}

func TestOnlyTheLastMarkIsShown(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	id := take(t, s, reply())
	under := marksDue(t, s)[0] // Telegram is asked, and its answer does not come
	must(t, s.Sent(claim(t, s), []Outcome{{ID: "1"}}, nil))
	must(t, s.SetDelivery([]Report{{Seq: 1, Status: sms.Failed, Reason: sms.NotDelivered}}))
	must(t, s.SetDelivery([]Report{{Seq: 1, Status: sms.Delivered}}))
	must(t, s.Marked(under, "👀"))
	if got := marked(t, s); !cmp.Equal(got, []string{"👍"}) {
		t.Errorf("marks %q, want the last alone", got)
	}
	if b := ok(s.Batch(id)); b.Reaction != "👍" {
		t.Errorf("the reply bears %q", b.Reaction)
	}
}

// TestAMarkThatMayHaveArrivedIsShownAnew: the reply bears 👎 by now, though nobody knows, when the panel says once more what the reply bore before.
func TestAMarkThatMayHaveArrivedIsShownAnew(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.options())
	take(t, s, reply())
	must(t, s.Sent(claim(t, s), []Outcome{{ID: "1"}}, nil))
	if got := marked(t, s); !cmp.Equal(got, []string{"👌"}) {
		t.Fatalf("marks %q", got)
	}
	must(t, s.SetDelivery([]Report{{Seq: 1, Status: sms.Failed, Reason: sms.TelecomProblem}}))
	crash(t, s) // after Telegram was asked to show it
	s = open(t, path, c.options())
	must(t, s.SetDelivery([]Report{{Seq: 1, Status: sms.AtTelecom}}))
	if got := marked(t, s); !cmp.Equal(got, []string{"👌"}) {
		t.Errorf("marks %q, want what is true now put there anew", got)
	}
}

func TestMarksWaitWhereTelegramAsksForPatience(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.options())
	take(t, s, reply())
	take(t, s, reply())
	due := marksDue(t, s)
	if len(due) != 2 {
		t.Fatalf("%d marks are due, want 2", len(due))
	}
	until := c.now().Add(time.Minute)
	must(t, s.HoldMarks(due[0], until))
	must(t, s.Sent(claim(t, s), []Outcome{{ID: "1"}}, nil)) // what is new waits, too
	must(t, s.Close())
	s = open(t, path, c.options())
	heads, next, err := s.Marks(9, func(sms.ChatID) bool { return true })
	if err != nil || len(heads) != 0 || !next.Equal(until) {
		t.Errorf("marks %+v, the next at %v, want none before %v", heads, next, until)
	}
	c.pass(time.Minute)
	if got := marked(t, s); !cmp.Equal(got, []string{"👌", "👀"}) {
		t.Errorf("marks %q", got)
	}
}

func TestAMarkInAGroupThatMigratesBecomesAMessage(t *testing.T) {
	const super = sms.ChatID(-100999)
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	edit(t, s, group, func(c *Chat) { c.MarksTold = true })
	id := take(t, s, reply())
	under := marksDue(t, s)[0]
	must(t, s.MigrateChat(group, super))
	must(t, s.Marked(under, "👀")) // the answer came late
	if due := marksDue(t, s); len(due) != 0 {
		t.Errorf("marks %+v on a reply that stayed behind", due)
	}
	got := heads(t, s)
	if len(got) != 1 || got[0].Chat != super || got[0].Kind != PostBatch || got[0].Batch != id {
		t.Errorf("heads %+v, want a message in the supergroup", got)
	}
	if b := ok(s.Batch(id)); b.Reaction != "" || !ok(s.Chat(super)).MarksTold {
		t.Errorf("got %+v, and what marks mean is told anew", b)
	}
	must(t, s.Check())
}

func TestMarksStandBesideTheBacklog(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	edit(t, s, group, func(c *Chat) { c.Topics = true })
	take(t, s, reply())
	if got := heads(t, s); len(got) != 0 {
		t.Errorf("heads %+v, want no message", got)
	}
	if n := ok(s.Stats()); !n.OldestSMS.IsZero() {
		t.Errorf("an SMS waits since %v", n.OldestSMS)
	}
	crash(t, s)
	s = open(t, path, c.inbox(group)) // only a mark waits: no message may have been shown
	if got := ok(s.Chat(group)).Recent; len(got) != 0 {
		t.Errorf("%d messages are counted", len(got))
	}
	fetched(t, s, unread(c, "one", "two"))
	p := heads(t, s)[0]
	if found := following(t, s, p, 9, true); len(found) != 2 {
		t.Errorf("%d follow, want the SMS alone", len(found))
	}
	if got := marked(t, s); !cmp.Equal(got, []string{"👀"}) {
		t.Errorf("marks %q", got)
	}
	must(t, s.Check())
}

func TestABackupKnowsNoMarks(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	take(t, s, reply())
	claim(t, s)
	take(t, s, reply())
	marked(t, s)
	crash(t, s) // the first is being sent
	s = open(t, path, c.inbox(group))
	if got := marked(t, s); got != nil {
		t.Errorf("marks %q after a mere restart", got)
	}
	must(t, s.update(func(t *tx) error { return t.restored([4]uint64{}) }))
	if got := marked(t, s); !cmp.Equal(got, []string{"👀", "👀"}) {
		t.Errorf("marks %q, want them put there whatever the replies bear", got)
	}
}
