package store

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"peyk/sms"
)

var seed = flag.Uint64("seed", 0, "of TestRandomOperationsAndCrashes; 0 for one of the clock")

// world is what the panel, Telegram and the team know while the store is killed again and again.
type world struct {
	*testing.T
	*rand.Rand
	path   string
	clock  *clock
	opts   Options
	s      *Store
	chats  []sms.ChatID
	update sms.ChatMessageID
	texts  int

	lost     int                           // fetches killed between marker and answer
	stored   map[string]bool               // texts the store said it has
	shown    map[sms.ChatID]map[string]int // how often a chat showed a text
	last     map[sms.ChatID]Seq            // the last SMS a chat showed for the first time
	refused  map[string]bool
	bears    map[BatchID]string // the mark on a reply
	orders   map[UpdateKey]BatchID
	to       map[BatchID]int   // recipients of an order
	requests map[BatchID][]int // a piece's requests that may have reached the panel
	again    map[BatchID]int   // decisions to send again
}

// TestRandomOperationsAndCrashes does what may happen in any order, kills the store in between, and compares what came of it with
// what left the process.
func TestRandomOperationsAndCrashes(t *testing.T) {
	first, rounds := *seed, uint64(1)
	if first == 0 {
		first, rounds = uint64(time.Now().UnixNano()), 4
	}
	for seed := first; seed < first+rounds; seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			c := newClock()
			w := &world{
				T: t, Rand: rand.New(rand.NewPCG(seed, 1)), path: tempFile(t), clock: c, opts: c.options(), chats: []sms.ChatID{group, -1002, 88},
				stored: map[string]bool{}, shown: map[sms.ChatID]map[string]int{}, last: map[sms.ChatID]Seq{}, refused: map[string]bool{}, bears: map[BatchID]string{},
				orders: map[UpdateKey]BatchID{}, to: map[BatchID]int{}, requests: map[BatchID][]int{}, again: map[BatchID]int{},
			}
			w.opts.Admins, w.opts.Keep, w.opts.AskFor = []sms.AgentID{admin}, 10*time.Minute, 3*time.Minute // of about fifty that pass
			w.opts.RemindAfter, w.opts.EscalateAfter = time.Minute, 2*time.Minute
			w.s = open(t, w.path, w.opts)
			operations := []func(){w.fetch, w.fetch, w.order, w.order, w.send, w.send, w.send, w.decide, w.followUp, w.post, w.post, w.post, w.mark, w.mark, w.settings, w.loseChat, w.migrate, w.reopen, w.prune, w.expire, w.waits, w.waits}
			for range 150 {
				operations[w.IntN(len(operations))]()
				w.clock.pass(time.Duration(w.IntN(40)) * time.Second)
			}
			w.drain()
		})
	}
}

// dies kills the store one time in ten and tells so.
func (w *world) dies() bool {
	if w.IntN(10) != 0 {
		return false
	}
	crash(w, w.s)
	w.start()
	return true
}

func (w *world) reopen() {
	must(w, w.s.Check())
	must(w, w.s.Close())
	w.start()
}

func (w *world) start() {
	w.s = open(w, w.path, w.opts)
	for _, r := range ok(w.s.Undecoded()) {
		w.decode(r.ID, string(r.Body))
	}
}

// prune takes a few steps; what anybody asks for afterwards must still be there.
func (w *world) prune() {
	for range w.IntN(20) {
		_, _, err := w.s.Prune(1 + w.IntN(50))
		must(w, err)
		w.dies()
	}
}

func (w *world) expire() {
	ok(w.s.Expire())
	w.dies()
}

