package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"peyk/store"
)

// entriesAtOnce is how many entries are read by one question: fewer after one that had no answer, for entries may be long.
const entriesAtOnce = 64

// follow applies what the leader writes to the file, until this member is to lead: then it returns a term, and the file has all that the log has. Without a
// term ctx has ended, or, with an error, the file cannot be used; without both, the file is to be opened again.
func (m *Member) follow(ctx context.Context, f *store.Follower) (*Term, error) {
	var s sight
	asked := "" // the copy we asked for
	atOnce := int64(entriesAtOnce)
	for tick := 0; ctx.Err() == nil; tick++ {
		next, entries, l, err := m.look(ctx, f, s, atOnce)
		now := m.Clock()
		if err != nil {
			atOnce = max(1, atOnce/4)
			if ctx.Err() == nil && (s.heard == 0 || now-s.heard > unheard) {
				m.note(func(st *Status) { st.Trouble = fmt.Sprintf("etcd does not answer: %v", err) })
			}
			m.pause(ctx, lookEvery)
			continue
		}
		s, atOnce = next, entriesAtOnce
		log, entry := f.Place()
		holder, _, _ := strings.Cut(s.Holder, holderMark)
		do := decide(s, file{log, entry, f.Used(), holder == m.Self}, l, now)
		m.note(func(st *Status) {
			st.Leader = holder
			st.Epoch, st.Entry = s.Epoch, entry
			if do != apply && do != fetch { // which may fail as they did before
				st.Trouble = undecided[do]
			}
			if do == wait || do == takeOver {
				st.Behind = now
			}
		})
		switch do {
		case apply:
			err := m.apply(ctx, f, entries)
			if errors.Is(err, store.ErrDamaged) {
				return nil, err
			}
			m.fails("the file cannot follow", err)
			if err != nil {
				m.pause(ctx, time.Second)
			}
			continue // there may be more
		case begin:
			term, err := m.begin(ctx, f, s)
			if term != nil || err != nil {
				return term, err
			}
		case takeOver:
			term, err := m.takeOver(ctx, f, s)
			if term != nil || err != nil {
				return term, err
			}
		case fetch:
			asked, err = m.fetch(ctx, f, asked, s)
			m.fails("no copy of the leader's file", err)
			if errors.Is(err, errReopen) {
				return nil, nil
			}
		}
		if tick%(4*memberEvery) == 0 {
			m.tell(ctx, entry)
		}
		m.pause(ctx, lookEvery)
	}
	return nil, nil
}

// undecided says what somebody must decide.
var undecided = map[step]string{
	foreign: "the file at DB_PATH was written outside this cluster: move it away, and this member fetches the leader's; or if it is the one to go on with, stop all members and begin a new log (doc/cluster.md)",
	ahead:   "etcd lacks entries that this file has: it has lost data. Stop all members, and begin a new log with the newest file (doc/cluster.md)",
	gone:    "etcd has lost the cluster's log while this member ran. Stop all members, and start first the one whose file is to be gone on with (doc/cluster.md)",
}

// fails notes that what fails with err, or, without one, that it does not.
func (m *Member) fails(what string, err error) {
	m.note(func(st *Status) {
		st.Trouble = ""
		if err != nil {
			st.Trouble = fmt.Sprintf("%s: %v", what, err)
		}
	})
}

func (m *Member) pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// look asks etcd how things are: what the leader's key holds, which entries follow those that the file has, and what else is to be known of the log.
func (m *Member) look(ctx context.Context, f *store.Follower, s sight, atOnce int64) (next sight, entries []Pair, l logged, err error) {
	_, entry := f.Place()
	r, err := m.do(ctx, Txn{Then: []Op{
		{Key: m.key("leader")},
		{Key: m.entryKey(entry + 1), To: after(m.key("log/")), Limit: atOnce},
		{Key: m.entryKey(entry), Names: true},
		{Key: m.key("log/"), To: after(m.key("log/")), Limit: 1, Names: true},
	}})
	if err != nil {
		return s, nil, l, err
	}
	if len(r.Reads) != 4 {
		return s, nil, l, errors.New("etcd's answer is not what was asked for")
	}
	o, revision := readOffice(r)
	entries = r.Reads[1]
	l = logged{ours: len(r.Reads[2]) > 0, any: len(r.Reads[3]) > 0}
	if len(entries) > 0 {
		l.next = m.entryOf(entries[0].Key)
	}
	return s.after(o, revision, m.Clock()), entries, l, nil
}

// entryOf returns which entry a key of the log holds.
func (m *Member) entryOf(key string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimPrefix(key, m.key("log/")), 10, 64)
	return n
}

