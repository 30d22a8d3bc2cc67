package bot

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sandbox "peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// fetches stores an SMS of each customer.
func (d *desk) fetches(customers ...sms.Number) {
	d.Helper()
	raw, err := d.bot.store.SaveRaw(store.Raw{Body: []byte("answer")})
	if err != nil {
		d.Fatal(err)
	}
	var all []sms.Message
	for _, n := range customers {
		all = append(all, sms.Message{Conversation: sms.Conversation{Line: "30001234", Customer: n}, Text: fmt.Sprintf("I am %s.", n), Received: d.bot.store.Now()})
	}
	if _, err := d.bot.store.SaveUnread(raw, all, nil); err != nil {
		d.Fatal(err)
	}
}

// head returns the SMS whose turn is next.
func (d *desk) head() store.Post {
	d.Helper()
	heads, _, err := d.bot.store.Heads(func(sms.ChatID) bool { return true })
	if err != nil || len(heads) != 1 || len(heads[0]) != 1 || heads[0][0].Kind != store.PostSMS {
		d.Fatalf("posts %+v, %v, want that of an SMS", heads, err)
	}
	return heads[0][0]
}

// begins has the first posts of the queue begin in one message, which Telegram did not take.
func (d *desk) begins(n int) error {
	p := d.head()
	show, err := d.bot.store.ToShow(p, n, 0, time.Time{})
	if err != nil {
		return err
	}
	return d.bot.store.BeginDigest(show.Posts, false)
}

func (d *desk) names(n sms.Number) {
	d.Helper()
	if _, err := d.bot.store.Take(store.UpdateKey{Chat: 5, Message: 1}, store.Caused{Customer: n, EditCustomer: func(c *store.Customer) { c.Name = "Reza" }}); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) forgets(n sms.Number) {
	d.Helper()
	err := d.bot.store.ForgetCustomer(store.UpdateKey{Chat: 5, Message: 2}, n, store.Agent{ID: 1})
	for more := true; more && err == nil; {
		more, err = d.bot.store.ForgetStep()
	}
	if err != nil {
		d.Fatal(err)
	}
}

// TestASMSIsShownAsItWaitsNow has an SMS change between the look at the queue and the moment when its post begins: others behind it are shown no more often
// than it is.
func TestASMSIsShownAsItWaitsNow(t *testing.T) {
	const first = sms.Number("09350000000")
	others := []sms.Number{"09350000001", "09350000002"}
	for name, test := range map[string]struct {
		change func(*desk)
		shown  int
	}{
		"it waits":                  {func(*desk) {}, 1},
		"its customer is known":     {func(d *desk) { d.names(first) }, 1},
		"its customer is forgotten": {func(d *desk) { d.forgets(first) }, 0},
	} {
		for _, digest := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, in a digest %t", name, digest), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDesk(t, func(d *desk) {
						d.fetches(slices.Concat([]sms.Number{first}, others)...)
						p := d.head()
						if digest {
							if err := d.begins(2); err != nil {
								t.Fatal(err)
							}
							p = d.head()
						}
						if _, ok := d.bot.poster.pace.begin(p, time.Now()); !ok {
							t.Fatal("it has no turn")
						}
						test.change(d)
						if err := d.bot.poster.show(t.Context(), p); err != nil {
							t.Errorf("the post fails: %v", err)
						}
						d.bot.poster.pace.end(p.Chat)
					})
					time.Sleep(time.Minute)
					for _, n := range append(others, first) {
						want := 1
						if n == first {
							want = test.shown
						}
						got := 0
						for _, m := range d.tg.Messages(d.group) {
							got += strings.Count(m.Text, fmt.Sprintf("I am %s.", n))
						}
						if got != want {
							t.Errorf("the SMS of %s is shown %d times, want %d: %q", n, got, want, textsOf(d.tg.Messages(d.group)))
						}
					}
					if err := d.end(); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

func textsOf(all []sandbox.Message) (texts []string) {
	for _, m := range all {
		texts = append(texts, m.Text)
	}
	return texts
}