// waits has agents say who waits no more, or later, and has those reminded who do.
func (w *world) waits() {
	c := sms.Conversation{Line: []sms.Number{line, line2}[w.IntN(2)], Customer: ali}
	w.update++
	k := UpdateKey{Chat: group, Message: w.update}
	before, snoozed := ok2(w.s.Waits(c))
	switch w.IntN(4) {
	case 0:
		ok(w.s.Take(k, Caused{Done: &c}))
		before, snoozed = 0, false
	case 1:
		ok(w.s.Take(k, Caused{Snooze: &c, Until: w.clock.now().Add(time.Duration(1+w.IntN(5)) * time.Minute)}))
		before, snoozed = 0, before > 0 || snoozed
	case 2:
		for ok(w.s.Remind()) == 0 {
		}
	default:
		ok(w.s.EndSnoozes())
		return
	}
	w.dies()
	if n, later := ok2(w.s.Waits(c)); n != before || later != snoozed {
		w.Errorf("%d wait, snoozed %t; want %d, %t", n, later, before, snoozed)
	}
}

func (w *world) chat() sms.ChatID { return w.chats[w.IntN(len(w.chats))] }

func (w *world) fetch() {
	must(w, w.s.BeginFetch())
	if w.dies() {
		w.lost++
		return
	}
	if w.IntN(4) == 0 {
		must(w, w.s.EndFetch(nil))
		return
	}
	var body []string
	for range 1 + w.IntN(5) {
		w.texts++
		body = append(body, fmt.Sprintf("%d %s", w.texts, []sms.Number{line, line2}[w.IntN(2)]))
	}
	raw := ok(w.s.SaveRaw(Raw{Body: []byte(strings.Join(body, "\n"))}))
	if !w.dies() {
		w.decode(raw, strings.Join(body, "\n"))
	}
}

func (w *world) decode(raw uint64, body string) {
	var all []sms.Message
	for text := range strings.Lines(body) {
		text = strings.TrimSpace(text)
		all = append(all, toLine(sms.Number(strings.Fields(text)[1]), unread(w.clock, text))...)
	}
	if got := ok(w.s.SaveUnread(raw, all, nil)); got != len(all) {
		w.Errorf("%d of %d SMS are new", got, len(all))
	}
	for _, m := range all {
		w.stored[m.Text] = true
	}
	if w.IntN(5) == 0 { // the panel does not mark as read
		if got := ok(w.s.SaveUnread(ok(w.s.SaveRaw(Raw{Body: []byte("again 0")})), all, nil)); got != 0 {
			w.Errorf("%d SMS of the same answer are new", got)
		}
	}
}

func (w *world) order() {
	w.update++
	chat := w.chat()
	to := 1 + w.IntN(150)
	o := order(numbers(to)...)
	o.Chat, o.Ask, o.Reply = chat, w.IntN(3) == 0, w.IntN(2) == 0
	k := UpdateKey{Chat: chat, Message: w.update}
	id := ok(w.s.Take(k, Caused{Order: o}))
	w.dies()
	if _, err := w.s.Take(k, Caused{Order: o}); !errors.Is(err, ErrTaken) {
		w.Errorf("given again: %v", err)
	}
	w.orders[k], w.to[id] = id, to
}

func (w *world) send() {
	all := queued(w, w.s)
	if len(all) == 0 {
		return
	}
	p := ok(w.s.Reserve(all[0], "", false))
	for len(w.requests[p.Batch]) <= p.I {
		w.requests[p.Batch] = append(w.requests[p.Batch], 0)
	}
	if w.IntN(5) == 0 {
		must(w, w.s.Requeue(p, w.clock.now().Add(time.Minute)))
		return
	}
	w.requests[p.Batch][p.I]++
	if w.dies() {
		return
	}
	switch w.IntN(4) {
	case 0:
		must(w, w.s.Uncertain(p))
	case 1:
		must(w, w.s.Refuse(p, "no credit", "-3"))
	case 2:
		must(w, w.s.Sent(p, nil, []sms.ID{"1"}))
	default:
		must(w, w.s.Sent(p, accepted(p), nil))
	}
}

