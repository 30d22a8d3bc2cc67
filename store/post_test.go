package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"peyk/sms"
)

// summary is what matters of a head: an SMS by its text, the rest by its kind and text.
func summary(tb testing.TB, s *Store, all []Post) []string {
	tb.Helper()
	var got []string
	for _, p := range all {
		switch p.Kind {
		case PostSMS:
			got = append(got, ok(s.SMS(p.Seq)).Text)
		default:
			got = append(got, string(p.Kind)+p.Text)
		}
	}
	return got
}

func TestPostsOfAChat(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group, 88))
	fetched(t, s, unread(c, "one", "two"))
	next := func() []string { t.Helper(); return summary(t, s, heads(t, s)) }
	if got, want := next(), []string{"one", "one"}; !cmp.Equal(got, want) {
		t.Fatalf("heads %v, want the first SMS in both chats", got)
	}
	must(t, s.AddPost(Post{Chat: group, Kind: PostText, Text: " answer"}))
	must(t, s.AddPost(Post{Chat: group, Kind: PostText, Text: " later", NotBefore: c.now().Add(time.Minute)}))
	must(t, s.AddPost(Post{Chat: group, Kind: PostText, Text: " second"}))
	wants := [][]string{{"text answer", "one"}, {"text second", "one"}, {"one", "one"}, {"two", "one"}, {"one"}}
	for i, want := range wants {
		all := heads(t, s)
		_, at, err := s.Heads(func(sms.ChatID) bool { return true })
		if met := i == 1 || i == 2; err != nil || met && !at.Equal(c.now().Add(time.Minute)) {
			t.Errorf("step %d: next at %v (%v), want the time of the post that was passed over", i, at, err)
		}
		if got := summary(t, s, all); !cmp.Equal(got, want) {
			t.Errorf("step %d: heads %v, want %v", i, got, want)
		}
		if all[0].Chat == group {
			must(t, s.Posted(all[0], sms.ChatMessageID(20+i), false))
		}
		if i == 2 {
			crash(t, s)
			s = open(t, path, c.inbox(group, 88))
		}
	}
	all, _, _ := s.Heads(func(c sms.ChatID) bool { return c != 88 })
	if len(all) != 0 {
		t.Errorf("heads %v, want chat 88 passed over", all)
	}
	c.pass(time.Minute)
	if got := next(); !cmp.Equal(got, []string{"text later", "one"}) {
		t.Errorf("heads %v, want the one whose time has come", got)
	}
	if l := ok(s.Shows(group, 22)); !cmp.Equal(l, Shown{Seq: 1}) {
		t.Errorf("message 22 shows %+v, want SMS 1", l)
	}
	if _, err := s.Shows(group, 20); !errors.Is(err, ErrNotFound) {
		t.Errorf("a text: got %v, want ErrNotFound", err)
	}
	if _, err := s.Shows(88, 22); !errors.Is(err, ErrNotFound) {
		t.Errorf("the same message of another chat: got %v, want ErrNotFound", err)
	}
}

func TestAPostThatIsNotDueHoldsTheSMSBehindIt(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	fetched(t, s, unread(c, "one", "two"))
	first := heads(t, s)[0]
	first.NotBefore = c.now().Add(time.Minute)
	must(t, s.update(func(t *tx) error { _, err := t.addPost(first); return err }))
	if got := summary(t, s, heads(t, s)); len(got) != 0 {
		t.Errorf("heads %v, want none: SMS stay in order", got)
	}
	c.pass(time.Minute)
	if got := summary(t, s, heads(t, s)); !cmp.Equal(got, []string{"one"}) {
		t.Errorf("heads %v, want the first", got)
	}
}

// TestWhatWaitsForNoOther has one of everything wait in a chat: each kind has a head of its own.
func TestWhatAClockThatWasAheadPutOffWaitsNoLonger(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	c.pass(10 * time.Hour)
	take(t, s, order(ali, sara)) // a new one is reported after a second
	if n := len(heads(t, s)); n != 0 {
		t.Fatalf("%d posts are not put off", n)
	}
	c.pass(-10 * time.Hour)
	if n := len(heads(t, s)); n != 1 {
		t.Errorf("ten hours earlier %d posts may be shown, want what was put off", n)
	}
}

