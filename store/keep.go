package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"peyk/internal/backoff"
)

// Persist repeats a write that must not be lost while the disk is full or broken; any other error is returned at once, as no repetition
// helps. The end of ctx ends it early. What cannot be learned again, such as the outcome of a send, is given a ctx without an end: rather
// than lose it the bridge waits for room, until GiveUp. what is being done, as a log line says it.
func (s *Store) Persist(ctx context.Context, what string, write func() error) error {
	disk := backoff.Backoff{Log: s.opts.Log, What: "store: " + what, Shortest: 100 * time.Millisecond}
	for {
		err := write()
		if err == nil {
			disk.After(nil)
			return nil
		}
		if !errors.Is(err, ErrDisk) || ctx.Err() != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		disk.Wait(ctx, err, s.givenUp)
		select {
		case <-s.givenUp:
			s.unsaved.Add(1)
			s.opts.Log.Error("the store took no write until the end: the next start asks about what it was, or tells that it may be lost", "what", what)
			return fmt.Errorf("%s: %w", what, err)
		default:
		}
	}
}

// GiveUp ends the waiting of all who Persist, now and later: the program ends. It is called once.
func (s *Store) GiveUp() { close(s.givenUp) }

// Unsaved returns how many writes were given up.
func (s *Store) Unsaved() int { return int(s.unsaved.Load()) }
