package crash

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"peyk/internal/play"
	"peyk/sandbox/panel"
	"peyk/sms"
	"peyk/store"
)

// imagesEach is how many losses of power one trace is tried with.
const imagesEach = 1000

// TestPowerLoss rebuilds, from a trace of the bridge's system calls, what a loss of power may leave of the file at many moments, and
// looks whether anything that had left the process by then is missing in it. SIGKILL cannot show that: it leaves the page cache.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("CI") == "true" { // where nobody reads what was skipped
			t.Fatalf("no image of a loss of power can be tried: %v", err)
		}
		t.Skipf("no image of a loss of power was tried: %v", err)
	}
	images := number(t, "PEYK_IMAGES", 300)
	if testing.Short() {
		images = 30
	}
	seed := uint64(number(t, "PEYK_SEED", 0))
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	begun, violations, traces := time.Now(), 0, 0
	for left := images; left > 0 && !t.Failed(); left -= imagesEach {
		violations += tryImages(t, newWorld(t, seed), min(left, imagesEach))
		seed++
		traces++
	}
	t.Logf("%d images of %d traces, %d violations, %s", images, traces, violations, time.Since(begun).Round(time.Second))
}

// tryImages traces one bridge and checks n images of its file. It returns how many break I10 or I9.
func tryImages(t testing.TB, w *world, n int) (violations int) {
	w.Remembers = true // what is forgotten looks as if the cut had taken it
	tr := w.trace()
	moments := make([]int, n)
	for i := range moments {
		moments[i] = tr.moment(w.Rand)
	}
	slices.Sort(moments)
	path := filepath.Join(play.InMemory(t), "image.db")
	for _, at := range moments {
		how, image := tr.image(at, w.Rand)
		if err := os.WriteFile(path, image, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := w.checkImage(path, tr, at); err != nil {
			t.Errorf("seed %d, power lost at line %d of the trace, %s: %v", w.seed, at, how, err)
			if violations++; violations > 5 {
				return violations
			}
		}
	}
	return violations
}

func (w *world) checkImage(path string, tr *trace, at int) (err error) {
	defer func() {
		if fault := recover(); fault != nil { // bbolt does not expect a page that cannot be
			err = fmt.Errorf("the file cannot be read: %v", fault)
		}
	}()
	st, err := store.Open(path, w.StoreOptions())
	if err != nil {
		return err
	}
	defer st.Close()
	w.Mu.Lock()
	happened := w.Past
	w.Mu.Unlock()
	return errors.Join(st.Check(), I10(&loss{w, happened, st, tr.clock(at), slices.DeleteFunc(slices.Clone(tr.requests), func(r request) bool { return r.left >= at })}))
}

// trace is what a bridge did with its file and what it said to the networks. Moments are lines of the trace.
type trace struct {
	times    []time.Time // of each line
	writes   []fileWrite // of the file, in order
	syncs    []stretch
	requests []request

	// What image has come to: the first durable of writes are in base.
	base    []byte
	durable int
}

// stretch is a system call from its first to its last line; it is not over while end is 0.
type stretch struct{ begin, end int }

type fileWrite struct {
	stretch
	offset int64
	data   []byte
	size   int64 // of a truncation; -1 of a write
}

// request is what the bridge asked one of the networks.
type request struct {
	left   int // when the last of it was written
	path   string
	body   string
	method string // of either network
}

// trace runs the bridge under strace while people and networks play, and kills it.
func (w *world) trace() *trace {
	w.Helper()
	path := filepath.Join(w.TempDir(), "trace") // it is long
	ended, held, err := os.Pipe()
	if err != nil {
		w.Fatal(err)
	}
	// The tracer is not the parent (-D), so that to kill the process we started is to kill the bridge. It holds a pipe open until it
	// has written everything.
	command := exec.Command("strace", "-D", "-f", "-ttt", "-xx", "-yy", "-s", "1048576",
		"-e", "trace=pwrite64,write,ftruncate,fdatasync,fsync", "-e", "signal=none", "-o", path, w.program)
	command.ExtraFiles = []*os.File{held}
	w.Mu.Lock()
	w.idle = 150
	w.fail()
	w.Mu.Unlock()
	w.startAs(command)
	held.Close()
	var over <-chan time.Time // once it is heard of: on a busy machine a traced program takes its time to come so far
	late := time.After(patience)
	for playing := true; playing; {
		select {
		case <-w.changed:
			w.Mu.Lock()
			playing = w.idle > 0
			if over == nil && w.heard.After(w.bridge.started) {
				over = time.After(2 * life)
			}
			w.Mu.Unlock()
		case <-late:
			w.Fatalf("the bridge is not heard of:\n%s", logTail(w.dir, 20))
		case <-w.bridge.gone:
			w.Fatalf("the bridge ended by itself: %v\n%s", w.bridge.state, logTail(w.dir, 20))
		case <-over:
			playing = false
		}
	}
	w.bridge.kill()
	if _, err := io.ReadAll(ended); err != nil {
		w.Fatal(err)
	}
	w.mend()
	w.arrived()
	tr, err := w.readTrace(path)
	if err != nil {
		w.Fatal(err)
	}
	if len(tr.writes) == 0 || len(tr.syncs) == 0 || len(tr.requests) == 0 {
		w.Fatalf("the trace has %d writes, %d syncs, %d requests", len(tr.writes), len(tr.syncs), len(tr.requests))
	}
	return tr
}

var (
	callLine    = regexp.MustCompile(`^(\d+) +\d+\.\d+ (\w+)\(\d+<(.*?)>(?:, |\)| )`)
	resumedLine = regexp.MustCompile(`^(\d+) +\d+\.\d+ <\.\.\. \w+ resumed>`)
)

// readTrace reads what strace wrote: a call to a line, or two when another thread's came in between.
func (w *world) readTrace(path string) (*trace, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	tr := &trace{}
	streams := map[string]*stream{}
	open := map[string]*stretch{} // by thread
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	var writes, syncs []*stretch // whose ends come later
	for n := 0; lines.Scan(); n++ {
		line := lines.Text()
		fields := strings.Fields(line[:min(len(line), 60)])
		if len(fields) < 3 {
			return nil, fmt.Errorf("line %d of the trace: %.100q", n, line)
		}
		at, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			return nil, fmt.Errorf("line %d of the trace: %w", n, err)
		}
		tr.times = append(tr.times, time.UnixMicro(int64(at*1e6)))
		head := line[:min(len(line), 2000)]
		if found := resumedLine.FindStringSubmatch(head); found != nil {
			if s := open[found[1]]; s != nil {
				s.end = n
				delete(open, found[1])
			}
			continue
		}
		found := callLine.FindStringSubmatch(head)
		if found == nil {
			continue // of the end of threads
		}
		thread, call, file, args := found[1], found[2], found[3], line[len(found[0]):]
		s := &stretch{begin: n, end: n}
		if strings.HasSuffix(line, "<unfinished ...>") {
			s.end = 0
			open[thread] = s
		}
		if name, err := unhex(file); err == nil { // as paths are, and addresses are not
			file = string(name)
		}
		onFile := strings.HasSuffix(file, "/peyk.db")
		var data []byte
		if quoted, ok := strings.CutPrefix(args, `"`); ok {
			quoted, args, _ = strings.Cut(quoted, `", `)
			if data, err = unhex(quoted); err != nil {
				return nil, fmt.Errorf("line %d of the trace: %w", n, err)
			}
		}
		var numbers []int64
		for _, s := range strings.FieldsFunc(args, func(r rune) bool { return r == ',' || r == ')' || r == ' ' }) {
			i, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				break // = and the result
			}
			numbers = append(numbers, i)
		}
		switch {
		case onFile && (call == "fdatasync" || call == "fsync"):
			syncs = append(syncs, s)
		case onFile && call == "ftruncate" && len(numbers) == 1:
			tr.writes = append(tr.writes, fileWrite{size: numbers[0]})
			writes = append(writes, s)
		case onFile && call == "pwrite64" && len(numbers) == 2 && int(numbers[0]) == len(data):
			tr.writes = append(tr.writes, fileWrite{offset: numbers[1], data: data, size: -1})
			writes = append(writes, s)
		case onFile:
			return nil, fmt.Errorf("line %d of the trace: a %s of the file that is not understood", n, call)
		case strings.HasPrefix(file, "TCP:["):
			if streams[file] == nil {
				streams[file] = &stream{}
			}
			tr.requests = append(tr.requests, streams[file].add(data, n)...)
		}
	}
	for i, s := range writes {
		tr.writes[i].stretch = *s
	}
	for _, s := range syncs {
		tr.syncs = append(tr.syncs, *s)
	}
	return tr, lines.Err()
}

