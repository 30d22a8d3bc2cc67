package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// live sends the page what there is and what happens, as server-sent events:
//
//	begin   which sandbox it is, who is who, our lines, and all messages so far
//	chat    a telegram.Event, when it happens
//	sms     the SMS on phones that are new or changed, as a list of phoneSMS; at first all
//	state   everything else, whenever some of it changes
//
// A page that lost its connection starts over.
type live struct {
	tg     *telegram.Server
	sms    *panel.Server
	bridge *bridge

	// world tells this sandbox from one that was at the same address before.
	world string
	// named are the ids of those there are at the beginning, by their English names.
	named map[string]int64

	mu    sync.Mutex
	asked chan struct{} // closed and replaced whenever somebody does something to the sandbox
}

// phoneSMS is an SMS as its customer's phone shows it.
type phoneSMS struct {
	Key      string    `json:"key"` // the same for the same SMS
	Customer string    `json:"customer"`
	Line     string    `json:"line"`
	Text     string    `json:"text"`
	At       time.Time `json:"at"`
	Written  string    `json:"written,omitempty"` // by the customer: "unread", "fetched", "lost" or "shown"
	Status   int       `json:"status,omitempty"`  // the panel's, of one of ours
}

// liveState is what the page shows besides messages and SMS.
type liveState struct {
	Users    []telegram.User     `json:"users"`
	Chats    []telegram.ChatInfo `json:"chats"`
	Panel    panel.State         `json:"panel"`
	Telegram telegramState       `json:"telegram"`
	Bridge   bridgeState         `json:"bridge"`
	Counts   counts              `json:"counts"`
	Clock    clockState          `json:"clock"`
}

type telegramState struct {
	Down   bool             `json:"down"`
	Faults []telegram.Fault `json:"faults"`
}

const (
	// lookAfter is how long events are gathered before everything is looked at again.
	lookAfter = 50 * time.Millisecond
	// lookShare bounds the time spent looking, which grows with what there is, to one part in this many.
	lookShare = 5
	// lookEvery is how often to look although no event came: a fault may have struck, the bridge may have died.
	lookEvery = time.Second
)

// notify makes every page look at once.
func (l *live) notify() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.asked)
	l.asked = make(chan struct{})
}

func (l *live) rung() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

func (l *live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	chats, panels := l.tg.Watch(r.Context()), l.sms.Watch(r.Context())
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	send := func(event string, v any) error {
		body, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, body); err != nil {
			return err
		}
		return out.Flush()
	}

	err := send("begin", map[string]any{"world": l.world, "named": l.named, "lines": lines, "messages": l.messages()})
	var last []byte
	told := map[string]phoneSMS{}
	look := func() error {
		rows, state := l.snapshot()
		var changed []phoneSMS
		for _, row := range rows {
			if told[row.Key] != row {
				told[row.Key] = row
				changed = append(changed, row)
			}
		}
		if len(changed) > 0 {
			if err := send("sms", changed); err != nil {
				return err
			}
		}
		now, err := json.Marshal(state)
		if err != nil || bytes.Equal(now, last) {
			return err
		}
		last = now
		return send("state", json.RawMessage(now))
	}
	if err == nil {
		err = look()
	}

	asked := l.rung()
	next := time.NewTimer(lookEvery)
	defer next.Stop()
	soon, pause := false, lookAfter
	hurry := func() {
		if !soon {
			soon = true
			next.Reset(pause)
		}
	}
	for err == nil {
		select {
		case e, ok := <-chats:
			if !ok {
				return
			}
			err = send("chat", e)
			hurry()
		case _, ok := <-panels:
			if !ok {
				return
			}
			hurry()
		case <-asked:
			asked = l.rung()
			hurry()
		case <-next.C:
			soon = false
			begun := time.Now()
			err = look()
			pause = max(lookAfter, (lookShare-1)*time.Since(begun))
			next.Reset(lookEvery)
		}
	}
}

// messages returns all messages of all chats.
func (l *live) messages() []telegram.Message {
	all := []telegram.Message{}
	for _, c := range l.tg.Chats() {
		all = append(all, l.tg.Messages(c.ID)...)
	}
	return all
}

// showing reports whether the last SMS of a customer is so new that it may still be on its way into a chat.
func (l *live) showing() bool {
	inbox := l.sms.Inbox()
	n := len(inbox)
	return n > 0 && l.sms.Now().Sub(inbox[n-1].At) < lastPatience && !findShown(inbox, l.messages())[n-1]
}

// snapshot returns what there is now. The order matters: what is shown must have been written, what is accepted must have been asked.
func (l *live) snapshot() ([]phoneSMS, liveState) {
	messages := l.messages()
	inbox := l.sms.Inbox()
	requests := l.sms.Requests()
	sent := l.sms.Sent()
	shown := findShown(inbox, messages)
	state := liveState{
		Users: l.tg.Users(), Chats: l.tg.Chats(), Panel: l.sms.State(),
		Telegram: telegramState{l.tg.Down(), append([]telegram.Fault{}, l.tg.Armed()...)},
		Counts:   count(inbox, shown, requests, sent),
	}
	if l.bridge != nil {
		state.Bridge, state.Clock = l.bridge.current(), l.bridge.clock()
	}
	var rows []phoneSMS
	for i, m := range inbox {
		row := phoneSMS{Key: fmt.Sprint("in", i), Customer: m.Customer, Line: m.Line, Text: m.Text, At: m.At, Written: "unread"}
		switch {
		case shown[i]:
			row.Written = "shown"
		case m.Lost:
			row.Written = "lost"
		case m.Fetched:
			row.Written = "fetched"
		}
		rows = append(rows, row)
	}
	for _, m := range sent {
		rows = append(rows, phoneSMS{Key: m.ID, Customer: m.Customer, Line: m.Line, Text: m.Text, At: m.At, Status: m.Status})
	}
	return rows, state
}
