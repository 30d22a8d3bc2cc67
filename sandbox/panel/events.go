package panel

import (
	"context"
	"time"
)

// EventKind says what happened.
type EventKind string

const (
	// Received: a customer wrote.
	Received EventKind = "received"
	// Fetched: GetMsg handed out the SMS.
	Fetched EventKind = "fetched"
	// Accepted: the panel accepted an SMS to send.
	Accepted EventKind = "accepted"
	// StatusChanged: the status of an accepted SMS moved.
	StatusChanged EventKind = "status"
	// Called: a call was handled; Request says how.
	Called EventKind = "called"
	// Down and Up: the panel left the net and came back.
	Down EventKind = "down"
	Up   EventKind = "up"
)

// Event is something that happened at the panel. SMS is set for Received, Fetched, Accepted and StatusChanged, Request for Called.
type Event struct {
	Kind    EventKind `json:"kind"`
	At      time.Time `json:"at"`
	SMS     SMS       `json:"sms,omitzero"`
	Request Request   `json:"request,omitzero"`
}

// Watch returns what happens from now on, in order and without gaps, until ctx ends; then the channel is closed. A slow reader delays
// nobody: what it has not read is kept for it.
func (s *Server) Watch(ctx context.Context) <-chan Event {
	w := &watcher{more: make(chan struct{}, 1)}
	s.mu.Lock()
	s.watchers[w] = struct{}{}
	s.mu.Unlock()

	out := make(chan Event)
	go func() {
		defer close(out)
		defer func() {
			s.mu.Lock()
			delete(s.watchers, w)
			s.mu.Unlock()
		}()
		for {
			s.mu.Lock()
			events := w.queue
			w.queue = nil
			s.mu.Unlock()
			for _, e := range events {
				select {
				case out <- e:
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-w.more:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// watcher is one reader of events. queue is guarded by Server.mu.
type watcher struct {
	queue []Event
	more  chan struct{} // holds one token while queue may be non-empty
}

// publish tells watchers and waiters. mu is held.
func (s *Server) publish(e Event) {
	e.At = s.now()
	for w := range s.watchers {
		w.queue = append(w.queue, e)
		select {
		case w.more <- struct{}{}:
		default:
		}
	}
	s.wake()
}
