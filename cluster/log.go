package cluster

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"peyk/store"
)

// maxValue is how much of an entry one key holds: etcd takes requests of 1.5 MB.
const maxValue = 1 << 20

// How much of the log is kept for followers that are behind; who is further behind fetches a copy of the leader's file.
const (
	keepFor   = time.Hour
	keepBytes = 64 << 20
)

// An entry's value is a version byte, the epoch in which it was written, and how many parts it has in keys of their own, both uvarints; if none,
// the changes follow.
const entryVersion = 1

func entryValue(epoch uint64, parts int, changes []byte) []byte {
	v := binary.AppendUvarint([]byte{entryVersion}, epoch)
	return append(binary.AppendUvarint(v, uint64(parts)), changes...)
}

func readEntry(value []byte) (epoch uint64, parts int, changes []byte, err error) {
	if len(value) == 0 || value[0] != entryVersion {
		return 0, 0, nil, fmt.Errorf("an entry of the log of another version than %d, which this peyk knows", entryVersion)
	}
	value = value[1:]
	epoch, n := binary.Uvarint(value)
	var all uint64
	k := 0
	if n > 0 {
		all, k = binary.Uvarint(value[n:])
	}
	if n <= 0 || k <= 0 || all > 1<<20 {
		return 0, 0, nil, errors.New("an entry of the log that is none")
	}
	return epoch, int(all), value[n+k:], nil
}

func (m *Member) entryKey(entry uint64) string { return m.key(fmt.Sprintf("log/%020d", entry)) }

func (m *Member) partKey(entry, epoch uint64, n int) string {
	return m.key(fmt.Sprintf("part/%020d/%d/%06d", entry, epoch, n))
}

// append is the store's journal: it returns when the entry stands in the log, or will never, because somebody else leads. Until either is known it asks
// again.
func (t *Term) append(entry uint64, changes store.Changes) error {
	m := t.m
	value := entryValue(t.office.Epoch, 0, changes)
	if len(value) > maxValue {
		parts := 0
		for part := range slices.Chunk([]byte(changes), maxValue) {
			if _, err := t.put(m.partKey(entry, t.office.Epoch, parts), part); err != nil {
				return err
			}
			parts++
		}
		value = entryValue(t.office.Epoch, parts, nil)
	}
	revision, err := t.put(m.entryKey(entry), value)
	if err == nil {
		t.kept.add(entry, int64(len(changes)), revision, m.Clock())
	}
	return err
}

// put writes a key that nobody has written before, while this member leads. It returns nil once the key holds the value, and an error once it
// never will, or nobody waits any more.
func (t *Term) put(key string, value []byte) (revision int64, err error) {
	m := t.m
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		r, err := m.do(t.waiting, Txn{
			If:   []Guard{{Key: m.key("leader"), Value: t.key}, {Key: key}},
			Then: []Op{{Key: key, Put: value}},
			Else: []Op{{Key: m.key("leader")}, {Key: key}},
		})
		switch {
		case err != nil: // it may be carried out or not, even later; asking again does no harm
			if errors.Is(err, ErrNoRoom) {
				m.note(func(s *Status) {
					s.Trouble = "etcd's quota is used up, so nothing is fetched, sent or shown until there is room"
				})
			}
		case r.Held:
			return r.Revision, nil
		case len(r.Reads) == 2 && len(r.Reads[1]) == 1 && bytes.Equal(r.Reads[1][0].Value, value): // an earlier try's, whose answer was lost
			return r.Reads[1][0].Revision, nil
		default:
			if o, _ := readOffice(r); o != t.office {
				// What was asked before can no longer be carried out: the key is not ours. So this is the end of it.
				deposed := fmt.Errorf("%w: %s, epoch %d", errDeposed, o.Holder, o.Epoch)
				t.end(deposed) // the next renewal would see it, but the bridge may end before
				return 0, deposed
			}
			return 0, fmt.Errorf("etcd holds something else as %s: two bridges of one name have written to it", key)
		}
		select {
		case <-time.After(pause):
		case <-t.waiting.Done():
			return 0, errors.New("etcd did not answer until the end")
		}
	}
}

// ledger knows how old and how large the log is. The writer of the store adds to it, the renewing goroutine reads it: guarded by the member's mu.
type ledger struct {
	marks []mark
	m     *Member
}

// mark is the state of the log at a moment.
type mark struct {
	entry    uint64 // the last one
	bytes    int64  // in it, since the term began
	revision int64
	at       time.Duration
}

// marksEvery is how much time, or how many bytes, lie between two marks.
const (
	markEvery = time.Minute
	markBytes = 1 << 20
)

func (l *ledger) add(entry uint64, bytes, revision int64, now time.Duration) {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	next := mark{entry, bytes, revision, now}
	if n := len(l.marks); n > 0 {
		last := &l.marks[n-1]
		next.bytes += last.bytes
		if n > 1 && next.at-l.marks[n-2].at < markEvery && next.bytes-l.marks[n-2].bytes < markBytes {
			*last = next
			return
		}
	}
	l.marks = append(l.marks, next)
}

func (l *ledger) last() uint64 {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if len(l.marks) == 0 {
		return 0
	}
	return l.marks[len(l.marks)-1].entry
}

// old returns the newest mark before which nothing is kept any more, and forgets those before it. The last entry is always kept: it tells how far
// the log goes.
func (l *ledger) old(now time.Duration) (mark, bool) {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	through := -1
	for i, k := range l.marks {
		if i < len(l.marks)-1 && (now-k.at > keepFor || l.marks[len(l.marks)-1].bytes-k.bytes > keepBytes) {
			through = i
		}
	}
	if through < 0 {
		return mark{}, false
	}
	found := l.marks[through]
	l.marks = slices.Delete(l.marks, 0, through+1)
	return found, true
}

// tidy deletes entries that are kept no more, and has etcd forget what was deleted. r is the result of a renewal.
func (t *Term) tidy(r Result) {
	m := t.m
	t.serveCopies(r)
	k, found := t.kept.old(m.Clock())
	if !found {
		return
	}
	_, err := m.do(t.ended, Txn{
		If: []Guard{{Key: m.key("leader"), Value: t.key}},
		Then: []Op{
			{Key: m.entryKey(0), To: m.entryKey(k.entry + 1), Delete: true},
			{Key: m.key(fmt.Sprintf("part/%020d", 0)), To: m.key(fmt.Sprintf("part/%020d", k.entry+1)), Delete: true},
		},
	})
	ctx, cancel := context.WithTimeout(t.ended, askFor)
	defer cancel()
	if err = errors.Join(err, m.Etcd.Compact(ctx, k.revision)); err != nil && t.ended.Err() == nil {
		m.Log.Warn("cluster: old entries of the log stay in etcd for now", "err", err)
	}
}
