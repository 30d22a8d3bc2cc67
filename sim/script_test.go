package sim

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"peyk/internal/play"
	"peyk/sandbox/panel"
	tg "peyk/sandbox/telegram"
	"peyk/store"
)

// step is what happens after a while. What is left to chance in it its own seed decides: without one step the others stay what they are.
type step struct {
	wait time.Duration
	do   string
	seed uint64
}

func (s step) String() string { return fmt.Sprintf("%s later: %s (%d)", s.wait, s.do, s.seed) }

// events are what happens in a world besides what people do, and how often. Those without a weight have their place in a round.
var events = []struct {
	name   string
	weight int
	do     func(*world, *rand.Rand)
}{
	{"networks fail", 8, func(w *world, r *rand.Rand) {
		w.Mu.Lock()
		defer w.Mu.Unlock()
		w.Spoil()
	}},
	{"telegram is out", 2, func(w *world, r *rand.Rand) {
		w.TG.SetDown(true)
		w.later(outage(r), func() { w.TG.SetDown(false) })
	}},
	{"telegram asks for patience", 1, func(w *world, r *rand.Rand) {
		method := []string{"sendMessage", "sendMessage", "editMessageText", "setMessageReaction", "createForumTopic"}[r.IntN(5)]
		if err := w.TG.Arm(tg.Fault{Kind: tg.TooMany, Method: method, RetryAfter: 1 + r.IntN(120)}); err != nil {
			w.Errorf("arm: %v", err)
		}
	}},
	{"the panel is out", 2, func(w *world, r *rand.Rand) {
		w.panelNet.Down()
		w.later(outage(r), w.panelNet.Up)
	}},
	{"the panel is slow", 2, func(w *world, r *rand.Rand) {
		method := []string{"GetMsg", "SendSMS", "GetStatus", "GetCredit", ""}[r.IntN(5)]
		delay := time.Duration(1+r.IntN(50)) * time.Second
		if r.IntN(3) == 0 { // longer than anybody waits
			delay = 65*time.Second + time.Duration(r.IntN(60))*time.Second
		}
		w.Panel.Arm(panel.Fault{Kind: panel.Slow, Method: method, Delay: delay, CarryOut: true, Times: 1 + r.IntN(3)})
	}},
	{"the disk is full", 1, func(w *world, r *rand.Rand) { w.troubles(trouble{fails: syscall.ENOSPC}, outage(r)) }},
	{"the disk fails", 1, func(w *world, r *rand.Rand) { w.troubles(trouble{fails: syscall.EIO}, outage(r)/10) }},
	{"the disk is slow", 2, func(w *world, r *rand.Rand) {
		w.troubles(trouble{slow: time.Duration(1 + r.Int64N(int64(2*time.Second))), chance: play.Chance(r.Uint64())}, outage(r))
	}},

	{"the bridge stands still", 1, func(w *world, r *rand.Rand) {
		if w.life != nil {
			w.life.mu.Lock()
			defer w.life.mu.Unlock()
			w.life.still = time.Now().Add(outage(r))
		}
	}},
	{"the bot is thrown out", 1, func(w *world, r *rand.Rand) { // of a forum, it comes back without its rights
		if w.away(w.Group, w.Throw) {
			lasts := outage(r)
			w.later(lasts, w.back)
			w.later(lasts+outage(r), w.Promote)
		}
	}},
	{"the bot is blocked", 1, func(w *world, r *rand.Rand) {
		who := []int64{w.Sara, w.Ali}[r.IntN(2)]
		if w.away(who, func() error { return w.TG.Block(who) }) {
			w.later(outage(r), w.back)
		}
	}},
	{"the group migrates", 1, func(w *world, r *rand.Rand) { w.Migrate() }},
	{"the clocks are apart", 1, func(w *world, r *rand.Rand) {
		by := apart(r)
		told := [2]time.Duration{by, by} // by answers, by messages
		if n := r.IntN(6); n < 2 {       // a server in between has a clock of its own
			told[n] = 0
		}
		w.SetClock(told[0], told[1])
		if r.IntN(2) == 0 {
			w.ahead = told // for good
			return
		}
		w.later(outage(r), func() { w.SetClock(w.ahead[0], w.ahead[1]) })
	}},
	{"another program asks for updates", 1, func(w *world, r *rand.Rand) {
		transport := &http.Transport{DialContext: w.tgNet.Dial, DisableKeepAlives: true}
		resp, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Get("http://telegram.example/bot" + w.TG.Token() + "/getUpdates?limit=1")
		if err == nil {
			resp.Body.Close()
		}
	}},
	{"another bridge on the file", 1, func(w *world, r *rand.Rand) {
		if w.life == nil || !w.life.running() || w.life.opened() == nil {
			return
		}
		st, err := store.Open(w.life.path, w.StoreOptions())
		if err == nil {
			err = st.Close()
		}
		if !errors.Is(err, store.ErrLocked) && w.life.running() {
			w.Errorf("R4: the file of a running bridge was opened: %v", err)
		}
	}},
	{"a backup", 1, (*world).backUp},
	{"a backup is restored", 0, (*world).restore},
	{"telegram is out for hours", 0, func(w *world, r *rand.Rand) {
		w.TG.SetDown(true)
		w.later(hours(r), func() { w.TG.SetDown(false) })
	}},
	{"the panel is out for hours", 0, func(w *world, r *rand.Rand) {
		w.panelNet.Down()
		w.later(hours(r), w.panelNet.Up)
	}},
	{"restart", 0, func(w *world, r *rand.Rand) {
		w.life.askToEnd()
		w.start()
	}},
	{"kill and start", 0, func(w *world, r *rand.Rand) {
		w.life.kill()
		time.Sleep(time.Duration(r.Int64N(int64(10 * time.Second))))
		w.start()
	}},

	{"start", 0, func(w *world, r *rand.Rand) { w.start() }},
	{"kill", 0, func(w *world, r *rand.Rand) {
		w.life.kill()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.trap, w.mine = nil, nil
	}},
	{"kill in a call", 0, func(w *world, r *rand.Rand) {
		m := w.Kind.AMoment(r)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.trap = func(network, method, stage string) bool {
			if network == m.Network && method == m.Method && stage == m.Stage {
				m.N--
			}
			return m.N == 0
		}
	}},
	{"end in a call", 0, func(w *world, r *rand.Rand) { // whose answer never comes, or asks for patience; now and then just as the disk takes nothing any more
		method, n := []string{"sendMessage", "sendMessage", "editMessageText", "createForumTopic"}[r.IntN(4)], r.IntN(4)
		kind := []tg.FaultKind{tg.CloseAfter, tg.CutAnswer, tg.TooMany}[r.IntN(3)]
		if err := w.TG.Arm(tg.Fault{Kind: kind, Method: method, Skip: n, RetryAfter: 1 + r.IntN(120)}); err != nil {
			w.Errorf("arm: %v", err)
		}
		full := time.Duration(0)
		if r.IntN(3) == 0 {
			full = outage(r)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		victim := w.life
		w.trap = func(_, called, stage string) bool {
			if called == method && stage == string(tg.BeforeHandling) {
				if n--; n < 0 {
					if victim.askToEnd(); full > 0 {
						w.disk.set(trouble{fails: syscall.ENOSPC})
						time.AfterFunc(full, func() { w.disk.set(trouble{}) })
					}
					w.trap = nil
				}
			}
			return false
		}
	}},
	{"kill in a full minute", 0, func(w *world, r *rand.Rand) { // whose last messages the next bridge has to count
		n := 17 + r.IntN(4)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.trap = func(_, method, stage string) bool {
			counted := method == "sendMessage" || method == "createForumTopic"
			return counted && stage == string(tg.AfterHandling) && w.inGroup.within(time.Minute) >= n
		}
	}},
	{"restart in a full minute", 0, func(w *world, r *rand.Rand) { // some of whose last calls had no answer: the next bridge has to count them, too
		n, method := 17+r.IntN(3), []string{"sendMessage", "sendMessage", "createForumTopic"}[r.IntN(3)]
		full := func() bool { return w.inGroup.within(time.Minute) >= n }
		for range 180 {
			if time.Sleep(time.Second); full() {
				break
			}
		}
		w.note(fmt.Sprintf("the minute is full: %t", full()))
		if err := w.TG.Arm(tg.Fault{Kind: []tg.FaultKind{tg.CloseAfter, tg.CutAnswer}[r.IntN(2)], Method: method}); err != nil {
			w.Errorf("arm: %v", err)
		}
		time.Sleep(time.Duration(r.Int64N(int64(4 * time.Second))))
		if r.IntN(3) == 0 {
			w.life.kill()
		} else {
			w.life.askToEnd()
		}
		w.start()
	}},
	{"kill at a point", 0, func(w *world, r *rand.Rand) {
		points := slices.DeleteFunc(slices.Clone(points()), func(p string) bool { // where hardly any world comes to
			return p == "open.migrating" || strings.HasPrefix(p, "notice.") || !w.Topics && (strings.HasPrefix(p, "topic.") || strings.HasPrefix(p, "card.")) || w.kind.Name != "soap" && !w.Kind.Comes(p)
		})
		wanted, n := points[r.IntN(len(points))], 1+r.IntN(3)
		if strings.HasPrefix(wanted, "open.") {
			n = 1
		}
		w.note("at " + wanted)
		if w.kind.Name != "soap" {
			w.Mu.Lock()
			w.Lose(wanted)
			w.Mu.Unlock()
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.mine = func(point string) bool {
			if point == wanted {
				n--
			}
			return n == 0
		}
	}},
	{"end", 0, func(w *world, r *rand.Rand) {
		if w.life.running() {
			w.life.askToEnd() // the next start waits for the end
		}
	}},
}

// points are the named points in the program. To read them takes longer than to play a minute.
var points = sync.OnceValue(func() []string { return play.Points(quiet{}) })

// quiet is a test that nothing goes wrong in.
type quiet struct{ testing.TB }

func (quiet) Helper()                      {}
func (quiet) Fatal(args ...any)            { panic(fmt.Sprint(args...)) }
func (quiet) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }

// outage is how long something is not to be had: seconds more often than half an hour.
func outage(r *rand.Rand) time.Duration {
	return time.Duration(math.Exp(r.Float64()*math.Log(1800)) * float64(time.Second))
}

// apart is how far two clocks are apart when one is wrong: minutes to years.
func apart(r *rand.Rand) time.Duration {
	const least, most = 4 * time.Minute, 5 * 365 * 24 * time.Hour
	d := time.Duration(float64(least) * math.Exp(r.Float64()*math.Log(float64(most/least))))
	if r.IntN(2) == 0 {
		return -d
	}
	return d
}

// backUp makes a backup, which must be sound, and keeps it.
func (w *world) backUp(*rand.Rand) {
	if w.life == nil || !w.life.running() || w.life.opened() == nil {
		return
	}
	path, made := filepath.Join(w.dir, "making.db"), time.Now()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		w.Errorf("backup: %v", err)
		return
	}
	if err := errors.Join(w.life.opened().Backup(out), out.Close()); err != nil {
		if w.life.running() {
			w.Errorf("backup: %v", err)
		}
		return
	}
	st, err := store.Inspect(path, w.StoreOptions())
	if err == nil {
		err = errors.Join(st.Check(), st.Close())
	}
	if err == nil {
		w.backup, err = made, os.Rename(path, filepath.Join(w.dir, "backup.db"))
	}
	if err != nil {
		w.Errorf("I9, of a backup: %v", err)
	}
}

