package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// keptConfirmed is how many confirmed updates are kept for Redeliver, keptWaiting how long those are that no bot has confirmed.
const (
	keptConfirmed = 1000
	keptWaiting   = 24 * time.Hour
)

// Update is an update as the tester sees it.
type Update struct {
	ID        int64     `json:"id"`
	At        time.Time `json:"at"`   // when it came about
	Kind      string    `json:"kind"` // "message", "callback_query", ...
	JSON      string    `json:"json"` // with update_id
	Confirmed bool      `json:"confirmed"`
	Lost      bool      `json:"lost,omitempty"` // not confirmed for a day: the bot never gets it any more
}

// updateQueue holds what the bot has not confirmed.
type updateQueue struct {
	next      int64
	waiting   []queued
	confirmed []Update
	changed   chan struct{}   // closed and renewed whenever the queue changes
	allowed   map[string]bool // nil is the default
	webhook   string
	poll      chan struct{} // closed when another poll or a webhook takes over; nil when nobody polls
	pollText  string        // why
	lastFrom  int64         // offset of the last poll, and when it began
	lastAt    time.Time
}

type queued struct {
	Update
	again bool // redelivered and not handed out yet: no offset confirms it
}

func (q *updateQueue) init() {
	q.next = 810000001
	q.changed = make(chan struct{})
	q.lastFrom = -1
}

func (q *updateQueue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// wants reports whether the bot asked for updates of this kind. Some come only when named.
func (q *updateQueue) wants(kind string) bool {
	if q.allowed == nil {
		return kind != "message_reaction" && kind != "message_reaction_count" && kind != "chat_member"
	}
	return q.allowed[kind]
}

// update queues an update for the bot, if it wants this kind.
func (s *Server) update(kind string, body any) {
	if !s.updates.wants(kind) || s.old && newUpdates[kind] {
		return
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("marshal %s: %v", kind, err)) // our own structs
	}
	s.updates.push(kind, fmt.Sprintf("%q:%s", kind, raw))
}

func (q *updateQueue) push(kind, fields string) int64 {
	id := q.next
	q.next++
	text := fmt.Sprintf(`{"update_id":%d,%s}`, id, fields)
	q.waiting = append(q.waiting, queued{Update: Update{ID: id, At: time.Now(), Kind: kind, JSON: text}})
	q.wake()
	return id
}

// confirm removes everything that an offset has passed.
func (q *updateQueue) confirm(offset int64) {
	if offset < 0 {
		if n := len(q.waiting) + int(offset); n > 0 {
			offset = q.waiting[n].ID
		} else {
			return
		}
	}
	if offset > q.next {
		return // from before ids started over: it says nothing about what waits
	}
	n := len(q.waiting)
	passed := func(u queued) bool { return !u.again && u.ID < offset }
	for len(q.waiting) > 0 && passed(q.waiting[0]) {
		q.keep(q.waiting[0].Update)
		q.waiting = q.waiting[1:]
	}
	if len(q.waiting) > 0 && q.waiting[0].again { // only redelivered updates stand before lower ones
		q.waiting = slices.DeleteFunc(q.waiting, func(u queued) bool {
			if passed(u) {
				q.keep(u.Update)
			}
			return passed(u)
		})
	}
	if len(q.waiting) != n {
		q.wake()
	}
}

// forget gives up what was not confirmed for a day.
func (q *updateQueue) forget(now time.Time) {
	q.waiting = slices.DeleteFunc(q.waiting, func(u queued) bool {
		if now.Sub(u.At) <= keptWaiting {
			return false
		}
		u.Lost = true
		q.keep(u.Update)
		return true
	})
}

// keep remembers a confirmed update for Redeliver, and that one was lost.
func (q *updateQueue) keep(u Update) {
	u.Confirmed = !u.Lost
	q.confirmed = append(q.confirmed, u)
	if extra := len(q.confirmed) - keptConfirmed; extra > keptConfirmed {
		q.confirmed = slices.Clone(q.confirmed[extra:])
	}
}

