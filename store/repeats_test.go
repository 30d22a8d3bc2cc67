package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/sms"
)

// TestAnswersThatComeAgainAreCounted gives a store one answer after the other, a letter for each SMS. "+" has a second pass before, so that
// times are other ones; "-" is an answer without SMS. Shown is what a chat shows of each.
func TestAnswersThatComeAgainAreCounted(t *testing.T) {
	for _, tc := range []struct {
		name    string
		answers string
		want    []string
		told    int
	}{
		{"the same time is the same SMS", "a a a a", []string{"a"}, 0},
		{"a second yes", "a +a", []string{"a", "a"}, 0},
		{"three in a row are counted", "a +a +a", []string{"a", "a", "×3"}, 1},
		{"more are told at the end", "a +a +a +a +a -", []string{"a", "a", "×3", "×5"}, 1},
		{"or when others come", "a +a +a +a +b", []string{"a", "a", "×3", "×4", "b"}, 1},
		{"who says yes again after a break is shown", "a - +a - +a - +a", []string{"a", "a", "a", "a"}, 0},
		{"and after a row", "a +a +a - +a", []string{"a", "a", "×3", "a"}, 1},
		{"the whole answer counts", "ab +ab +ab", []string{"a", "b", "a", "b", "×3", "×3"}, 1},
		{"in any order", "ab +ba +ab", []string{"a", "b", "b", "a", "×3", "×3"}, 1},
		{"a part of it is another answer", "ab +a +ab", []string{"a", "b", "a", "a", "b"}, 0},
		{"equal ones in one answer are two", "aa +aa +aa", []string{"a", "a", "a", "a", "×3", "×3"}, 1},
		{"and one of them alone is one", "aa +a +aa", []string{"a", "a", "a", "a", "a"}, 0},
		{"another customer's SMS among them is shown", "a +a +a +ab +ab -", []string{"a", "a", "×3", "b", "×5", "×2"}, 1},
		{"what is no more among them is told", "ab +ab +ab +ab +a -", []string{"a", "b", "a", "b", "×3", "×3", "×4", "×5"}, 1},
		{"a panel that keeps all, and gets more", "a +ab +abc +abcd -", []string{"a", "a", "b", "×3", "c", "×3", "d", "×4", "×2"}, 1},
		{"what was no repetition does not count", "ab +ac +a +a +a", []string{"a", "b", "a", "c", "a", "a", "×3"}, 1},
		{"told once a day", "a +a +a - +a +a +a -", []string{"a", "a", "×3", "a", "a", "×3"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClock()
			path := tempFile(t)
			s := open(t, path, c.inbox(group))
			var got []string
			for i, answer := range strings.Fields(tc.answers) {
				if i%2 == 1 { // nothing of it is forgotten by a restart
					must(t, s.Close())
					s = open(t, path, c.inbox(group))
				}
				if rest, later := strings.CutPrefix(answer, "+"); later {
					c.pass(time.Second)
					answer = rest
				}
				must(t, s.BeginFetch())
				if answer == "-" {
					must(t, s.EndEmptyFetch())
				} else {
					ok(s.SaveUnread(ok(s.SaveRaw(Raw{Body: []byte("<xml/>")})), unread(c, strings.Split(answer, "")...), nil))
				}
				got = append(got, counted(t, s)...)
			}
			if !cmp.Equal(got, tc.want) {
				t.Errorf("shown %q, want %q", got, tc.want)
			}
			told := 0
			for _, i := range ok(s.Incidents()) {
				if i.Kind == PanelRepeats {
					told++
				}
			}
			if told != tc.told {
				t.Errorf("told %d times, want %d", told, tc.told)
			}
		})
	}
}

func counts(tb testing.TB, s *Store) bool {
	tb.Helper()
	_, counts, err := s.Repeats()
	must(tb, err)
	return counts
}

// counted shows what is due and returns it as a chat shows it.
func counted(t *testing.T, s *Store) (shown []string) {
	for {
		due := heads(t, s)
		due = slices.DeleteFunc(due, func(p Post) bool { return p.Chat != group })
		if len(due) == 0 {
			return shown
		}
		for _, p := range due {
			if p.Kind == PostSMS {
				m := ok(s.SMS(p.Seq))
				text := m.Text
				if m.Times > 1 {
					text = fmt.Sprint("×", m.Times)
				}
				shown = append(shown, text)
			}
			must(t, s.Posted(p, sms.ChatMessageID(1000+len(shown)), false))
		}
	}
}

// TestAFullAnswerThatComesAgainIsCounted has new SMS push old ones out of the fifty that a panel gives.
func TestAFullAnswerThatComesAgainIsCounted(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	stored := 0
	for i := range 20 {
		var texts []string
		for n := range 50 {
			texts = append(texts, fmt.Sprint("sms ", i+n))
		}
		c.pass(time.Second)
		stored += fetched(t, s, unread(c, texts...))
	}
	if stored != 50+50+18 {
		t.Errorf("%d SMS are stored, want each answer's only twice, and the new ones after it", stored)
	}
}