// unhex reads a string of \x00.
func unhex(s string) ([]byte, error) { return hex.DecodeString(strings.ReplaceAll(s, `\x`, "")) }

// stream is what is written to one connection.
type stream struct{ buffer []byte }

// add takes what was written and returns the requests it completes.
func (s *stream) add(data []byte, line int) (done []request) {
	s.buffer = append(s.buffer, data...)
	for {
		reader := bytes.NewReader(s.buffer)
		buffered := bufio.NewReader(reader)
		r, err := http.ReadRequest(buffered)
		if err != nil {
			return done
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return done
		}
		s.buffer = s.buffer[len(s.buffer)-reader.Len()-buffered.Buffered():]
		method := strings.Trim(r.Header.Get("SOAPAction"), `"`)
		if i := strings.LastIndexAny(method, "/#"); method != "" && i >= 0 {
			method = method[i+1:]
		}
		if method == "" {
			method = r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		}
		done = append(done, request{line, r.URL.Path, string(body), method})
	}
}

// clock returns the time of a line.
func (tr *trace) clock(line int) time.Time { return tr.times[min(line, len(tr.times)-1)] }

// moment chooses when the power goes: just after something was said, in the middle of a sync, or anywhere; not before the file
// was there, when nothing had been said.
func (tr *trace) moment(r *rand.Rand) int {
	first := tr.syncs[0].end + 1
	switch r.IntN(4) {
	case 0, 1:
		return max(first, tr.requests[r.IntN(len(tr.requests))].left+1)
	case 2:
		return max(first, tr.syncs[r.IntN(len(tr.syncs))].begin+1)
	}
	return first + r.IntN(len(tr.times)-first)
}