func (w *world) decide() {
	for _, b := range ok(w.s.Batches(w.chat(), 5)) {
		d := []Decision{Send, Cancel, Again, WasSent, Leave}[w.IntN(5)]
		now := ok(w.s.Batch(b.ID))
		_, err := w.s.Decide(b.ID, b.Generation-w.IntN(2), d, "Ali")
		switch {
		case errors.Is(err, ErrDecided), errors.Is(err, ErrExpired):
		case err != nil:
			w.Errorf("decide: %v", err)
		case d == Again && now.Uncertain > 0:
			w.again[b.ID]++
		}
	}
}

func (w *world) followUp() {
	due, _, err := w.s.Due(50)
	must(w, err)
	var reports []Report
	for _, m := range due {
		reports = append(reports, []said{silent, silent, underWay, atTelecom, delivered, trouble, notReached, blackList}[w.IntN(8)].of(m.Seq))
	}
	must(w, w.s.SetDelivery(reports))
	for _, m := range due {
		now := ok(w.s.SMS(m.Seq))
		must(w, w.s.SetDelivery([]Report{atTelecom.of(m.Seq)}))
		if after := ok(w.s.SMS(m.Seq)); now.final() && after != now {
			w.Errorf("final %+v became %+v", now, after)
		}
	}
}

func (w *world) post() {
	for _, p := range heads(w, w.s) {
		if w.IntN(20) == 0 && p.Digest == 0 {
			must(w, w.s.SetAside(p, "Bad Request"))
			if p.Kind == PostSMS {
				w.refused[ok(w.s.SMS(p.Seq)).Text] = true
			}
			continue
		}
		if !w.postOne(p, w.dies) {
			return
		}
	}
}

func (w *world) mark() {
	heads, _, err := w.s.Marks(1+w.IntN(3), func(sms.ChatID) bool { return w.IntN(4) != 0 })
	must(w, err)
	for _, p := range heads {
		switch w.IntN(20) {
		case 0:
			must(w, w.s.MarkRefused(p, w.IntN(3) == 0))
		case 1:
			must(w, w.s.HoldMarks(p, w.clock.now().Add(time.Minute)))
		default:
			if !w.markOne(p, w.dies) {
				return
			}
		}
	}
}

// markOne shows p, unless the store dies when Telegram has it and it does not know.
func (w *world) markOne(p Post, dies func() bool) bool {
	emoji := ok(w.s.Batch(p.Batch)).Mark()
	w.bears[p.Batch] = emoji
	if dies() {
		return false
	}
	must(w, w.s.Marked(p, emoji))
	return true
}

// postOne shows p, or a few SMS from p on in one message, unless the store dies when Telegram has them and it does not know.
func (w *world) postOne(p Post, dies func() bool) bool {
	w.update++
	if p.Digest == 0 && (p.Kind != PostSMS || w.IntN(2) == 0) {
		w.show(p)
		if dies() {
			return false
		}
		must(w, w.s.Posted(p, w.update, false))
		return true
	}
	several := ok(w.s.ToShow(p, 1+w.IntN(4), 0, time.Time{})).Posts
	if p.Digest == 0 {
		must(w, w.s.BeginDigest(several, false))
	}
	for _, q := range several {
		q.Repeated = p.Repeated // the message says it of all
		w.show(q)
	}
	if dies() {
		return false
	}
	must(w, w.s.DigestPosted(several, 0, w.update))
	return true
}

// show is what a chat sees of p.
func (w *world) show(p Post) {
	if p.Kind != PostSMS {
		return
	}
	texts := w.shown[p.Chat]
	if texts == nil {
		texts = map[string]int{}
		w.shown[p.Chat] = texts
	}
	m := ok(w.s.SMS(p.Seq))
	if texts[m.Text] > 0 && !p.Repeated {
		w.Errorf("chat %d: SMS %d is shown again and does not say so", p.Chat, p.Seq)
	}
	if texts[m.Text]++; texts[m.Text] == 1 {
		if p.Seq < w.last[p.Chat] {
			w.Errorf("chat %d: SMS %d is shown after %d", p.Chat, p.Seq, w.last[p.Chat])
		}
		w.last[p.Chat] = p.Seq
	}
}

