package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"peyk/store"
)

// office is what the leader's key holds.
type office struct {
	Holder string `json:"holder"` // "": nobody
	Epoch  uint64 `json:"epoch"`
	Log    string `json:"log"`
}

// holderMark stands between a member's name and that of its term.
const holderMark = " #"

func (o office) bytes() []byte {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err) // strings and a number
	}
	return b
}

// sight is what a member has seen of the leader's key.
type sight struct {
	office
	revision int64         // at which it was changed last; 0 when there is none
	since    time.Duration // since when, by our clock, it has been so
	heard    time.Duration // when etcd answered last
	steady   time.Duration // since when it has answered all the time
	ever     bool          // whether there was a key since the start
}

// after returns the sight after etcd has told what the key holds.
func (s sight) after(o office, revision int64, now time.Duration) sight {
	next := sight{office: o, revision: revision, since: s.since, heard: now, steady: s.steady, ever: s.ever || revision != 0}
	if s.heard == 0 || revision != s.revision {
		next.since = now
	}
	if s.heard == 0 || now-s.heard > unheard {
		next.steady = now
	}
	return next
}

// silent reports whether the leader's place may be taken. The leader may act no more once takeAfter has passed. If it was etcd that was silent meanwhile, the
// leader is given the time to renew its key first.
func (s sight) silent(now time.Duration) bool {
	return s.Holder == "" || now-s.since >= takeAfter && now-s.steady >= steadyFor
}

// file is what a member's own file has.
type file struct {
	log   string // which log's entries; "" if none's
	entry uint64 // how many of them
	used  bool   // whether it is or was a store
	last  bool   // whether its member was the last to take the leader's place
}

// logged is what a member has seen of the log.
type logged struct {
	next uint64 // the first entry after those that our file has, 0 if there is none
	ours bool   // whether the last one that our file has is there
	any  bool   // whether one is there at all
}

// step is what a member that follows does next.
type step int

const (
	wait     step = iota // and look again soon
	begin                // there is no log yet, or one that we began and did not come to know: begin one with our file
	takeOver             // nobody leads, and we have all there is
	apply                // entries are there that our file lacks
	fetch                // entries are missing between ours and those that are there: fetch a copy of the leader's file
	foreign              // our file is another bridge's, or was written without the log: somebody must decide
	ahead                // the log lacks entries that our file has: etcd has lost something
	gone                 // etcd has lost even the leader's key
)

// decide returns the next step of a member that has seen s and l, and has file f. The log always has its last entry.
func decide(s sight, f file, l logged, now time.Duration) step {
	switch {
	case s.revision == 0 && (s.ever || l.any):
		return gone
	case s.revision == 0:
		return begin
	case f.log != s.Log && f.last && !l.any:
		return begin
	case f.log != s.Log && f.used && f.log == "":
		return foreign
	case f.log != s.Log:
		return fetch
	case l.next == f.entry+1:
		return apply
	case l.next != 0:
		return fetch
	case f.entry != 0 && !l.ours:
		return ahead
	case s.silent(now):
		return takeOver
	}
	return wait
}

// Term is the time in which a member leads.
type Term struct {
	m      *Member
	office office
	key    []byte // what the leader's key holds in it

	first bool // nobody led before

	revision int64 // at which the key was changed last, as far as we know; the renewing goroutine's

	until atomic.Int64 // when by the Clock it may act no more

	ended   context.Context // when somebody else leads, or it is over
	end     context.CancelCauseFunc
	waiting context.Context // ends when nobody waits for etcd any more
	unwait  context.CancelFunc

	renewing sync.WaitGroup
	kept     ledger
	store    atomic.Pointer[store.Store] // once it is open
	copies   copies                      // the renewing goroutine's
	copying  sync.Mutex                  // held while a copy is made
}

// errDeposed is the end of a term that another member ended.
var errDeposed = errors.New("another member leads")

var errTermOver = errors.New("the term is over")

// take puts this member into the place of a leader that was seen, and begins its term. There is none when somebody else was faster, or when
// nobody knows.
func (m *Member) take(ctx context.Context, s sight, log string) *Term {
	o := office{Holder: m.Self + holderMark + random(), Epoch: s.Epoch + 1, Log: log}
	begun := m.Clock()
	r, err := m.do(ctx, Txn{
		If:   []Guard{{Key: m.key("leader"), Revision: s.revision}},
		Then: []Op{{Key: m.key("leader"), Put: o.bytes()}},
		Else: []Op{{Key: m.key("leader")}},
	})
	if err != nil {
		return nil // the next look sees why; if it was carried out all the same, our own place is taken 4 seconds later
	}
	if !r.Held {
		seen, revision := readOffice(r)
		if seen != o {
			return nil // somebody was faster
		}
		r.Revision = revision // it was asked for twice
	}
	t := &Term{m: m, office: o, key: o.bytes(), first: o.Epoch == 1, revision: r.Revision, kept: ledger{m: m}}
	t.ended, t.end = context.WithCancelCause(context.Background())
	t.waiting, t.unwait = context.WithCancel(context.Background())
	t.until.Store(int64(begun + mayAct))
	t.renewing.Go(t.renew)
	return t
}