// image returns what the file may be after the power was lost, and in words what was lost. Moments must not go back from one
// call to the next.
func (tr *trace) image(at int, r *rand.Rand) (string, []byte) {
	synced := -1 // all that was written before is durable
	for _, s := range tr.syncs {
		if s.end != 0 && s.end < at {
			synced = max(synced, s.begin)
		}
	}
	for tr.durable < len(tr.writes) && tr.writes[tr.durable].end != 0 && tr.writes[tr.durable].end < synced {
		tr.base = tr.writes[tr.durable].apply(tr.base, nil)
		tr.durable++
	}
	image := slices.Clone(tr.base)
	way := r.IntN(4)
	pending, kept, torn := 0, 0, 0
	for _, x := range tr.writes[tr.durable:] {
		if x.begin >= at {
			break
		}
		pending++
		if way == 0 || way > 1 && r.IntN(2) == 0 {
			continue
		}
		kept++
		var sectors func() bool
		if way == 3 && r.IntN(3) == 0 {
			torn++
			sectors = func() bool { return r.IntN(2) == 0 }
		}
		image = x.apply(image, sectors)
	}
	return fmt.Sprintf("%d writes not synced, %d of them there, %d torn", pending, kept, torn), image
}

// apply carries out a write, of every sector or of those that sectors says.
func (x fileWrite) apply(file []byte, sectors func() bool) []byte {
	end := x.offset + int64(len(x.data))
	if x.size >= 0 {
		end = x.size
		file = file[:min(int64(len(file)), end)]
	}
	if grow := end - int64(len(file)); grow > 0 {
		file = append(file, make([]byte, grow)...)
	}
	if x.size >= 0 {
		return file
	}
	const sector = 512
	for i := 0; i < len(x.data); i += sector {
		if sectors == nil || sectors() {
			copy(file[x.offset+int64(i):], x.data[i:min(i+sector, len(x.data))])
		}
	}
	return file
}