func TestWhatWaitsForNoOther(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	take(t, s, order(ali))
	c.pass(statusDelay)
	must(t, s.Posted(heads(t, s)[0], 40, false))
	must(t, s.Sent(claim(t, s), []Outcome{{ID: "71"}}, nil)) // the report is to be edited
	must(t, s.AddPost(Post{Chat: group, Kind: PostText, Text: " answer"}))
	must(t, s.AddPost(Post{Chat: group, Kind: PostText, Text: " second"}))
	c.pass(time.Minute)
	fetched(t, s, fromCustomer(ali, unread(c, "of one we wrote to", "again")))
	fetched(t, s, fromCustomer("09350000000", unread(c, "of another", "and more")))
	all, _, err := s.Heads(func(sms.ChatID) bool { return true })
	must(t, err)
	want := [][]string{{"batch", "text answer", "of one we wrote to", "of another"}}
	var got [][]string
	for _, of := range all {
		got = append(got, summary(t, s, of))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if since := all[0][1].Since(); !since.Equal(c.now().Add(-time.Minute)) {
		t.Errorf("the answer waits since %v", since)
	}
}

// TestSMSOfACustomerWeComeToKnowMoveUp has an agent name, or write to, a customer whose SMS wait behind those of a hundred others.
func TestSMSOfACustomerWeComeToKnowMoveUp(t *testing.T) {
	const their = sms.Number("09357654321")
	for name, do := range map[string]func(*testing.T, *Store){
		"named": func(t *testing.T, s *Store) {
			ok(s.Take(UpdateKey{Chat: 5, Message: 1}, Caused{Customer: their, EditCustomer: func(c *Customer) { c.Name = "Mrs Rezaei" }}))
		},
		"written to": func(t *testing.T, s *Store) { take(t, s, order(their)) },
		"linked": func(t *testing.T, s *Store) {
			ok(s.Take(UpdateKey{Chat: 5, Message: 1}, Caused{Link: &Bound{Place: sms.Place{Chat: 88}, Customer: their}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := open(t, path, c.inbox(group))
			var texts []string
			for i := range 20 {
				texts = append(texts, fmt.Sprint("other ", i))
			}
			fetched(t, s, unread(c, texts...))
			fetched(t, s, fromCustomer(their, unread(c, "theirs", "theirs, too")))
			do(t, s)
			fetched(t, s, fromCustomer(their, unread(c, "later")))
			must(t, s.Check())
			crash(t, s)
			s = open(t, path, c.inbox(group))
			var got []string
			for range 3 {
				all, _, err := s.Heads(func(c sms.ChatID) bool { return c != 88 })
				must(t, err)
				for _, p := range all[0] {
					if p.Class == Known {
						got = append(got, summary(t, s, []Post{p})...)
						must(t, s.Posted(p, 0, false))
					}
				}
			}
			want := []string{"theirs", "theirs, too"}
			if name != "linked" {
				want = append(want, "later")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWhatChangedSinceItWasReadIsReadAgain: between a look at the queue and what is shown, the first may move up or be forgotten, or another may come
// in among those to show. Whatever is behind must not be shown in its place, nor others be noted than those shown.
func TestWhatChangedSinceItWasReadIsReadAgain(t *testing.T) {
	const regular, stranger, other = sms.Number("09350000000"), sms.Number("09350000001"), sms.Number("09350000002")
	know := func(n sms.Number) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) {
			ok(s.Take(UpdateKey{Chat: 5, Message: 1}, Caused{Customer: n, EditCustomer: func(c *Customer) { c.Name = "Mrs Rezaei" }}))
		}
	}
	for name, of := range map[string]struct {
		from   []sms.Number // of each SMS
		read   Seq          // the SMS whose post was read
		change func(*testing.T, *Store)
		moved  bool // the first is it no longer
	}{
		"the first moves up": {[]sms.Number{stranger, other, other}, 1, know(stranger), true},
		"the first is forgotten": {[]sms.Number{stranger, other, other}, 1, func(t *testing.T, s *Store) {
			must(t, s.ForgetCustomer(UpdateKey{Chat: 5, Message: 1}, stranger, Agent{ID: 5}))
			for ok(s.ForgetStep()) {
			}
		}, true},
		"another of them moves up":                   {[]sms.Number{stranger, other, other}, 1, know(other), false},
		"another comes in among them":                {[]sms.Number{regular, stranger, regular}, 1, know(stranger), false},
		"others come in before the first and behind": {[]sms.Number{stranger, regular, stranger}, 2, know(stranger), true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := open(t, tempFile(t), c.inbox(group))
			ok(s.Take(UpdateKey{Chat: 5, Message: 9}, Caused{Customer: regular, EditCustomer: func(c *Customer) { c.Name = "Mr Karimi" }}))
			for i, from := range of.from {
				fetched(t, s, fromCustomer(from, unread(c, fmt.Sprint("sms ", i+1))))
			}
			var p Post
			for _, head := range heads(t, s) {
				if head.Kind == PostSMS && head.Seq == of.read {
					p = head
				}
			}
			show := ok(s.ToShow(p, 3, 0, c.now()))
			of.change(t, s)
			again, err := s.ToShow(p, 3, 0, c.now())
			if of.moved {
				if !errors.Is(err, ErrNotFound) {
					t.Errorf("shown in its place: %+v %v", again.SMS, err)
				}
				part := p
				part.Part = 1
				if rest, err := s.ToShow(part, 3, 0, c.now()); !errors.Is(err, ErrNotFound) {
					t.Errorf("the rest of it would be shown: %+v %v", rest.SMS, err)
				}
			} else if must(t, err); again.Posts[0].ID != p.ID {
				t.Errorf("first is %+v, want what was read", again.Posts[0])
			}
			if err := s.BeginDigest(show.Posts, show.Mixed); !errors.Is(err, ErrNotFound) {
				t.Errorf("a digest of what waits no longer in one row begins: %v", err)
			}
			must(t, s.Check())
		})
	}
}

// perhapsRepeated shows all SMS that wait, and returns of which it says that they may have been shown before.
func perhapsRepeated(t *testing.T, s *Store) map[string]bool {
	t.Helper()
	repeated := map[string]bool{}
	for message := sms.ChatMessageID(1000); ; message++ {
		waiting := heads(t, s)
		i := slices.IndexFunc(waiting, func(p Post) bool { return p.Kind == PostSMS })
		if i < 0 {
			return repeated
		}
		digest := ok(s.ToShow(waiting[i], 1, 9, time.Time{}))
		for i, of := range digest.Posts {
			repeated[digest.SMS[i].Text] = repeated[digest.SMS[i].Text] || digest.Posts[0].Repeated || of.Repeated
		}
		must(t, s.DigestPosted(digest.Posts, 0, message))
	}
}

// TestADigestOutlivesThatOneOfItMovesUp has an agent come to know a customer while a digest with an SMS of theirs may be on its way.
func TestADigestOutlivesThatOneOfItMovesUp(t *testing.T) {
	for name, theirs := range map[string]int{"the first": 0, "another": 1} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := open(t, path, c.inbox(group))
			for i, text := range []string{"one", "two", "three", "four"} {
				fetched(t, s, fromCustomer(sms.Number(fmt.Sprint("0935000000", i)), unread(c, text)))
			}
			first := heads(t, s)[0]
			sent := following(t, s, first, 3, false)
			must(t, s.BeginDigest(sent, false))
			their := sms.Number(fmt.Sprint("0935000000", theirs))
			ok(s.Take(UpdateKey{Chat: 5, Message: 1}, Caused{Customer: their, EditCustomer: func(c *Customer) { c.Name = "Mrs Rezaei" }}))
			must(t, s.Check())
			crashed := filepath.Join(t.TempDir(), "crashed.db")
			must(t, s.db.View(func(t *bolt.Tx) error { return t.CopyFile(crashed, 0o600) }))

			must(t, s.DigestPosted(sent, 0, 50))
			if got := shown(t, s)[group]; !cmp.Equal(got, []string{"four"}) {
				t.Errorf("shown later %v, want the one that was not in it", got)
			}
			repeated := perhapsRepeated(t, open(t, crashed, c.inbox(group)))
			if want := map[string]bool{"one": true, "two": true, "three": true, "four": false}; !cmp.Equal(repeated, want) {
				t.Errorf("perhaps repeated: %v", repeated)
			}
		})
	}
}

// TestADigestWhoseFirstIsGoneMayBeShown has the first of a digest leave the queue while the message may be on its way, and its answer be lost: those that
// stay say that they are perhaps repeated.
func TestADigestWhoseFirstIsGoneMayBeShown(t *testing.T) {
	const their = sms.Number("09350000000")
	for name, leave := range map[string]func(*testing.T, *Store){
		"known": func(t *testing.T, s *Store) {
			ok(s.Take(UpdateKey{Chat: 5, Message: 1}, Caused{Customer: their, EditCustomer: func(c *Customer) { c.Name = "Mrs Rezaei" }}))
		},
		"forgotten": func(t *testing.T, s *Store) {
			must(t, s.ForgetCustomer(UpdateKey{Chat: 5, Message: 1}, their, Agent{ID: 7}))
			forgetAll(t, s, never)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := open(t, tempFile(t), c.inbox(group))
			for i, text := range []string{"one", "two", "three", "four"} {
				fetched(t, s, fromCustomer(sms.Number(fmt.Sprint("0935000000", i)), unread(c, text)))
			}
			sent := following(t, s, heads(t, s)[0], 3, false)
			must(t, s.BeginDigest(sent, false))
			leave(t, s)
			must(t, s.PostUncertain(sent[0]))
			if n := len(ok(s.Chat(group)).Recent); n != 1 {
				t.Errorf("%d messages are counted, want 1", n)
			}
			repeated := perhapsRepeated(t, s)
			if !repeated["two"] || !repeated["three"] || repeated["four"] {
				t.Errorf("perhaps repeated: %v", repeated)
			}
			must(t, s.Check())
		})
	}
}

// TestADigestOutlivesThatOthersMoveUp has an agent come to know a customer whose SMS then wait before and among those that may be on their way.
func TestADigestOutlivesThatOthersMoveUp(t *testing.T) {
	const known, unknown = sms.Number("09350000000"), sms.Number("09350000001")
	for name, n := range map[string]int{"of one": 1, "of three": 3} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := open(t, path, c.inbox(group))
			know := func(n sms.Number, message sms.ChatMessageID) {
				ok(s.Take(UpdateKey{Chat: 5, Message: message}, Caused{Customer: n, EditCustomer: func(c *Customer) { c.Name = "Mrs Rezaei" }}))
			}
			know(known, 1)
			for i, text := range []string{"one", "two", "three", "four", "five"} {
				from := known
				if i%2 == 0 && i < 4 {
					from = unknown
				}
				fetched(t, s, fromCustomer(from, unread(c, text)))
			}
			first := heads(t, s)[0]
			begun := following(t, s, first, n, false)
			if n > 1 {
				must(t, s.BeginDigest(begun, false))
			}
			know(unknown, 2)
			must(t, s.Check())
			crash(t, s)
			s = open(t, path, c.inbox(group))
			for _, row := range posts(t, s) {
				if slices.ContainsFunc(begun, func(b Post) bool { return b.Seq == row.Seq }) && !row.Repeated {
					t.Errorf("%+v does not say that it may be a repeat", row)
				}
			}
		})
	}
}

