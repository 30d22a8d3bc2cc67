// Package sandboxtest is the world in which tests run a bridge: the sandbox's Telegram and panel, and a team that works with them. It knows
// no bridge: a test runs its own, in its process or beside it.
package sandboxtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// Patience bounds every wait. What tests wait for takes milliseconds unless the machine is busy.
const Patience = 30 * time.Second

// patienceInMemory is Patience where time is simulated: longer than a bridge waits for anything.
const patienceInMemory = time.Hour

// start is when worlds in memory begin: the clock of testing/synctest begins in a year in which there was no SMS panel.
var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// World is a Telegram and a panel with a team, for as long as the test runs. Its methods end the test when something goes wrong.
type World struct {
	testing.TB
	telegram.Team
	TG    *telegram.Server
	Panel *panel.Server

	TGURL, PanelURL string   // addresses of the two, once something listens there
	kind, path      string   // of the panel, and of PanelURL
	TGNet, PanelNet *Network // on which they do after Connect; else nil

	BridgeLog func() string // returns the bridge's log, shown when a wait fails; may be nil
}

// New returns a World that cannot be reached yet: see Listen and Connect.
func New(t testing.TB, tg telegram.Options, sms panel.Options) *World {
	w := &World{TB: t, TG: telegram.New(tg), Panel: panel.New(sms), kind: sms.Dialect.Kind(), path: sms.Dialect.Path()}
	w.Team = w.TG.AddTeam()
	t.Cleanup(func() {
		w.TG.Close()
		w.Panel.Close()
	})
	return w
}

// PanelPath is that of the panel's address.
func (w *World) PanelPath() string { return w.path }

// Listen opens a loopback port for each of the two.
func (w *World) Listen() {
	w.Helper()
	address, err := w.Panel.Start(OwnHost() + ":0")
	if err != nil {
		w.Fatal(err)
	}
	web := httptest.NewServer(w.TG)
	w.Cleanup(func() {
		w.TG.Close() // or the server would wait for long polls
		web.CloseClientConnections()
		web.Close()
	})
	w.TGURL, w.PanelURL = web.URL, address
}

// Connect puts the two on networks in memory, of which a bridge dials TGNet and PanelNet, for a test in a bubble of testing/synctest. There a wait
// costs nothing, and a busy machine only makes the test take longer.
func (w *World) Connect() {
	time.Sleep(time.Until(start))
	delay := func(int) time.Duration { return time.Millisecond } // what happens later is later by the clock, too
	w.TGNet, w.PanelNet = &Network{Handler: w.TG, Delay: delay}, &Network{Handler: w.Panel, Delay: delay}
	w.TGNet.Up()
	w.PanelNet.Up()
	w.Cleanup(func() {
		w.TG.Close() // or the network would wait for long polls
		w.TGNet.Close()
		w.PanelNet.Close()
		time.Sleep(time.Minute) // the ends of connections arrive
	})
	w.TGURL, w.PanelURL = "http://telegram.example", "http://panel.example"+w.path
}

// OwnHost returns a loopback host where nobody else is likely to listen: a port that is closed there stays free.
func OwnHost() string {
	if runtime.GOOS != "linux" { // where all of 127/8 is loopback
		return "127.0.0.1"
	}
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.N(254), rand.N(256), 1+rand.N(254))
}

// Environ returns the settings of a bridge in w. The group shows inbound SMS.
func (w *World) Environ() []string {
	login := []string{"SMS_API_USER=demo", "SMS_API_PASSWORD=demo-pass"}
	if w.kind != panel.Nusoap.Kind() {
		login = append(login, "SMS_PANEL="+w.kind, "SMS_API_KEY=demo-pass") // which of the two it asks for is its own affair
	}
	return append(login,
		"TELEGRAM_BOT_TOKEN="+w.TG.Token(), "TELEGRAM_API_URL="+w.TGURL,
		"SMS_API_URL="+w.PanelURL, "SMS_LINES=30001234,30005678",
		fmt.Sprintf("ADMIN_USERS=%d", w.Sara), fmt.Sprintf("ALLOWED_USERS=%d", w.Ali), fmt.Sprintf("INBOX_CHATS=%d", w.Group),
	)
}

// Soon returns a context that bounds a wait.
func (w *World) Soon() context.Context {
	patience := Patience
	if w.TGNet != nil {
		patience = patienceInMemory
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w.Cleanup(cancel)
	return ctx
}

// Says has somebody write, and returns the message's id.
func (w *World) Says(p telegram.Post) int {
	w.Helper()
	id, err := w.TG.Say(p)
	if err != nil {
		w.Fatal(err)
	}
	return id
}

// Sees waits for a message of the bot's in a chat that holds all the words, as it stands then, and returns it.
func (w *World) Sees(chat int64, words ...string) telegram.Message {
	w.Helper()
	return w.wait(chat, fmt.Sprintf("%q", words), func(m telegram.Message) bool {
		for _, word := range words {
			if !strings.Contains(m.Text, word) {
				return false
			}
		}
		return !m.Deleted
	})
}

// Asks has somebody write, and returns the bot's reply.
func (w *World) Asks(p telegram.Post) telegram.Message {
	w.Helper()
	id := w.Says(p)
	return w.wait(p.Chat, fmt.Sprintf("a reply to %q", p.Text), func(m telegram.Message) bool { return m.ReplyTo == id })
}

func (w *World) wait(chat int64, what string, match func(telegram.Message) bool) telegram.Message {
	w.Helper()
	m, err := w.TG.WaitMessage(w.Soon(), chat, func(m telegram.Message) bool { return m.FromBot && match(m) })
	if err != nil {
		log := ""
		if w.BridgeLog != nil {
			log = "\nlog:\n" + w.BridgeLog()
		}
		w.Fatalf("no message with %s in %d: %v\nit has:\n%s%s", what, chat, err, w.Transcript(chat), log)
	}
	return m
}

// Transcript returns what was said in a chat, a line a message.
func (w *World) Transcript(chat int64) string {
	var lines []string
	for _, m := range w.TG.Messages(chat) {
		lines = append(lines, fmt.Sprintf("%d %d>%d %v %q", m.ID, m.From, m.ReplyTo, m.Reactions, m.Text))
	}
	return strings.Join(lines, "\n")
}

// Presses has somebody press the button with that label under m, and returns what they are told.
func (w *World) Presses(by int64, m telegram.Message, label string) telegram.Answer {
	w.Helper()
	data, ok := m.Button(label)
	if !ok {
		w.Fatalf("no button %q under %q: %v", label, m.Text, m.Buttons)
	}
	return w.PressesData(by, m, data)
}

// PressesData is Presses for a button with that data, which need not exist any more.
func (w *World) PressesData(by int64, m telegram.Message, data string) telegram.Answer {
	w.Helper()
	q, err := w.TG.Press(by, m.Chat, m.ID, data)
	if err != nil {
		w.Fatal(err)
	}
	answer, err := q.Wait(w.Soon())
	if err != nil {
		w.Fatalf("button %q is not answered: %v", data, err)
	}
	return answer
}
