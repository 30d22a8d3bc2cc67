package cluster

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"peyk/store"
)

// A follower that has no file, or one that is too old, asks for a copy of the leader's by a key of its own:
//
//	want/ID            put by the follower
//	copy/ID/N          put by the leader: the file, packed by gzip, in pieces
//	copy/ID/whole      put by the leader when all pieces are there: how many; or why there is none
//
// The follower removes all of them. A leader removes what it finds when its term begins, what is older than copyAge, and what nobody wants any more.

const (
	copyAge  = 10 * time.Minute
	copyRoom = 1536 << 20 // how large etcd's file may become: its quota is 2 GB unless it was changed
)

// whole is what copy/ID/whole holds.
type whole struct {
	Pieces int    `json:"pieces"`
	Error  string `json:"error,omitempty"`
}

// errReopen means that the file was replaced, or closed while that was tried.
var errReopen = errors.New("the file is to be opened again")

// copies are since when a leader makes or offers the copies that were asked for; nil before it has looked.
type copies map[string]time.Duration

// fetch asks for a copy, or puts it into the file's place if it is there. It returns what was asked for.
func (m *Member) fetch(ctx context.Context, f *store.Follower, asked string, s sight) (string, error) {
	if asked == "" {
		asked = random()
		_, err := m.do(ctx, Txn{Then: []Op{{Key: m.key("want/", asked), Put: []byte(m.Self)}}})
		if err != nil {
			return "", err
		}
		m.Log.Info("cluster: this member's file is new or too old: a copy of the leader's was asked for")
		return asked, nil
	}
	r, err := m.do(ctx, Txn{Then: []Op{{Key: m.key("copy/", asked, "/whole")}, {Key: m.key("want/", asked)}}})
	if err != nil {
		return asked, err
	}
	if len(r.Reads) != 2 || len(r.Reads[1]) == 0 { // the leader forgot it
		return "", nil
	}
	if len(r.Reads[0]) == 0 {
		return asked, nil
	}
	defer func() {
		_, _ = m.do(context.WithoutCancel(ctx), Txn{Then: m.removal(asked)}) // if it fails the leader does it
	}()
	var w whole
	if err := json.Unmarshal(r.Reads[0][0].Value, &w); err != nil {
		return "", err
	}
	if w.Error != "" {
		m.pause(ctx, 10*time.Second)
		return "", errors.New(w.Error)
	}
	kept := ""
	if log, _ := f.Place(); f.Used() && log != s.Log {
		kept = m.Path + ".before-" + m.now().UTC().Format("20060102-150405")
	}
	err = f.Replace(kept, func(to io.Writer) error {
		packed, err := gzip.NewReader(&pieces{ctx: ctx, m: m, id: asked, left: w.Pieces})
		if err != nil {
			return err
		}
		_, err = io.Copy(to, packed)
		return err
	})
	if err != nil {
		return "", errors.Join(err, errReopen)
	}
	m.Log.Info("cluster: the copy of the leader's file is in place")
	return "", nil
}

// pieces reads the pieces of a copy one after the other.
type pieces struct {
	ctx     context.Context // of the fetch, which is over when the copy is read
	m       *Member
	id      string
	n, left int
	now     []byte
}

func (p *pieces) Read(b []byte) (int, error) {
	for len(p.now) == 0 {
		if p.left == 0 {
			return 0, io.EOF
		}
		var r Result
		var err error
		for range 5 {
			if r, err = p.m.do(p.ctx, Txn{Then: []Op{{Key: p.m.pieceKey(p.id, p.n)}}}); err == nil {
				break
			}
		}
		switch {
		case err != nil:
			return 0, err
		case len(r.Reads) != 1 || len(r.Reads[0]) != 1:
			return 0, fmt.Errorf("piece %d of the copy is missing", p.n)
		}
		p.now = r.Reads[0][0].Value
		p.n, p.left = p.n+1, p.left-1
	}
	n := copy(b, p.now)
	p.now = p.now[n:]
	return n, nil
}