func TestSeveralSMSInOneMessage(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	fetched(t, s, unread(c, "one", "two", "three", "four"))
	first := heads(t, s)[0]
	all := following(t, s, first, 3, false)
	if got := summary(t, s, all); !cmp.Equal(got, []string{"one", "two", "three"}) {
		t.Fatalf("following %v, want three in their order", got)
	}
	must(t, s.BeginDigest(all, false))
	crash(t, s) // Telegram may show them
	s = open(t, path, c.inbox(group))
	again := heads(t, s)[0]
	if !again.Repeated || again.Digest != 3 || again.Seq != 1 {
		t.Errorf("got %+v, want the first of three that may be shown already", again)
	}
	must(t, s.DigestPosted(following(t, s, again, again.Digest, false), 0, 50))
	if l := ok(s.Shows(group, 50)); !cmp.Equal(l, Shown{Seqs: []Seq{1, 2, 3}}) {
		t.Errorf("message 50 shows %+v, want the first three SMS", l)
	}
	if got := shown(t, s)[group]; !cmp.Equal(got, []string{"four"}) {
		t.Errorf("shown %v, want the one left", got)
	}
}

func TestARefusedDigestIsShownOneByOne(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	fetched(t, s, unread(c, "one", "poison", "three"))
	p := heads(t, s)[0]
	must(t, s.BeginDigest(following(t, s, p, 3, false), false))
	must(t, s.SetAside(p, "Bad Request"))
	if got := ok(s.Incidents()); len(got) != 0 {
		t.Errorf("got %+v, want none: any of the three may be at fault", got)
	}
	p = heads(t, s)[0]
	if p.Seq != 1 || p.Digest != 1 {
		t.Errorf("got %+v, want the first by itself", p)
	}
	must(t, s.Posted(p, 5, false))
	must(t, s.SetAside(heads(t, s)[0], "Bad Request"))
	if got := shown(t, s)[group]; !cmp.Equal(got, []string{"three"}) {
		t.Errorf("shown %v, want the last", got)
	}
	if got := ok(s.Incidents()); len(got) != 1 || got[0].Seq != 2 {
		t.Errorf("got %+v, want the one SMS that is at fault", got)
	}
}