func (w *world) settings() {
	w.update++
	lines := [][]sms.Number{nil, {line}, {line2}}[w.IntN(3)]
	hide := w.IntN(3) == 0
	ok(w.s.Take(UpdateKey{Chat: w.chat(), Message: w.update}, Caused{EditChat: func(c *Chat) {
		c.Inboxes = []Inbox{{Lines: lines}}
		if hide {
			c.Inboxes = nil
		}
	}}))
}

func (w *world) loseChat() {
	if chat := w.chat(); w.IntN(2) == 0 {
		must(w, w.s.ChatLost(chat, "kicked"))
	} else {
		must(w, w.s.ChatFound(chat))
	}
}

// migrate makes a supergroup of the first chat; the old one's showings count for it.
func (w *world) migrate() {
	if w.IntN(8) != 0 {
		return
	}
	from := w.chats[0]
	to := from - 1000
	must(w, w.s.MigrateChat(from, to))
	w.chats[0] = to
	w.shown[to], w.last[to] = w.shown[from], w.last[from]
}

// drain lets everything come to its end and compares.
func (w *world) drain() {
	for _, chat := range append(w.chats, admin) {
		must(w, w.s.ChatFound(chat))
	}
	w.update++
	ok(w.s.Take(UpdateKey{Chat: w.chats[0], Message: w.update}, Caused{EditChat: func(c *Chat) { c.Inboxes = []Inbox{{}, {Lines: []sms.Number{line, line2}}} }}))
	w.clock.pass(time.Hour)
	ok(w.s.Expire())
	for len(queued(w, w.s)) > 0 {
		w.send()
		w.clock.pass(time.Minute)
	}
	never := func() bool { return false }
	for all := marksDue(w, w.s); len(all) > 0; all = marksDue(w, w.s) {
		for _, p := range all {
			w.markOne(p, never)
		}
	}
	for all := heads(w, w.s); len(all) > 0; all = heads(w, w.s) {
		for _, p := range all {
			w.postOne(p, never)
		}
	}
	if unrouted, queued, _ := w.s.Waiting(); unrouted != 0 || queued != 0 {
		w.Errorf("%d posts wait for a chat, %d in one", unrouted, queued)
	}
	for text := range w.stored {
		n := 0
		for _, texts := range w.shown {
			n += texts[text]
		}
		if n == 0 && !w.refused[text] {
			w.Errorf("SMS %q was never shown", text)
		}
	}
	lost := 0
	for _, i := range ok(w.s.Incidents()) {
		if n, _, _ := i.Fetches(); i.Loss() {
			lost += n
		}
	}
	if lost != w.lost {
		w.Errorf("incidents tell of %d lost fetches, %d were lost", lost, w.lost)
	}
	for id, pieces := range w.requests {
		for i, n := range pieces {
			if n > 1+w.again[id] {
				w.Errorf("piece %d of batch %d was requested %d times, %d decisions said again", i, id, n, w.again[id])
			}
		}
	}
	must(w, w.s.view(func(t *tx) error {
		forever := func(p Piece) (bool, error) {
			w.Errorf("piece %d of batch %d is %s for ever", p.I, p.Batch, p.State)
			return true, nil
		}
		return errors.Join(t.pieces(bucketOutbox, 0, forever), t.pieces(bucketAsking, 0, forever))
	}))
	batches := map[BatchID]bool{}
	for _, id := range w.orders {
		if batches[id] {
			w.Errorf("two commands gave batch %d", id)
		}
		batches[id] = true
		// Unless it, or a part of its recipients, is forgotten, or it stayed behind in a group, a reply bears what became of it.
		if b, err := w.s.Batch(id); err == nil && b.Reply && !b.Unmarked && b.N == w.to[id] && w.bears[id] != b.Mark() {
			w.Errorf("the reply of batch %d bears %q, want %q", id, w.bears[id], b.Mark())
		}
	}
	crash(w, w.s)
	open(w, w.path, w.opts)
}