func (m *Member) pieceKey(id string, n int) string {
	return m.key("copy/", id, fmt.Sprintf("/%08d", n))
}

// removal removes a copy, and the wish for it.
func (m *Member) removal(id string) []Op {
	return []Op{{Key: m.key("want/", id), Delete: true}, {Key: m.key("copy/", id, "/"), To: after(m.key("copy/", id, "/")), Delete: true}}
}

// serveCopies begins to make the copies that a renewal saw being asked for, one at a time, and removes old ones.
func (t *Term) serveCopies(r Result) {
	m := t.m
	if len(r.Reads) == 0 || !t.copying.TryLock() {
		return
	}
	defer t.copying.Unlock()
	remove := func(ops ...Op) bool {
		_, err := m.do(t.ended, Txn{If: []Guard{{Key: m.key("leader"), Value: t.key}}, Then: ops})
		return err == nil
	}
	if t.copies == nil {
		if !remove(Op{Key: m.key("copy/"), To: after(m.key("copy/")), Delete: true}) { // half of one, perhaps, from the leader before
			return
		}
		t.copies = copies{}
	}
	wanted := map[string]bool{}
	for _, p := range r.Reads[0] {
		wanted[strings.TrimPrefix(p.Key, m.key("want/"))] = true
	}
	for id, since := range t.copies {
		if (!wanted[id] || m.Clock()-since > copyAge) && remove(m.removal(id)...) {
			delete(t.copies, id)
			delete(wanted, id)
		}
	}
	st := t.store.Load()
	for id := range wanted {
		if _, known := t.copies[id]; known || st == nil {
			continue
		}
		t.copies[id] = m.Clock()
		t.renewing.Go(func() { t.serveCopy(st, id) })
		return
	}
}

// serveCopy makes a copy for a follower, or tells it why there is none.
func (t *Term) serveCopy(st *store.Store, id string) {
	t.copying.Lock()
	defer t.copying.Unlock()
	m := t.m
	w, err := t.copyTo(st, id)
	if err != nil {
		m.Log.Warn("cluster: a follower gets no copy of the file", "err", err)
		w = whole{Error: err.Error()}
	}
	b, err := json.Marshal(w)
	if err == nil {
		_, err = t.put(m.key("copy/", id, "/whole"), b)
	}
	if err == nil && w.Error == "" {
		m.Log.Info("cluster: a follower has a copy of the file to fetch", "pieces", w.Pieces)
	}
}

// copyTo puts a copy of the file into etcd, if there is room for it.
func (t *Term) copyTo(st *store.Store, id string) (w whole, err error) {
	ctx, cancel := context.WithTimeout(t.ended, askFor)
	used, err := t.m.Etcd.Size(ctx)
	cancel()
	if err != nil {
		return whole{}, err
	}
	room := int64(copyRoom) - used
	out := &pieceWriter{t: t, id: id, room: room}
	packed := gzip.NewWriter(out)
	if err := errors.Join(st.Backup(packed), packed.Close()); err != nil {
		return whole{}, err
	}
	if err := out.flush(true); err != nil {
		return whole{}, err
	}
	return whole{Pieces: out.n}, nil
}

type pieceWriter struct {
	t       *Term
	id      string
	room    int64
	n       int
	pending []byte
}

func (w *pieceWriter) Write(p []byte) (int, error) {
	if w.room -= int64(len(p)); w.room < 0 {
		return 0, errors.New("etcd has no room for a copy of the file: make one with peyk backup, carry it to the other machine, and have its DB_PATH name it")
	}
	w.pending = append(w.pending, p...)
	return len(p), w.flush(false)
}

// flush puts full pieces, or all that is left.
func (w *pieceWriter) flush(all bool) error {
	for len(w.pending) >= maxValue || all && len(w.pending) > 0 {
		n := min(len(w.pending), maxValue)
		if _, err := w.t.put(w.t.m.pieceKey(w.id, w.n), w.pending[:n]); err != nil {
			return err
		}
		w.n++
		w.pending = w.pending[n:]
	}
	return nil
}
