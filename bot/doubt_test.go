package bot

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/sandbox/sandboxtest"
	sandbox "peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// desk is a bridge's Telegram half in a bubble of time: it hears and shows.
type desk struct {
	*testing.T
	tg    *sandbox.Server
	net   *sandboxtest.Network
	bot   *Bot
	group int64
	sara  int64
	logs  *strings.Builder
	ended chan error
	stop  context.CancelFunc
}

// newDesk makes a desk; arm may arm faults, and fill the store, before it starts.
func newDesk(t *testing.T, arm func(*desk)) *desk {
	d := &desk{T: t, tg: sandbox.New(sandbox.Options{}), logs: &strings.Builder{}, ended: make(chan error, 2)}
	d.net = &sandboxtest.Network{Handler: d.tg}
	d.net.Up()
	team := d.tg.AddTeam()
	d.sara, d.group = team.Sara, team.Group
	st, err := store.Open(filepath.Join(t.TempDir(), "peyk.db"), store.Options{Inbox: []sms.ChatID{sms.ChatID(d.group)}, Admins: []sms.AgentID{sms.AgentID(d.sara)}, RecentPosts: GroupPerMinute})
	if err != nil {
		t.Fatal(err)
	}
	d.bot = New(st, nil, telegram.New(telegram.Options{Token: d.tg.Token(), URL: "http://telegram.invalid", OnAnswer: st.HeardAnswer, Dial: d.net.Dial}), Options{
		Admins: []sms.AgentID{sms.AgentID(d.sara)}, TelegramSecond: time.Second, Log: slog.New(slog.NewTextHandler(d.logs, nil)),
	})
	if arm != nil {
		arm(d)
	}
	ctx, stop := context.WithCancel(t.Context())
	d.stop = stop
	go func() { d.ended <- d.bot.takeUpdates(ctx) }()
	go func() { d.ended <- d.bot.poster.showPosts(ctx) }()
	return d
}

// end stops the desk and returns what its flows returned.
func (d *desk) end() (err error) {
	d.Helper()
	d.stop()
	for range 2 {
		if e := <-d.ended; e != nil {
			err = e
		}
	}
	d.bot.background.Wait()
	d.tg.Close()
	d.net.Close()
	if err := d.bot.store.Close(); err != nil {
		d.Error(err)
	}
	return err
}

func (d *desk) arm(f sandbox.Fault) {
	d.Helper()
	if err := d.tg.Arm(f); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) posts(text string) {
	d.Helper()
	if err := d.bot.store.AddPost(store.Post{Chat: sms.ChatID(d.group), Kind: store.PostText, Text: text}); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) shows(text string) bool {
	for _, m := range d.tg.Messages(d.group) {
		if m.FromBot && m.Text == text {
			return true
		}
	}
	return false
}

// TestTokenThatIsDoubtedAWhile has Telegram say for a while, here and there, that it does not know us.
func TestTokenThatIsDoubtedAWhile(t *testing.T) {
	no := func(method string, times int) sandbox.Fault {
		return sandbox.Fault{Method: method, Kind: sandbox.Refuse, Code: 401, Description: "Unauthorized", Times: times}
	}
	for name, test := range map[string]struct {
		faults []sandbox.Fault
		after  time.Duration // the faults end
		lines  int           // of an outage
	}{
		"one getUpdates":             {[]sandbox.Fault{no("getUpdates", 1)}, 0, 0},
		"getUpdates, then getMe":     {[]sandbox.Fault{no("getUpdates", 1), no("getMe", 3)}, 0, 1},
		"at the start":               {[]sandbox.Fault{no("getMe", 2)}, 0, 1},
		"one sendMessage":            {[]sandbox.Fault{no("sendMessage", 1)}, 0, 0},
		"everything, nine minutes":   {[]sandbox.Fault{no("", -1)}, 9 * time.Minute, 1},
		"404, as for no such bot":    {[]sandbox.Fault{{Method: "getUpdates", Kind: sandbox.Refuse, Code: 404, Description: "Not Found"}}, 0, 0},
		"401 with a network between": {[]sandbox.Fault{no("", 6), {Kind: sandbox.CloseBefore, Times: 12}, no("", 6)}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				arm := func(d *desk) {
					for _, f := range test.faults {
						d.arm(f)
					}
				}
				var d *desk
				if name == "at the start" {
					d = newDesk(t, arm)
				} else {
					d = newDesk(t, nil)
					time.Sleep(5 * time.Second)
					arm(d)
				}
				d.posts("hello")
				time.Sleep(test.after)
				if test.after > 0 && d.shows("hello") {
					t.Error("shown by a Telegram that does not know us")
				}
				if test.after > 0 {
					d.tg.Disarm()
				}
				time.Sleep(30 * time.Minute)
				if !d.shows("hello") {
					t.Errorf("what waited is not shown; log:\n%s", d.logs)
				}
				if _, err := d.tg.Say(sandbox.Post{Chat: d.sara, From: d.sara, Text: "/id"}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if n := len(d.tg.Messages(d.sara)); n != 2 {
					t.Errorf("nobody is heard: %d messages; log:\n%s", n, d.logs)
				}
				if err := d.end(); err != nil {
					t.Errorf("it ended: %v", err)
				}
				for _, line := range []string{"ask telegram who we are fails", "ask telegram who we are works again"} {
					if n := strings.Count(d.logs.String(), line); n > 2 || test.lines > 0 && n < test.lines {
						t.Errorf("%d lines %q:\n%s", n, line, d.logs)
					}
				}
			})
		})
	}
}