func TestADigestIsOfOneTopic(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	edit(t, s, group, func(c *Chat) {
		c.Inboxes = []Inbox{{Topic: 1, Lines: []sms.Number{line}}, {Topic: 2, Lines: []sms.Number{line2}}}
	})
	fetched(t, s, append(unread(c, "one", "two"), append(toLine(line2, unread(c, "other")), unread(c, "three")...)...))
	if got := summary(t, s, following(t, s, heads(t, s)[0], 9, false)); !cmp.Equal(got, []string{"one", "two"}) {
		t.Errorf("following %v, want those before the other topic", got)
	}
}

func TestPartsOfALongPost(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	fetched(t, s, unread(c, "long", "next"))
	for part := range 3 {
		p := heads(t, s)[0]
		if p.Seq != 1 || p.Part != part {
			t.Errorf("got SMS %d from part %d on, want the first from %d", p.Seq, p.Part, part)
		}
		must(t, s.Posted(p, sms.ChatMessageID(50+part), part < 2))
		crash(t, s)
		s = open(t, path, c.inbox(group))
	}
	if got := summary(t, s, heads(t, s)); !cmp.Equal(got, []string{"next"}) {
		t.Errorf("heads %v, want the next SMS", got)
	}
	for m := range sms.ChatMessageID(3) {
		if l := ok(s.Shows(group, 50+m)); l.Seq != 1 {
			t.Errorf("part %d shows %+v, want SMS 1", m, l)
		}
	}
}