func (s *Server) getUpdates(req *request) (any, error) {
	q := &s.updates
	offset, _ := strconv.ParseInt(req.str("offset"), 10, 64)
	limit := req.int("limit")
	if limit <= 0 || limit > 100 {
		limit = 100
	}
	timeout := time.Duration(min(max(req.int("timeout"), 0), 50)) * time.Second
	mine := make(chan struct{})

	s.mu.Lock()
	if q.webhook != "" {
		s.mu.Unlock()
		return nil, conflict("can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
	}
	if q.poll != nil {
		q.pollText = "terminated by other getUpdates request; make sure that only one bot instance is running"
		close(q.poll)
	}
	q.poll = mine
	q.allow(req)
	now := time.Now()
	if offset == q.lastFrom && now.Sub(q.lastAt) < 500*time.Millisecond {
		limit = 1 // the real server does so for a bot that keeps dying of one update
	}
	q.lastFrom, q.lastAt = offset, now
	q.confirm(offset)
	q.forget(now)
	down := s.wentDown
	defer func() {
		if q.poll == mine {
			q.poll = nil
		}
		s.mu.Unlock()
	}()

	late := time.NewTimer(timeout)
	defer late.Stop()
	for len(q.waiting) == 0 && timeout > 0 {
		changed := q.changed
		s.mu.Unlock()
		over := false
		select {
		case <-changed:
		case <-late.C:
			over = true
		case <-mine:
			s.mu.Lock()
			return nil, conflict(q.pollText)
		case <-req.http.Context().Done():
			over = true
		case <-down:
			s.mu.Lock()
			return nil, errHangUp
		case <-s.closed:
			s.mu.Lock()
			return nil, errHangUp
		}
		s.mu.Lock()
		if over {
			break
		}
	}
	if q.poll != mine { // overtaken between the wake-up and the lock
		return nil, conflict(q.pollText)
	}
	batch := make([]json.RawMessage, 0, min(limit, len(q.waiting)))
	for i := range q.waiting {
		if len(batch) == limit {
			break
		}
		q.waiting[i].again = false
		batch = append(batch, json.RawMessage(q.waiting[i].JSON))
	}
	return batch, nil
}

// allow applies allowed_updates. What is not a list of strings leaves the list as it was, as on the real server.
func (q *updateQueue) allow(req *request) {
	var kinds []string
	if !req.has("allowed_updates") || json.Unmarshal([]byte(req.str("allowed_updates")), &kinds) != nil || kinds == nil {
		return
	}
	q.allowed = nil
	if len(kinds) > 0 {
		q.allowed = map[string]bool{}
		for _, k := range kinds {
			q.allowed[strings.ToLower(k)] = true
		}
	}
}

// allowedNames is the list as getWebhookInfo shows it.
func (q *updateQueue) allowedNames() []string {
	var names []string
	for k := range q.allowed {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

func (s *Server) setWebhook(req *request) (any, error) {
	url := req.str("url")
	if url != "" && !strings.HasPrefix(url, "https://") {
		return nil, bad("bad webhook: An HTTPS URL must be provided for webhook")
	}
	q := &s.updates
	q.allow(req)
	q.webhook = url
	if url != "" && q.poll != nil {
		q.pollText = "terminated by setWebhook request"
		close(q.poll)
		q.poll = nil
	}
	return s.dropPending(req)
}

func (s *Server) deleteWebhook(req *request) (any, error) {
	s.updates.webhook = ""
	return s.dropPending(req)
}

func (s *Server) dropPending(req *request) (any, error) {
	if req.bool("drop_pending_updates") {
		s.updates.waiting = nil
		s.updates.wake()
	}
	return true, nil
}

func (s *Server) getWebhookInfo(*request) (any, error) {
	s.updates.forget(time.Now())
	return struct {
		URL     string   `json:"url"`
		Custom  bool     `json:"has_custom_certificate"`
		Pending int      `json:"pending_update_count"`
		Allowed []string `json:"allowed_updates,omitempty"`
	}{s.updates.webhook, false, len(s.updates.waiting), s.updates.allowedNames()}, nil
}

// Updates returns the updates not yet confirmed and at least the last 1,000 confirmed or lost, oldest first.
func (s *Server) Updates() []Update {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.updates.forget(time.Now())
	all := slices.Clone(s.updates.confirmed)
	for _, u := range s.updates.waiting {
		all = append(all, u.Update)
	}
	return all
}

// RawUpdate sends the bot an update of any shape, whatever it asked for: a JSON object without update_id. It returns the update's id.
func (s *Server) RawUpdate(object string) (int64, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &fields); err != nil {
		return 0, fmt.Errorf("raw update: %w", err)
	}
	if fields["update_id"] != nil {
		return 0, errors.New("raw update: update_id is the server's to give")
	}
	delete(fields, "update_id")
	kind := ""
	for name := range fields {
		kind = name
	}
	inner := strings.TrimSpace(object)
	inner = strings.TrimSpace(inner[1 : len(inner)-1])
	if inner == "" {
		inner = `"nothing":null`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.updates.push(kind, inner), nil
}

// Redeliver sends the bot a confirmed update once more, under its old id, whatever offset the bot names.
func (s *Server) Redeliver(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &s.updates
	for i := len(q.confirmed) - 1; i >= 0; i-- {
		if u := q.confirmed[i]; u.ID == id && !u.Lost {
			u.Confirmed = false
			q.confirmed = slices.Delete(q.confirmed, i, i+1)
			q.waiting = slices.Insert(q.waiting, 0, queued{Update: u, again: true})
			q.wake()
			return nil
		}
	}
	return fmt.Errorf("redeliver update %d: not among the confirmed", id)
}

// SetNextUpdateID makes later updates count from id, perhaps lower than before, as Telegram does after a quiet week.
// No update may be waiting.
func (s *Server) SetNextUpdateID(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.updates.waiting); n > 0 {
		return fmt.Errorf("set next update id: %d updates are waiting", n)
	}
	s.updates.next = id
	return nil
}

// WaitConfirmed waits until the bot has confirmed every update.
func (s *Server) WaitConfirmed(ctx context.Context) error {
	for {
		s.mu.Lock()
		n, changed := len(s.updates.waiting), s.updates.changed
		s.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d updates to be confirmed: %w", n, ctx.Err())
		case <-s.closed:
			return errClosed
		}
	}
}

var errClosed = errors.New("telegram sandbox is closed")