// restore ends the bridge, one way or another, and puts the last backup in the place of its file, as peyk restore does.
func (w *world) restore(r *rand.Rand) {
	if w.backup.IsZero() || w.life == nil {
		return
	}
	if r.IntN(2) == 0 {
		w.life.kill()
	} else if w.life.askToEnd(); true {
		<-w.life.ended
	}
	w.arrived()
	time.Sleep(time.Duration(r.Int64N(int64(20 * time.Second))))
	file, backup := w.store(w.file), filepath.Join(w.dir, "backup.db")
	w.NoteRestored(backup, file, w.backup, w.dir)
	kept, err := store.Restore(backup, file, w.StoreOptions())
	if err == nil && kept != "" {
		err = os.Remove(kept)
	}
	if err != nil {
		w.Errorf("restore: %v", err)
	}
	w.note(fmt.Sprintf("restored the backup of %s", w.backup.Format("15:04:05.000000")))
	time.Sleep(time.Millisecond)
}

// away has the bot leave a chat, unless it has left one.
func (w *world) away(chat int64, leave func() error) bool {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	if len(w.Away) > 0 || leave() != nil {
		return false
	}
	w.Away, w.Left = map[int64]bool{chat: true}, maps.Clone(w.Left) // others read what was
	if w.Left == nil {
		w.Left = map[int64]bool{}
	}
	w.Left[chat] = true
	return true
}