func TestPostStoppedAfterEachStep(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(*testing.T, *Store)
		want []bool // a chat's SMS: perhaps repeated
	}{
		"killed":       {func(t *testing.T, s *Store) { crash(t, s) }, []bool{true, false, false}},
		"ended":        {func(t *testing.T, s *Store) { must(t, s.Close()) }, []bool{false, false, false}},
		"posted first": {func(t *testing.T, s *Store) { must(t, s.Posted(heads(t, s)[0], 5, false)); crash(t, s) }, []bool{true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			opts := Options{Now: c.now, Inbox: []sms.ChatID{group}}
			s := open(t, path, opts)
			fetched(t, s, unread(c, "one", "two", "three"))
			test.end(t, s)
			s = open(t, path, opts)
			var got []bool
			for _, p := range posts(t, s) {
				got = append(got, p.Repeated)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestKilledWhileSMSWaitForAChatMarksNone(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.options())
	fetched(t, s, unread(c, "one"))
	crash(t, s)
	s = open(t, path, c.options())
	for _, p := range posts(t, s) {
		if p.Repeated {
			t.Errorf("%+v is marked, though no chat can have shown it", p)
		}
	}
}

func TestAReportThatChangesWhileTelegramIsAsked(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	id := take(t, s, order(ali))
	if got := heads(t, s); len(got) != 0 {
		t.Errorf("%v is shown before the panel had time to answer", got)
	}
	c.pass(statusDelay)
	p := heads(t, s)[0]
	must(t, s.Uncertain(claim(t, s)))
	must(t, s.Posted(p, 40, false))
	again := heads(t, s)
	if len(again) != 1 || again[0].Batch != id || again[0].Revision == p.Revision {
		t.Fatalf("heads %+v, want the report once more", again)
	}
	if b := ok(s.Batch(id)); b.Shown != 40 {
		t.Errorf("shown by %d", b.Shown)
	}
	must(t, s.Posted(again[0], 40, false))
	if got := heads(t, s); len(got) != 0 {
		t.Errorf("%+v is left", got)
	}
	if b := ok(s.Batch(id)); b.Shown != 40 || b.Uncertain != 1 {
		t.Errorf("got %+v", b)
	}
	if l := ok(s.Shows(group, 40)); !cmp.Equal(l, Shown{Batch: id}) {
		t.Errorf("message 40 shows %+v, want the batch", l)
	}
}

func TestNewsOfABatchAreOnePost(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.options())
	take(t, s, order(numbers(300)...))
	for range 5 {
		p := claim(t, s)
		must(t, s.Sent(p, accepted(p), nil))
	}
	if got := posts(t, s); len(got) != 2 {
		t.Errorf("%d posts wait, want one and a mark", len(got))
	}
}

func TestRefusedPostIsKeptAndTold(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	fetched(t, s, unread(c, "poison", "next"))
	p := heads(t, s)[0]
	must(t, s.SetAside(p, "Bad Request: message text is empty"))
	must(t, s.SetAside(p, "Bad Request: message text is empty")) // the answer to a call made twice
	crash(t, s)
	s = open(t, path, c.inbox(group))
	if got := told(t, s); !cmp.Equal(got, map[sms.ChatID][]IncidentKind{admin: {PostRefused}}) {
		t.Errorf("told %v, want the admin once", got)
	}
	if i := ok(s.Incidents())[0]; i.Seq != 1 || i.Chat != group || i.Reason == "" {
		t.Errorf("got %+v", i)
	}
	dead := 0
	must(t, s.view(func(t *tx) error {
		return t.bucket(bucketDead).ForEach(func(key, value []byte) error {
			p, err := readPost(key, value)
			if p.Seq == 1 && p.Reason != "" {
				dead++
			}
			return err
		})
	}))
	if dead != 1 {
		t.Errorf("%d posts put aside, want one with its reason", dead)
	}
	if got := shown(t, s)[group]; !cmp.Equal(got, []string{"next"}) {
		t.Errorf("shown %v, want the SMS behind it", got)
	}
	if got := ok(s.SMS(1)).Text; got != "poison" {
		t.Errorf("the SMS reads %q", got)
	}
}

func TestARefusedIncidentCausesNoOther(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox())
	must(t, s.AddIncident(Incident{Kind: PanelRefuses, From: c.now()}))
	must(t, s.SetAside(heads(t, s)[0], "Bad Request"))
	if got := ok(s.Incidents()); len(got) != 1 {
		t.Errorf("%d incidents, want one", len(got))
	}
}

func TestAReportRefusedWhileItChangesIsTriedOnceMore(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox())
	take(t, s, order(ali))
	c.pass(statusDelay)
	p := heads(t, s)[0]
	must(t, s.Refuse(claim(t, s), "", "-5"))
	must(t, s.SetAside(p, "Bad Request: can't parse entities"))
	if got := summary(t, s, heads(t, s)); !cmp.Equal(got, []string{"batch"}) {
		t.Errorf("heads %v, want what the batch has become", got)
	}
}

