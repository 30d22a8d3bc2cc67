package play

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// restored is a backup that was put in the place of the file. What happened between the two the bridges after it cannot know.
type restored struct {
	backup, at time.Time
	mark       time.Time        // when the fetch had begun that was in flight at the backup, as in start
	unsent     map[Attempt]bool // SMS that the backup has as not sent, or as perhaps sent
	topics     map[int]bool     // topics that it knows
	lost       []batch          // batches that it does not know, but the file that it replaced did
}

// NoteRestored notes that a backup, made at a time, is put in the place of a file, which no bridge has open. Both are copied to dir to be read.
func (w *World) NoteRestored(backup, file string, made time.Time, dir string) {
	w.Helper()
	x := restored{backup: made, at: time.Now(), mark: w.FetchMark(backup, filepath.Join(dir, "mark.db")), unsent: map[Attempt]bool{}, topics: map[int]bool{}}
	w.Mu.Lock()
	defer w.Mu.Unlock()
	last := store.BatchID(0)
	for _, b := range w.batchesIn(backup, filepath.Join(dir, "read.db"), func(st *store.Store) {
		for _, s := range w.Inbound {
			c, err := st.Customer(sms.Number(s.Customer))
			if err != nil {
				w.Errorf("customer in a backup: %v", err)
			}
			for _, p := range c.Topics {
				x.topics[int(p.Topic)] = true
			}
		}
	}) {
		last = max(last, b.ID)
		for _, r := range b.recipients {
			if r.Status == sms.Queued || r.Status == sms.Sending {
				x.unsent[Attempt{b.Text, string(r.Customer)}] = true
			}
		}
	}
	for _, b := range w.batchesIn(file, filepath.Join(dir, "read.db"), nil) {
		if b.ID > last {
			x.lost = append(x.lost, b)
		}
	}
	w.Restored = append(w.Restored, x)
	w.doubtOmid(made)
	for i := range w.Orders { // a prepared answer that was not sent yet may be forgotten, too
		w.Orders[i].perhaps = w.Orders[i].perhaps || w.Orders[i].canned
	}
}

// batchesIn returns the batches in a file, which is copied to path, and has more read.
func (w *World) batchesIn(file, path string, more func(*store.Store)) []batch {
	if err := CopyFile(file, path); err != nil {
		w.Errorf("read %s: %v", file, err)
		return nil
	}
	st, err := store.Inspect(path, w.StoreOptions())
	if err != nil {
		return nil // it did not get so far
	}
	defer st.Close()
	all, err := w.batches(st)
	if err != nil {
		w.Errorf("batches in %s: %v", file, err)
	}
	if more != nil {
		more(st)
	}
	return all
}

// forgotten reports whether the bridges of now cannot know what happened at a time.
func (p Past) forgotten(at time.Time) bool { return p.forgottenBy(at, time.Now()) }

// forgottenBy reports whether the bridge of a time cannot know what happened at another.
func (p Past) forgottenBy(at, then time.Time) bool {
	return slices.ContainsFunc(p.Restored, func(x restored) bool { return at.After(x.backup) && at.Before(x.at) && x.at.Before(then) })
}

// era returns how many backups had been restored by then.
func (p Past) era(t time.Time) (n int) {
	for _, x := range p.Restored {
		if t.After(x.at) {
			n++
		}
	}
	return n
}

// lostOf returns how many batches of an order each restored backup made lost.
func (p Past) lostOf(o Order) (found [][]batch) {
	for _, x := range p.Restored {
		found = append(found, slices.DeleteFunc(slices.Clone(x.lost), func(b batch) bool {
			return b.Text != o.Text && !(b.Forgotten && int64(b.Chat) == o.Chat && int(b.Message) == o.Message)
		}))
	}
	return found
}

// lostWith reports whether Telegram gave up the update by which an order came.
func (p Past) lostWith(o Order) bool {
	return slices.ContainsFunc(p.lost, func(u telegram.Update) bool {
		return u.Kind == "message" && strings.Contains(u.JSON, strconv.Quote(o.Said))
	})
}

// unsettled reports whether a bridge of now may not know what became of a request to send because of a backup that was restored since.
func (p Past) unsettled(a Attempt, r Call) bool {
	return slices.ContainsFunc(p.Restored, func(x restored) bool {
		return r.At.Before(x.at) && (r.At.After(x.backup) || x.unsent[a])
	})
}
