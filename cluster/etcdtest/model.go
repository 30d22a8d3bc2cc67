// Package etcdtest is etcd for tests: a model of it in memory, which can lose what is asked of it and what it answers, and the real one as processes on
// loopback. Both pass one contract, in contract_test.go. It knows etcd's transactions, and nothing of what the cluster keeps in them.
package etcdtest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	"peyk/cluster"
)

// Model is etcd in memory. Its zero value has no keys. It is safe for concurrent use.
type Model struct {
	mu       sync.Mutex
	keys     map[string]pair
	sorted   []string // the keys
	revision int64
}

type pair struct {
	value    []byte
	revision int64
}

// Link is how one member reaches the model. The zero value of each field loses nothing.
type Link struct {
	*Model
	// Ask waits as long as a request takes on its way there; an error means that it never arrives.
	Ask func(ctx context.Context) error
	// Answer waits as long as the answer takes; an error means that it is lost.
	Answer func(ctx context.Context) error
}

// ErrLost is what a link returns that lost a request or an answer.
var ErrLost = errors.New("no answer")

func (l *Link) Do(ctx context.Context, t cluster.Txn) (cluster.Result, error) {
	if l.Ask != nil {
		if err := l.Ask(ctx); err != nil {
			return cluster.Result{}, err
		}
	}
	r, err := l.Model.Do(context.WithoutCancel(ctx), t)
	if l.Answer != nil {
		if err := l.Answer(ctx); err != nil {
			return cluster.Result{}, err
		}
	}
	return r, err
}

func (m *Model) Do(ctx context.Context, t cluster.Txn) (cluster.Result, error) {
	if err := ctx.Err(); err != nil {
		return cluster.Result{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys, m.revision = map[string]pair{}, 1
	}
	r := cluster.Result{Held: true}
	for _, g := range t.If {
		at, there := m.keys[g.Key]
		if g.Value != nil && (!there || !bytes.Equal(at.value, g.Value)) || g.Value == nil && at.revision != g.Revision {
			r.Held = false
		}
	}
	ops := t.Then
	if !r.Held {
		ops = t.Else
	}
	next := m.revision + 1
	for _, o := range ops {
		found := m.find(o)
		switch {
		case o.Put != nil:
			if i, there := slices.BinarySearch(m.sorted, o.Key); !there {
				m.sorted = slices.Insert(m.sorted, i, o.Key)
			}
			m.keys[o.Key] = pair{bytes.Clone(o.Put), next}
			m.revision = next
		case o.Delete:
			for _, p := range found {
				i, _ := slices.BinarySearch(m.sorted, p.Key)
				m.sorted = slices.Delete(m.sorted, i, i+1)
				delete(m.keys, p.Key)
				m.revision = next
			}
		default:
			r.Reads = append(r.Reads, found)
		}
	}
	r.Revision = m.revision
	return r, nil
}

// find returns what an operation reads or deletes.
func (m *Model) find(o cluster.Op) (found []cluster.Pair) {
	first, there := slices.BinarySearch(m.sorted, o.Key)
	end := first
	switch {
	case o.To != "":
		end, _ = slices.BinarySearch(m.sorted, o.To)
	case there:
		end++
	}
	keys := m.sorted[first:max(first, end)]
	if o.Limit > 0 && int64(len(keys)) > o.Limit {
		keys = keys[:o.Limit]
	}
	for _, key := range keys {
		p := cluster.Pair{Key: key, Revision: m.keys[key].revision}
		if !o.Names {
			p.Value = m.keys[key].value // which nobody changes
		}
		found = append(found, p)
	}
	return found
}

func (m *Model) Compact(context.Context, int64) error { return nil } // it keeps no history

func (m *Model) Size(context.Context) (size int64, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, at := range m.keys {
		size += int64(len(key) + len(at.value))
	}
	return size, nil
}

// Clear removes all keys, as if etcd had been set up anew.
func (m *Model) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.keys)
	m.sorted = nil
}