// TestTokenThatIsNotKnownAnyMore: the program ends with an error when Telegram has said nothing else for ten minutes.
func TestTokenThatIsNotKnownAnyMore(t *testing.T) {
	for _, code := range []int{401, 404} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, nil)
			time.Sleep(time.Hour)
			d.arm(sandbox.Fault{Kind: sandbox.Refuse, Code: code, Description: "Unauthorized", Times: -1})
			begun := time.Now()
			err := <-d.ended
			if took := time.Since(begun); err == nil || !strings.Contains(err.Error(), "TELEGRAM_BOT_TOKEN") || took < 10*time.Minute || took > 13*time.Minute {
				t.Errorf("ended after %v with %v", took, err)
			}
			d.ended <- nil
			d.end()
			if n := strings.Count(d.logs.String(), "ask telegram who we are fails"); n != 1 {
				t.Errorf("%d lines tell of it:\n%s", n, d.logs)
			}
		})
	}
}

// TestPatienceThatIsAskedFor has Telegram ask for patience in all forms: it is obeyed, an hour at most, and then it is tried again.
func TestPatienceThatIsAskedFor(t *testing.T) {
	for name, test := range map[string]struct {
		code       int
		words      string
		parameters string
		want       time.Duration
	}{
		"a billion":               {429, "", `{"retry_after":1000000000}`, time.Hour},
		"more than there are":     {429, "", `{"retry_after":1e400}`, time.Hour},
		"two hours":               {429, "", `{"retry_after":7200}`, time.Hour},
		"half a minute":           {429, "", `{"retry_after":30}`, 30 * time.Second},
		"a fraction":              {429, "", `{"retry_after":2.5}`, 3 * time.Second},
		"as text":                 {429, "", `{"retry_after":"17"}`, 17 * time.Second},
		"none":                    {429, "", "", time.Second},
		"null":                    {429, "", `{"retry_after":null}`, time.Second},
		"negative":                {429, "", `{"retry_after":-5}`, time.Second},
		"zero":                    {429, "", `{"retry_after":0}`, time.Second},
		"words":                   {429, "", `{"retry_after":"soon"}`, time.Second},
		"a list for parameters":   {429, "", `[5]`, time.Second},
		"in the description":      {429, "Too Many Requests: retry after 40", `{}`, 40 * time.Second},
		"of slow mode":            {400, "Bad Request: SLOWMODE_WAIT_25", "", 25 * time.Second},
		"of a flood, as 420":      {420, "FLOOD_WAIT_86400", "", time.Hour},
		"with a code that is not": {400, "", `{"retry_after":12}`, 12 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, func(d *desk) {
					d.arm(sandbox.Fault{Method: "sendMessage", Kind: sandbox.Refuse, Code: test.code, Description: test.words, Parameters: test.parameters, Times: 3})
				})
				time.Sleep(time.Minute) // nothing is left of the start
				d.posts("hello")
				begun := time.Now()
				for !d.shows("hello") && time.Since(begun) < 5*time.Hour {
					time.Sleep(time.Second / 2)
				}
				if took, want := time.Since(begun), 3*test.want; took < want || took > want+2*time.Second {
					t.Errorf("shown after %v, want %v, log:\n%s", took, want, d.logs)
				}
				if strings.Contains(d.logs.String(), "telegram refuses a post") {
					t.Errorf("refused:\n%s", d.logs)
				}
				d.end()
			})
		})
	}
}

// TestPatienceOfAnEarlierVersion has a store in which a chat waits for years.
func TestPatienceOfAnEarlierVersion(t *testing.T) {
	for _, held := range []time.Duration{time.Hour, 24 * time.Hour, 1e9 * time.Second, 20 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, func(d *desk) {
				if err := d.bot.store.HoldChat(sms.ChatID(d.group), held); err != nil {
					t.Fatal(err)
				}
			})
			d.posts("hello")
			time.Sleep(min(held, telegram.MaxPatience) + 5*time.Second)
			if !d.shows("hello") {
				t.Errorf("held for %v, it still waits", held)
			}
			d.end()
		})
	}
}