// MayAct reports whether anything may be asked of the panel or of Telegram at this moment.
func (t *Term) MayAct() bool {
	return t.m.Clock() < time.Duration(t.until.Load()) && t.ended.Err() == nil
}

// Waits reports whether the leader waits for etcd, and so writes nothing.
func (t *Term) Waits() bool { return !t.MayAct() && t.ended.Err() == nil }

// lost returns why the term ended before its member wanted, or nil.
func (t *Term) lost() error {
	if err := context.Cause(t.ended); err != nil && !errors.Is(err, errTermOver) {
		return err
	}
	return nil
}

// renew confirms every second that this member leads, until the term ends. It does so by the revision that the renewal before was told: a member that
// reaches etcd and hears no answer cannot keep the key, for it would keep others out and could not act.
func (t *Term) renew() {
	m := t.m
	for tick := 0; ; tick++ {
		begun := m.Clock()
		r, err := m.do(t.ended, Txn{
			If:   []Guard{{Key: m.key("leader"), Revision: t.revision}},
			Then: []Op{{Key: m.key("leader"), Put: t.key}, {Key: m.key("want/"), To: after(m.key("want/")), Names: true}},
			Else: []Op{{Key: m.key("leader")}},
		})
		pause := renewEvery
		switch {
		case t.ended.Err() != nil:
			return
		case err != nil:
			pause = lookEvery
			if !t.MayAct() {
				m.note(func(s *Status) {
					s.Trouble = fmt.Sprintf("etcd does not answer, so nothing is fetched, sent or shown until it does: %v", err)
				})
			}
		case r.Held:
			t.revision = r.Revision
			t.until.Store(int64(begun + mayAct))
			m.note(func(s *Status) { s.Behind, s.Trouble = begun, "" })
			t.tidy(r)
			if tick%memberEvery == 0 {
				m.tell(t.ended, t.kept.last())
			}
		default:
			o, revision := readOffice(r)
			if revision != 0 && o == t.office { // a renewal held whose answer was lost
				t.revision, pause = revision, 0
				break
			}
			t.until.Store(0)
			if revision == 0 {
				t.end(fmt.Errorf("%w: etcd no longer has the leader's key", errDeposed))
			} else {
				t.end(fmt.Errorf("%w: %s, epoch %d", errDeposed, o.Holder, o.Epoch))
			}
			return
		}
		select {
		case <-t.ended.Done():
			return
		case <-time.After(max(0, pause-(m.Clock()-begun))):
		}
	}
}

// readOffice returns what the leader's key holds, of a result that read it first; a revision of 0 when there is none.
func readOffice(r Result) (o office, revision int64) {
	if len(r.Reads) == 0 || len(r.Reads[0]) == 0 {
		return office{}, 0
	}
	at := r.Reads[0][0]
	if json.Unmarshal(at.Value, &o) != nil {
		o = office{Holder: "?"} // a later version's: it can be seen to change, and be taken
	}
	return o, at.Revision
}

// giveUp ends the term of a leader that has ended its work, so that another can lead at once.
func (t *Term) giveUp() {
	vacant := office{Epoch: t.office.Epoch, Log: t.office.Log}
	for range 3 {
		r, err := t.m.do(context.Background(), Txn{
			If:   []Guard{{Key: t.m.key("leader"), Value: t.key}},
			Then: []Op{{Key: t.m.key("leader"), Put: vacant.bytes()}},
		})
		if err == nil {
			if r.Held {
				t.m.Log.Info("cluster: this member has given up its place", "epoch", t.office.Epoch)
			}
			return
		}
	}
	t.m.Log.Warn("cluster: etcd does not answer: another member leads only in 4 seconds")
}

// stop ends what belongs to the term.
func (t *Term) stop() {
	t.until.Store(0)
	t.end(errTermOver)
	t.unwait()
}

// stopWaiting has nobody wait for etcd any more.
func (t *Term) stopWaiting() { t.unwait() }