func TestAMessageThatWasNotNeededKeepsTheReport(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox())
	id := take(t, s, order(ali))
	c.pass(statusDelay)
	must(t, s.Posted(heads(t, s)[0], 40, false))
	must(t, s.Refuse(claim(t, s), "", "-5"))
	must(t, s.Posted(heads(t, s)[0], 0, false))
	if b := ok(s.Batch(id)); b.Shown != 40 {
		t.Errorf("reported by message %d, want 40", b.Shown)
	}
}

func TestIncidentIsTold(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	must(t, s.AddIncident(Incident{Kind: FetchCut, From: c.now(), Count: 3}))
	for _, want := range []bool{false, true, true} {
		if i := ok(s.Incident(1)); i.Told != want || i.Count != 3 || i.ID != 1 {
			t.Errorf("got %+v, want told: %t", i, want)
		}
		if all := heads(t, s); len(all) > 0 {
			must(t, s.Posted(all[0], 3, false))
		}
	}
	if _, err := s.Incident(9); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestIncidentThatGoesOn(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox())
	i := Incident{Kind: PanelRefuses, From: c.now()}
	must(t, s.EndFetch(&i))
	shown(t, s)
	i.Count = 7
	must(t, s.UpdateIncident(i, false))
	if got := ok(s.Incident(i.ID)); got.Count != 7 || !got.Told || len(posts(t, s)) != 0 {
		t.Errorf("got %+v, want it counted on and told no more", got)
	}
	must(t, s.UpdateIncident(i, true))
	if got := ok(s.Incident(i.ID)); got.Told || len(posts(t, s)) != 1 {
		t.Errorf("got %+v, want it to be told again", got)
	}
	if err := s.UpdateIncident(Incident{ID: 99}, true); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// TestALossWhoseEndIsBeforeItsBeginning is of a fetch during which Telegram said that our clock is ahead: it is told of with both times, also when
// the next one joins it.
func TestALossWhoseEndIsBeforeItsBeginning(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox())
	hour := func(n int) time.Time { return c.now().Add(time.Duration(n) * time.Hour) }
	first := Incident{Kind: FetchLost, From: hour(0), To: hour(-14)}
	must(t, s.EndFetch(&first))
	next := Incident{Kind: FetchLost, From: hour(-13), To: hour(1)}
	must(t, s.EndFetch(&next))
	for want, got := range map[*Incident]Incident{{From: hour(-14), To: hour(0)}: first, {From: hour(-14), To: hour(1)}: next} {
		if !got.From.Equal(want.From) || !got.To.Equal(want.To) {
			t.Errorf("lost between %s and %s, want %s and %s", got.From, got.To, want.From, want.To)
		}
	}
}

