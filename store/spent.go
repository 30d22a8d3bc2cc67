package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"peyk/sms"
)

// OverCap is the error of an order that would take its agent above what one may order in a day. Nothing of it was stored.
type OverCap struct {
	Parts int // the order takes
	Left  int // of the day
	Cap   int
}

func (e *OverCap) Error() string {
	return fmt.Sprintf("an order of %d parts, %d of %d a day are left", e.Parts, e.Left, e.Cap)
}

// cost is how many parts b takes, those it reaches together. Batches of versions that did not count them take one for each recipient.
func (b Batch) cost() int {
	if b.own() {
		return b.Bulk.Parts
	}
	return (b.N - b.Withheld) * max(b.Parts, 1)
}

// spend counts parts as ordered by an agent today, or returns an OverCap. They stay counted whatever becomes of the order: nobody knows what a
// panel charges for, and if failures did not count, an agent could try without end.
func (t *tx) spend(agent sms.AgentID, parts int) error {
	spent, err := t.afford(agent, parts)
	if err != nil {
		return err
	}
	return put(t.bucket(bucketSpent), spentKey(t.today(), agent), spent+parts)
}

// afford returns how many parts an agent has ordered today, or an OverCap if these would be too many.
func (t *tx) afford(agent sms.AgentID, parts int) (spent int, err error) {
	if err := get(t.bucket(bucketSpent), spentKey(t.today(), agent), &spent); err != nil && !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	if limit := t.store.opts.DailyParts; limit > 0 && spent+parts > limit {
		return spent, &OverCap{Parts: parts, Left: max(0, limit-spent), Cap: limit}
	}
	return spent, nil
}

// today returns the day of the calendar, in the zone of the settings, as its number since 1970.
func (t *tx) today() uint32 {
	now := t.now
	if newest := t.store.newest.Load(); newest != 0 && !t.store.clock().known { // who orders writes to us by Telegram
		now = time.Unix(newest, 0)
	}
	year, month, day := now.In(t.store.opts.Location).Date()
	return uint32(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / int64(aDay/time.Second))
}

// endOf returns when the day that a key begins with is over, give or take the time zone.
func endOf(key []byte) time.Time {
	return time.Unix((int64(binary.BigEndian.Uint32(key))+1)*int64(aDay/time.Second), 0)
}