// loss is the store after a loss of power and what had been said before it.
type loss struct {
	*world
	play.Past
	store    *store.Store
	at       time.Time
	requests []request
}

// I10: no post and no send left before the commit it depends on, so that after a loss of power nothing the panel or Telegram was told is
// missing; and what the panel had handed out is there, or an incident is.
func I10(l *loss) error {
	var wrong []error
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }

	stored, away := map[int]bool{}, map[string][]store.SMS{} // SMS of customers; texts of nobody's order, by recipient
	var failed error
	for seq := store.Seq(1); ; seq++ {
		m, err := l.store.SMS(seq)
		if err != nil {
			failed = err
			break
		}
		if m.Direction == sms.Inbound {
			stored[play.NumberOf(m.Text)] = true
			continue
		}
		b, err := l.store.Batch(m.Batch)
		if err != nil {
			return err
		}
		if b.Text == play.AwayText {
			away[string(m.Customer)] = append(away[string(m.Customer)], m)
		}
	}
	if !errors.Is(failed, store.ErrNotFound) {
		return failed
	}
	raw, err := l.store.Undecoded()
	if err != nil {
		return err
	}
	_, counted, err := play.Losses(l.store)
	if err != nil {
		return err
	}
	// What is not stored is in an answer that is there, in one that was spoilt, or in the last: each is told of once.
	var asked []play.Call
	seen := &play.Evidence{World: l.World, Past: l.Past, Requests: l.Panel.Requests(), Outages: l.panelNet.outages()}
	for _, f := range seen.Ledger() {
		if !f.At.After(l.at) {
			asked = append(asked, f)
		}
	}
	spoilt := 0
	for i, f := range asked {
		lacks := slices.IndexFunc(f.Given, func(m panel.SMS) bool { return !stored[play.NumberOf(m.Text)] })
		kept := slices.ContainsFunc(raw, func(r store.Raw) bool { return !f.At.Before(r.Begun) && !f.At.After(r.Fetched) })
		if lacks < 0 || kept {
			continue
		}
		spoilt++
		if !f.Excused() && i < len(asked)-1 {
			say("SMS %d was handed out at %s, the power went at %s: it is not stored, and its answer was not spoilt", play.NumberOf(f.Given[lacks].Text), f.At.Format(time.StampMicro), l.at.Format(time.StampMicro))
		}
	}
	if counted < spoilt {
		say("%d answers are not there with all that they held, incidents tell of %d", spoilt, counted)
	}

	batches := map[int]store.Batch{} // by order
	for _, chat := range []int64{l.Group, l.Sara, l.Ali} {
		all, err := l.store.Batches(sms.ChatID(chat), 1<<20)
		if err != nil {
			return err
		}
		for _, b := range all {
			if i := slices.IndexFunc(l.Orders, func(o play.Order) bool { return o.Chat == int64(b.Chat) && o.Message == int(b.Message) }); i >= 0 {
				batches[i] = b
			}
		}
	}
	recipients := func(b store.Batch) []store.SMS {
		all, err := l.store.Recipients(b, 0, b.N)
		if err != nil {
			say("recipients of batch %d: %w", b.ID, err)
		}
		return all
	}
	// A file is read after its order was taken, and what is for later becomes a batch when it is due.
	taken := func(o play.Order) bool {
		if !strings.HasPrefix(o.Said, "/bulk") && !strings.HasPrefix(o.Said, "/later") {
			return false
		}
		ok, err := l.store.Taken(store.UpdateKey{Chat: sms.ChatID(o.Chat), Message: sms.ChatMessageID(o.Message)})
		if err != nil {
			say("what was taken cannot be read: %v", err)
		}
		return ok
	}
	refused := map[play.Attempt]int{} // for want of a login: nothing was sent
	for _, r := range l.Panel.Requests() {
		if r.Code == -1 && !r.At.After(l.at) {
			for _, a := range play.Attempts(r) {
				refused[a]++
			}
		}
	}
	askedAway := map[string][]request{} // to send the away text, by recipient
	confirmed := int64(0)               // updates below were
	for _, r := range l.requests {
		switch r.method {
		case "SendSMS", "SendMultipleSMS":
			text := between(r.body, "messageContent")
			if r.method == "SendMultipleSMS" {
				text = between(between(r.body, "messageContents"), "item")
			}
			text, _, _ = strings.Cut(text, ", ") // of a file: behind it comes whose it is
			if text == play.AwayText {
				to := between(r.body, "item")
				askedAway[to] = append(askedAway[to], r)
				continue
			}
			i := slices.IndexFunc(l.Orders, func(o play.Order) bool { return o.Text == text })
			b, ok := batches[i]
			if i < 0 || !ok {
				say("the panel was asked to send %.40q, which is not in the store", text)
				continue
			}
			for _, to := range recipients(b) {
				a := play.Attempt{Text: text, Customer: string(to.Customer)}
				if strings.Contains(r.body, ">"+a.Customer+"<") && to.Status == sms.Queued && b.Decision != store.Again {
					if refused[a]--; refused[a] >= 0 {
						continue
					}
					say("the panel was asked to send %.40q to %s, which would be sent again", text, a.Customer)
				}
			}
		case "sendMessage", "editMessageText":
			form, err := url.ParseQuery(r.body)
			if err != nil {
				return err
			}
			for _, found := range play.MarkPattern.FindAllString(html.UnescapeString(form.Get("text")), -1) {
				if !stored[play.NumberOf(found)] {
					say("a chat was shown %s, which is not stored", found)
				}
			}
			i := l.ordered(l.Orders, form)
			if i < 0 || strings.Contains(form.Get("text"), "the edit changes nothing") {
				continue
			}
			b, ok := batches[i]
			switch {
			case !ok && taken(l.Orders[i]):
			case !ok:
				say("a chat was told of %q, which is not in the store", l.Orders[i].Text)
			case b.N == 1 && strings.Contains(form.Get("text"), "delivered.") && recipients(b)[0].Status != sms.Delivered:
				say("a chat was told that %q is delivered, which the store does not know", l.Orders[i].Text)
			case b.N == 1 && strings.Contains(form.Get("text"), "sent, no word from the phone") && recipients(b)[0].Status < sms.Sent && b.Decision != store.Again:
				say("a chat was told that %q is sent, which the store does not know", l.Orders[i].Text)
			}
		case "setMessageReaction":
			form, err := url.ParseQuery(r.body)
			if err != nil {
				return err
			}
			if form.Get("message_id") == "" { // asks only whether the server knows of reactions
				continue
			}
			i := slices.IndexFunc(l.Orders, func(o play.Order) bool {
				return form.Get("chat_id") == strconv.FormatInt(o.Chat, 10) && form.Get("message_id") == strconv.Itoa(o.Message)
			})
			b, ok := batches[i]
			if !ok {
				say("a message was marked that orders nothing in the store")
				continue
			}
			sent := slices.DeleteFunc(recipients(b), func(m store.SMS) bool { return m.Reason.Withheld() }) // of the others a mark says nothing
			if len(sent) == 0 {                                                                             // since it was marked
				continue
			}
			switch status := sent[0].Status; {
			case strings.Contains(form.Get("reaction"), "👍") && status != sms.Delivered:
				say("%q was marked as delivered, which the store does not know", l.Orders[i].Text)
			case strings.Contains(form.Get("reaction"), "👌") && status < sms.Sent && b.Decision != store.Again:
				say("%q was marked as accepted, which the store does not know", l.Orders[i].Text)
			}
		case "getUpdates":
			form, err := url.ParseQuery(r.body)
			if err != nil {
				return err
			}
			offset, _ := strconv.ParseInt(form.Get("offset"), 10, 64)
			confirmed = max(confirmed, offset)
		}
	}
	for customer, requests := range askedAway {
		rows, no := "", refused[play.Attempt{Text: play.AwayText, Customer: customer}]
		sent := 0 // would not be sent again
		for _, m := range away[customer] {
			rows += fmt.Sprintf(" %d of batch %d: %v, %s", m.Seq, m.Batch, m.Status, m.Time.Format(time.StampMicro))
			if m.Status != sms.Queued {
				sent++
			}
		}
		if len(requests) <= sent+no {
			continue
		}
		for _, r := range requests {
			rows += fmt.Sprintf("; asked at line %d", r.left)
		}
		for _, r := range l.Panel.Requests() {
			if slices.Contains(play.Attempts(r), play.Attempt{Text: play.AwayText, Customer: customer}) {
				rows += fmt.Sprintf("; the panel at %s: %s, code %d", r.At.Format(time.StampMicro), r.Answer, r.Code)
			}
		}
		say("the panel was asked %d times to send %.40q to %s, of which %d would not be sent again and %d were refused; in the store are%s; the power went at %s",
			len(requests), play.AwayText, customer, sent, no, rows, l.at.Format(time.StampMicro))
	}
	for _, u := range l.TG.Updates() {
		if u.ID >= confirmed || u.Kind != "message" {
			continue
		}
		i, err := orderOf(l.Orders, u.JSON)
		if err != nil {
			return err
		}
		if _, ok := batches[i]; i >= 0 && !ok && !taken(l.Orders[i]) {
			say("update %d, which orders %q, was confirmed and is not taken", u.ID, l.Orders[i].Text)
		}
	}
	return errors.Join(wrong...)
}