// back has it in all chats again.
func (w *world) back() {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	if w.Away[w.Group] {
		if err := w.TG.AddBot(w.Group, w.Sara); err != nil {
			w.Errorf("add the bot: %v", err)
		}
	}
	for _, who := range []int64{w.Sara, w.Ali} {
		if w.Away[who] {
			if err := w.TG.Unblock(who); err != nil {
				w.Errorf("unblock the bot: %v", err)
			}
		}
	}
	w.Away = nil
}

// later does something after a while, unless all is mended before.
func (w *world) later(d time.Duration, do func()) {
	w.mending = append(w.mending, time.AfterFunc(d, do))
}

func (w *world) troubles(t trouble, lasts time.Duration) {
	w.disk.set(t)
	w.later(lasts, func() { w.disk.set(trouble{}) })
}

// script returns what happens in a world of that seed, in so many rounds. After each all is mended, the bridge comes to rest, and the
// invariants are checked. In each the bridge is killed so many times, or ended, on average, and after each start once more in a row so many times.
func script(seed uint64, rounds, killed, row int) []step {
	r, rows := play.Chance(seed), play.Chance(seed+1<<32) // of its own: the rest of a script is the same with rows and without
	var all []step
	then := func(wait time.Duration, do string) { all = append(all, step{wait, do, r.Uint64()}) }
	start := func(wait time.Duration) {
		then(wait, "start")
		for row > 0 && rows.IntN(row+1) > 0 { // as it takes up what was left
			all = append(all, step{time.Duration(rows.ExpFloat64() * float64(time.Second)), "kill", rows.Uint64()}, step{time.Duration(rows.IntN(2)) * time.Second, "start", rows.Uint64()})
		}
	}
	anything := func(n int) {
		for range n {
			do := play.AnAct(r)
			if r.IntN(8) == 0 {
				do = anEvent(r)
			}
			then(time.Duration(r.ExpFloat64()*float64(10*time.Second)), do)
		}
	}
	for range rounds {
		anything(r.IntN(6)) // while the bridge is down
		closed := time.Second
		if r.IntN(12) == 0 { // for hours, or until nearly all is forgotten
			closed = time.Duration(math.Exp(r.Float64()*math.Log(100*24)) * float64(time.Hour))
		}
		start(closed)
		anything(5 + r.IntN(15))
		if r.IntN(3) == 0 {
			then(time.Second, "a backup")
			anything(r.IntN(10))
		}
		for again := true; again; again = r.IntN(killed) > 0 { // also while it takes up what was left
			way := []string{"kill", "end", "end in a call", "kill in a full minute", "restart in a full minute", "kill in a call", "kill in a call", "kill at a point", "kill at a point", "kill at a point"}[r.IntN(10)]
			if way == "kill at a point" && !pointed {
				way = "kill in a call"
			}
			if way == "restart in a full minute" {
				then(time.Second, "many customers write")
				then(time.Second, way)
				anything(r.IntN(4))
				continue
			}
			then(time.Duration(1+r.Int64N(int64(20*time.Second))), way)
			if strings.Contains(way, " ") {
				surely := "kill" // it may not have come there
				switch way {
				case "kill in a full minute":
					then(0, "many customers write")
				case "end in a call":
					if r.IntN(2) == 0 {
						surely = "end"
					}
				}
				anything(2 + r.IntN(4))
				then(time.Duration(1+r.Int64N(int64(20*time.Second))), surely)
			}
			anything(r.IntN(2))
			if r.IntN(10) == 0 {
				then(time.Second, "a backup is restored")
			}
			start(time.Duration(r.ExpFloat64() * float64(r.IntN(3)) * float64(5*time.Second))) // often at once
		}
		then(time.Duration(1+r.Int64N(int64(5*time.Second))), "check")
	}
	return all
}

func anEvent(r *rand.Rand) string {
	total := 0
	for _, e := range events {
		total += e.weight
	}
	n := r.IntN(total)
	for _, e := range events {
		if n -= e.weight; n < 0 {
			return e.name
		}
	}
	return "" // unreachable
}

// play plays a script until an invariant is broken, and returns which.
func (w *world) play(steps []step) []error {
	for _, s := range steps {
		time.Sleep(s.wait)
		if w.life != nil && w.life.failed() {
			w.start() // as systemd does
		}
		w.note(s.do)
		if *follow {
			fmt.Fprintln(os.Stderr, time.Now().Format("02 15:04:05"), s.do)
		}
		if s.do == "check" {
			if wrong := w.check(); len(wrong) > 0 {
				return wrong
			}
			continue
		}
		w.perform(s)
	}
	return nil
}

// perform does what a step says.
func (w *world) perform(s step) {
	r := play.Chance(s.seed)
	w.Do(s.do, r)
	for _, e := range events {
		if e.name == s.do && (w.life != nil || e.weight > 0 || e.name == "start") {
			e.do(w, r)
		}
	}
}

func tell(steps []step) string {
	var text strings.Builder
	for _, s := range steps {
		fmt.Fprintln(&text, s)
	}
	return text.String()
}