func TestAPanelThatRepeatsItselfWhileNothingCanBeShown(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	for range 100 {
		fetched(t, s, unread(c, "yes", "no"))
		c.pass(time.Minute)
	}
	if !counts(t, s) {
		t.Error("it does not repeat itself")
	}
	if got, want := counted(t, s), []string{"yes", "no", "×100", "×100"}; !cmp.Equal(got, want) {
		t.Errorf("shown %q, want %q", got, want)
	}
	if got := rows(t, s)["sms"]; got != 4 {
		t.Errorf("%d SMS are stored, want 4", got)
	}
	must(t, s.EndEmptyFetch())
	if counts(t, s) {
		t.Error("it repeats itself after an empty answer")
	}
}

// TestADigestUnderWayTellsTheCountAfterIt: what came for the third time while Telegram was asked to show the second.
func TestADigestUnderWayTellsTheCountAfterIt(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	for range 2 {
		fetched(t, s, unread(c, "yes"))
		c.pass(time.Second)
	}
	posts := following(t, s, heads(t, s)[0], 10, false)
	must(t, s.BeginDigest(posts, false))
	fetched(t, s, unread(c, "yes"))
	must(t, s.DigestPosted(posts, 0, 500))
	if got := counted(t, s); !cmp.Equal(got, []string{"×3"}) {
		t.Errorf("shown %q after the digest, want the count", got)
	}
}

// TestATextThatIsNoTimeTellsAnSMSFromOthers has a panel say such things as "10:31" of the time of an SMS.
func TestATextThatIsNoTimeTellsAnSMSFromOthers(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	at := func(clock string, texts ...string) []sms.Message {
		c.pass(time.Second)
		all := unread(c, texts...)
		for i := range all {
			all[i].Time, all[i].Clock = time.Time{}, clock
		}
		return all
	}
	for i, step := range []struct {
		messages []sms.Message
		empty    bool
		want     int
	}{
		{at("28/11 10:31", "yes"), false, 1},
		{at("28/11 10:31", "yes"), false, 0}, // not marked as read
		{append(at("28/11 10:32", "yes"), at("28/11 10:31", "yes")...), false, 1},
		{append(at("28/11 10:31", "yes"), at("28/11 10:32", "yes")...), false, 0},
		{at("28/11 10:32", "yes", "yes"), false, 1},
		{at("28/11 10:32", "yes"), true, 1}, // after a break it is another one, said in the same minute
		{at("28/11 10:32", "yes"), false, 0},
		{at("99999999999", "no"), false, 1},
		{at("99999999999", "no"), false, 0},
		{at("", "what"), false, 1}, // by when it came to us
		{at("", "what"), false, 1},
		{at("", "what"), false, 0}, // and counted
	} {
		if step.empty {
			must(t, s.EndEmptyFetch())
		}
		if got := fetched(t, s, step.messages); got != step.want {
			t.Errorf("answer %d: %d SMS are new, want %d", i, got, step.want)
		}
	}
}

// TestAnSMSWithoutATimeAmongOthers: a panel that hands out others again hands out this one again.
func TestAnSMSWithoutATimeAmongOthers(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	kept := unread(c, "with a time")
	for i, step := range []struct{ n, want int }{{1, 2}, {1, 0}, {1, 0}, {1, 0}, {2, 1}, {2, 0}, {3, 1}, {3, 0}} {
		c.pass(time.Minute)
		all := slices.Clone(kept)
		for range step.n {
			yes := unread(c, "yes")
			yes[0].Time = time.Time{}
			all = append(all, yes...)
		}
		if got := fetched(t, s, all); got != step.want {
			t.Errorf("answer %d: %d SMS are new, want %d", i, got, step.want)
		}
	}
	if counts(t, s) {
		t.Error("it repeats itself")
	}
}

// TestAnAnswerWithSomethingStrangeInItIsWhole has a panel that does not mark as read hand out something unreadable beside SMS.
func TestAnAnswerWithSomethingStrangeInItIsWhole(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	for i, want := range []int{2, 0, 0, 0} {
		c.pass(time.Minute)
		all := unread(c, "one", "another")
		all[0].Time, all[0].Clock = time.Time{}, "10:31"
		all[1].Time, all[1].Clock = time.Time{}, "10:32"
		if got := ok(s.SaveUnread(ok(s.SaveRaw(Raw{Body: []byte("<b>")})), all, &Incident{Kind: Undecodable, From: c.now(), To: c.now(), Count: 1})); got != want {
			t.Errorf("answer %d: %d SMS are new, want %d", i, got, want)
		}
	}
}

func TestThousandthsOfASecondTellSMSApart(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	all := unread(c, "yes", "yes")
	all[0].Time, all[1].Time = c.now().Add(123*time.Millisecond), c.now().Add(124*time.Millisecond)
	if got := fetched(t, s, all[:1]) + fetched(t, s, all); got != 2 {
		t.Errorf("%d SMS are new, want 2", got)
	}
}

func TestThePanelsOrderIsKept(t *testing.T) {
	path := tempFile(t)
	s := open(t, path, Options{})
	if got := ok(s.PanelOrder()); got != 0 {
		t.Errorf("at first it is %d", got)
	}
	must(t, s.SetPanelOrder(-3))
	must(t, s.Close())
	if got := ok(open(t, path, Options{}).PanelOrder()); got != -3 {
		t.Errorf("after a restart it is %d, want -3", got)
	}
}