// apply applies entries to the file, as long as they follow each other.
func (m *Member) apply(ctx context.Context, f *store.Follower, entries []Pair) error {
	for _, e := range entries {
		entry := m.entryOf(e.Key)
		epoch, parts, changes, err := readEntry(e.Value)
		if err == nil && parts > 0 {
			changes, err = m.parts(ctx, entry, epoch, parts)
		}
		if err == nil {
			err = f.Apply(entry, changes)
		}
		if errors.Is(err, store.ErrGap) {
			return nil // the next look sees it
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// parts reads the pieces of an entry.
func (m *Member) parts(ctx context.Context, entry, epoch uint64, n int) (changes []byte, err error) {
	for i := range n {
		r, err := m.do(ctx, Txn{Then: []Op{{Key: m.partKey(entry, epoch, i)}}})
		if err != nil {
			return nil, err
		}
		if len(r.Reads) != 1 || len(r.Reads[0]) != 1 {
			return nil, fmt.Errorf("part %d of entry %d is missing", i, entry)
		}
		changes = append(changes, r.Reads[0][0].Value...)
	}
	return changes, nil
}

// begin begins a log with our file.
func (m *Member) begin(ctx context.Context, f *store.Follower, s sight) (*Term, error) {
	name := random()
	term := m.take(ctx, s, name)
	if term == nil {
		return nil, nil
	}
	if err := f.Begin(name); err != nil {
		term.stop()
		term.renewing.Wait()
		return nil, err
	}
	m.Log.Info("cluster: a new log begins with this member's file")
	return term, nil
}

// ErrLed means that a member leads, or did so a moment ago.
var ErrLed = errors.New("a bridge of this cluster runs: stop all of them first")

// Restart has the cluster go on with the file at path, which no process has open, in a new log: the other members fetch a copy of it. It takes some seconds
// to see that nobody leads. Until it has returned nil no member leads with that file; it can be called again.
func Restart(ctx context.Context, etcd Etcd, name, path string) error {
	m := New(Config{Etcd: etcd, Name: name})
	f, err := store.Follow(path, store.Options{})
	if err != nil {
		return err
	}
	o, revision, err := m.leader(ctx)
	if err == nil && o.Holder != "" {
		m.pause(ctx, takeAfter)
		before := revision
		if o, revision, err = m.leader(ctx); err == nil && revision != before {
			err = ErrLed
		}
	}
	next := office{Epoch: o.Epoch + 1, Log: random()}
	if err == nil {
		err = f.Begin(next.Log)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	ops := []Op{{Key: m.key("leader"), Put: next.bytes()}}
	for _, prefix := range []string{"log/", "part/", "copy/", "want/"} {
		ops = append(ops, Op{Key: m.key(prefix), To: after(m.key(prefix)), Delete: true})
	}
	r, err := m.do(ctx, Txn{If: []Guard{{Key: m.key("leader"), Revision: revision}}, Then: ops, Else: []Op{{Key: m.key("leader")}}})
	if err == nil && !r.Held {
		if now, _ := readOffice(r); now != next {
			err = ErrLed
		}
	}
	return err
}

func (m *Member) leader(ctx context.Context) (o office, revision int64, err error) {
	r, err := m.do(ctx, Txn{Then: []Op{{Key: m.key("leader")}}})
	o, revision = readOffice(r)
	return o, revision, err
}

// takeOver takes the place of a leader that was silent, and then applies what it had written until then.
func (m *Member) takeOver(ctx context.Context, f *store.Follower, s sight) (*Term, error) {
	term := m.take(ctx, s, s.Log)
	if term == nil {
		return nil, nil
	}
	for atOnce := int64(entriesAtOnce); term.ended.Err() == nil && ctx.Err() == nil; {
		_, entries, _, err := m.look(ctx, f, s, atOnce)
		if err != nil {
			atOnce = max(1, atOnce/4)
		} else if err = m.apply(ctx, f, entries); err == nil && len(entries) == 0 {
			_, entry := f.Place()
			term.kept.add(entry, 0, 0, m.Clock())
			return term, nil
		}
		if err != nil {
			m.note(func(st *Status) { st.Trouble = fmt.Sprintf("the file cannot follow: %v", err) })
			m.pause(ctx, lookEvery)
		}
	}
	lost := term.lost()
	term.stop()
	term.renewing.Wait()
	if lost == nil {
		term.giveUp()
	}
	return nil, nil
}

// memberEvery is how many seconds lie between two reports of a member.
const memberEvery = 10

// Report is what a member says of itself, for peyk check.
type Report struct {
	Self    string    `json:"self"`
	Version string    `json:"version"`
	Same    string    `json:"same"` // a hash of the settings that must be the same
	Entry   uint64    `json:"entry"`
	At      time.Time `json:"at"` // by its own clock
}

// tell reports how this member is.
func (m *Member) tell(ctx context.Context, entry uint64) {
	b, err := json.Marshal(Report{m.Self, m.Version, m.Same, entry, m.now()})
	if err != nil {
		return
	}
	r, err := m.do(ctx, Txn{Then: []Op{{Key: m.key("member/", m.Self), Put: b}, {Key: m.key("member/"), To: after(m.key("member/"))}}})
	if err != nil || len(r.Reads) == 0 {
		return // the next one tells
	}
	var differ []string
	for _, other := range reports(r.Reads[0]) {
		if other.Same != m.Same && m.now().Sub(other.At).Abs() < ForgetMember {
			differ = append(differ, other.Self)
		}
	}
	if len(differ) > 0 && !m.differ {
		m.Log.Warn("cluster: the settings of another member differ", "members", strings.Join(differ, ", "))
	}
	m.differ = len(differ) > 0
}

// ForgetMember is how old the report of a member may be that still counts as one.
const ForgetMember = time.Minute

func (m *Member) now() time.Time {
	if m.Store.Now != nil {
		return m.Store.Now()
	}
	return time.Now()
}

// Reports returns what the members of a cluster last said of themselves, and who leads.
func Reports(ctx context.Context, etcd Etcd, name string) (all []Report, leader string, err error) {
	m := New(Config{Etcd: etcd, Name: name})
	r, err := m.do(ctx, Txn{Then: []Op{{Key: m.key("leader")}, {Key: m.key("member/"), To: after(m.key("member/"))}}})
	if err != nil {
		return nil, "", err
	}
	o, _ := readOffice(r)
	leader, _, _ = strings.Cut(o.Holder, holderMark)
	return reports(r.Reads[len(r.Reads)-1]), leader, nil
}

func reports(read []Pair) (all []Report) {
	for _, p := range read {
		var one Report
		if json.Unmarshal(p.Value, &one) == nil {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b Report) int { return strings.Compare(a.Self, b.Self) })
	return all
}