// between returns the text of an element.
func between(xml, name string) string {
	_, rest, _ := strings.Cut(xml, "<"+name)
	_, rest, _ = strings.Cut(rest, ">")
	text, _, _ := strings.Cut(rest, "</")
	return html.UnescapeString(text)
}

// ordered returns the order that a message to Telegram reports, or -1.
func (l *loss) ordered(orders []play.Order, form url.Values) int {
	chat, _ := strconv.ParseInt(form.Get("chat_id"), 10, 64)
	var reply struct {
		Message int `json:"message_id"`
	}
	if edited := form.Get("message_id"); edited != "" {
		id, _ := strconv.Atoi(edited)
		m, _ := l.TG.Message(chat, id)
		reply.Message = m.ReplyTo
	} else if json.Unmarshal([]byte(form.Get("reply_parameters")), &reply) != nil {
		return -1
	}
	return slices.IndexFunc(orders, func(o play.Order) bool { return o.Chat == chat && o.Message == reply.Message })
}

// orderOf returns the order that an update brings, or -1.
func orderOf(orders []play.Order, update string) (int, error) {
	var u struct {
		Message struct {
			ID   int `json:"message_id"`
			Chat struct {
				ID int64 `json:"id"`
			} `json:"chat"`
		} `json:"message"`
	}
	if err := json.Unmarshal([]byte(update), &u); err != nil {
		return -1, err
	}
	return slices.IndexFunc(orders, func(o play.Order) bool { return o.Chat == u.Message.Chat.ID && o.Message == u.Message.ID }), nil
}