func TestWakesWhoPostsAndWhoSends(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	woken := func(ch <-chan struct{}) bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	fetched(t, s, unread(c, "one"))
	if posts, outbox := woken(s.Posts()), woken(s.Outbox()); !posts || outbox {
		t.Errorf("an SMS came: posts %t, outbox %t", posts, outbox)
	}
	take(t, s, order(ali))
	if posts, outbox := woken(s.Posts()), woken(s.Outbox()); !posts || !outbox {
		t.Errorf("an order came: posts %t, outbox %t", posts, outbox)
	}
	take(t, s, asking(ali))
	if posts, outbox := woken(s.Posts()), woken(s.Outbox()); !posts || outbox {
		t.Errorf("an order that asks came: posts %t, outbox %t", posts, outbox)
	}
	must(t, s.BeginFetch())
	if posts, outbox := woken(s.Posts()), woken(s.Outbox()); posts || outbox {
		t.Errorf("nothing came: posts %t, outbox %t", posts, outbox)
	}
}

func TestACrashCountsAMessageIntoAGroup(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group, 88))
	fetched(t, s, unread(c, "one", "two"))
	for _, p := range heads(t, s) {
		must(t, s.Posted(p, 10, false))
	}
	for kills := 1; kills <= 2; kills++ {
		must(t, s.SetInFlight(group, true))
		crash(t, s)
		c.pass(time.Second)
		s = open(t, path, c.inbox(group, 88))
		if got := len(ok(s.Chat(group)).Recent); got != 1+kills {
			t.Errorf("after %d kills %d messages are counted, want %d", kills, got, 1+kills)
		}
		if got := ok(s.Chat(88)).Recent; got != nil {
			t.Errorf("a private chat counts %v", got)
		}
	}
	must(t, s.Close())
	s = open(t, path, c.inbox(group, 88))
	if got := len(ok(s.Chat(group)).Recent); got != 3 {
		t.Errorf("a clean end counts %d, want the 3 of before", got)
	}
}

func following(tb testing.TB, s *Store, p Post, limit int, topics bool) []Post {
	tb.Helper()
	var found []Post
	must(tb, s.view(func(t *tx) (err error) { found, _, err = t.following(p, limit, topics); return err }))
	return found
}

func TestAMessageThatIsPerhapsThereIsCounted(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	fetched(t, s, unread(c, "one"))
	p := heads(t, s)[0]
	must(t, s.PostUncertain(p))
	if p := heads(t, s)[0]; !p.Repeated {
		t.Error("an SMS that is perhaps shown is not marked")
	}
	must(t, s.PostUncertain(Post{Chat: group, Kind: PostText}))
	if got := len(ok(s.Chat(group)).Recent); got != 2 {
		t.Errorf("%d messages are counted, want 2", got)
	}
}

func TestAMessageIsNotCountedTooEarly(t *testing.T) {
	c := newClock()
	opts := c.inbox(group)
	now := c.now().Add(999 * time.Microsecond)
	opts.Now = func() time.Time { return now }
	s := open(t, tempFile(t), opts)
	must(t, s.PostUncertain(Post{Chat: group, Kind: PostText}))
	if got := time.UnixMilli(ok(s.Chat(group)).Recent[0]); got.Before(now) {
		t.Errorf("a message of %v is counted at %v", now, got)
	}
}
