package store

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata"

	"peyk/sms"
)

// later is an order for a time in a zone; without one it is so long from now on.
func later(at time.Time, zone *time.Location) Scheduled {
	s := Scheduled{Order: *order(ali), At: at}
	s.Order.Ask = false
	if zone != nil {
		s.At, s.Zone = at.In(zone), zone.String()
	}
	return s
}

var laterMessages sms.ChatMessageID = 5000

// schedule asks about an order for later, and confirms it unless asks.
func schedule(tb testing.TB, s *Store, row Scheduled, asks bool) (id ScheduledID) {
	tb.Helper()
	laterMessages++
	row.Order.Message = laterMessages
	must(tb, s.Schedule(UpdateKey{Chat: group, Message: laterMessages}, row, func(row Scheduled) Post {
		id = row.ID
		return Post{Chat: group, Kind: PostText, Text: "?"}
	}))
	if !asks {
		must(tb, s.ConfirmScheduled(id, 1, func(Scheduled) Post { return Post{Chat: group, Kind: PostText, Text: "!"} }))
	}
	return id
}

func zoneOf(tb testing.TB, name string) *time.Location {
	tb.Helper()
	return ok(time.LoadLocation(name))
}

// TestAScheduledOrderKeepsWhatTheClockShows: if the rules of its zone change, it goes out when the clock on the wall shows what its agent wrote.
func TestAScheduledOrderKeepsWhatTheClockShows(t *testing.T) {
	tehran, berlin := zoneOf(t, "Asia/Tehran"), zoneOf(t, "Europe/Berlin")
	moved := rules("Asia/Tehran", 3*time.Hour) // half an hour behind those of today
	at := time.Date(2026, 7, 3, 9, 0, 0, 0, tehran)
	twice := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC) // 2:30 in Berlin, an hour before it is 2:30 again
	again := twice.Add(time.Hour)
	for name, test := range map[string]struct {
		row  Scheduled
		here *time.Location
		want time.Time
	}{
		"as it was":                        {later(at, tehran), tehran, at},
		"the zone has other rules":         {later(at, tehran), moved, at.Add(30 * time.Minute)},
		"so long from now on":              {later(at, nil), moved, at},
		"the settings name another zone":   {later(at, tehran), berlin, at},
		"nobody knows the zone":            {Scheduled{At: at, Zone: "Nowhere/At_all"}, berlin, at},
		"an hour that comes twice: first":  {later(twice, berlin), berlin, twice},
		"an hour that comes twice: second": {later(again, berlin), berlin, again},
	} {
		if got := test.row.due(test.here); !got.Equal(test.want) {
			t.Errorf("%s: due %v, want %v", name, got, test.want)
		}
	}

	path, c := tempFile(t), newClock()
	o := c.inbox(group)
	o.Location = tehran
	s := open(t, path, o)
	id := schedule(t, s, later(at, tehran), false)
	must(t, s.Close())
	o.Location = moved
	s = open(t, path, o)
	if got := ok(s.Scheduled(id)).At; !got.Equal(at.Add(30*time.Minute)) || got.Format("15:04") != "09:00" {
		t.Errorf("due %v", got)
	}
}

// TestAYearOfScheduledOrders in zones whose clocks change, with ends of the bridge that last for minutes to days: each order is due once, at its time or
// as soon as there is a bridge again.
func TestAYearOfScheduledOrders(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "Asia/Tehran"} {
		t.Run(name, func(t *testing.T) {
			zone := zoneOf(t, name)
			random := rand.New(rand.NewPCG(1, 2))
			path, c := tempFile(t), newClock()
			start := time.Date(2021, 1, 1, 0, 0, 0, 0, zone) // when Iran had summer time
			c.unix.Store(start.Unix())
			o := c.inbox(group)
			o.Location = zone
			s := open(t, path, o)
			down := time.Time{} // since when nobody looked
			wanted, went := map[ScheduledID]time.Time{}, 0
			for now := start; now.Before(start.AddDate(1, 0, 0)); now = c.now().In(zone) {
				if random.IntN(4) == 0 {
					at := time.Date(now.Year(), now.Month(), now.Day()+random.IntN(20), random.IntN(24), 30*random.IntN(2), 0, 0, zone)
					row := later(at, zone)
					if random.IntN(4) == 0 {
						row = later(at, nil)
					}
					if at.After(now) {
						wanted[schedule(t, s, row, false)] = at
					}
				}
				c.pass(time.Duration(1+random.IntN(600)) * time.Minute)
				if random.IntN(30) == 0 {
					crash(t, s)
					c.pass(time.Duration(random.IntN(72*60)) * time.Minute)
					s = open(t, path, o)
				}
				s.HeardAnswer(0, c.now())
				due, wait, err := s.DueScheduled()
				must(t, err)
				for _, row := range due {
					at, is := wanted[row.ID]
					if !is || at.After(c.now()) || !at.After(down) && !down.IsZero() {
						t.Fatalf("at %v order %d is due, which is for %v; looked last at %v", c.now(), row.ID, at, down)
					}
					if row.Zone != "" && row.At.Format("15:04") != at.Format("15:04") {
						t.Errorf("%v became %v", at, row.At)
					}
					delete(wanted, row.ID)
					o := row.Order
					o.Due = row.At
					ok(s.BeginScheduled(row.ID, o))
					if _, err := s.BeginScheduled(row.ID, o); !errors.Is(err, ErrNotFound) {
						t.Errorf("it begins twice: %v", err)
					}
					went++
				}
				for id, at := range wanted {
					if !at.After(c.now()) || at.Sub(c.now()) < wait && wait > 0 && len(due) == 0 {
						t.Fatalf("at %v order %d for %v is not due; asked to wait %v", c.now(), id, at, wait)
					}
				}
				down = c.now()
			}
			if batches := len(ok(s.Batches(group, 10000))); batches != went || went < 50 {
				t.Errorf("%d orders, %d were due", batches, went)
			}
		})
	}
}

// TestNothingIsDueByAClockThatNobodyKnows, as at the start, before Telegram has answered.
func TestNothingIsDueByAClockThatNobodyKnows(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	s.HeardAnswer(0, c.now())
	schedule(t, s, later(c.now().Add(time.Hour), nil), false)
	crash(t, s)
	c.pass(2 * time.Hour)
	s = ok(Open(path, c.inbox(group)))
	defer s.Close()
	if due, wait, err := s.DueScheduled(); len(due) != 0 || wait != time.Second || err != nil {
		t.Errorf("%v, %v, %v", due, wait, err)
	}
	s.HeardAnswer(0, c.now())
	if due, _, err := s.DueScheduled(); len(due) != 1 || err != nil {
		t.Errorf("%v, %v", due, err)
	}
}

func TestQuestionsAboutOrdersForLater(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	s.HeardAnswer(0, c.now())
	said := func(Scheduled) Post { return Post{Chat: group, Kind: PostText, Text: "!"} }
	id := schedule(t, s, later(c.now().Add(time.Hour), nil), true)
	c.pass(askFor - time.Second)
	if wait := ok(s.Expire()); wait != time.Second {
		t.Errorf("wait %v", wait)
	}
	must(t, s.ConfirmScheduled(id, 7, said))
	if err := s.ConfirmScheduled(id, 7, said); !errors.Is(err, ErrDecided) {
		t.Error(err)
	}
	if got := ok(s.Scheduled(id)); !got.Confirmed || got.Message != 7 {
		t.Errorf("%+v", got)
	}
	forgotten, soon := schedule(t, s, later(c.now().Add(time.Hour), nil), true), schedule(t, s, later(c.now().Add(time.Minute), nil), true)
	c.pass(time.Minute)
	if err := s.ConfirmScheduled(soon, 8, said); !errors.Is(err, ErrExpired) { // it is past
		t.Error(err)
	}
	c.pass(askFor)
	ok(s.Expire())
	for _, gone := range []ScheduledID{forgotten, soon} {
		if err := s.ConfirmScheduled(gone, 8, said); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	}
	if all := ok(s.ScheduledIn(group)); len(all) != 1 || all[0].ID != id {
		t.Errorf("%+v", all)
	}
	must(t, s.EndScheduled(id))
	if err := s.EndScheduled(id); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// TestACapStopsAScheduledOrder, which then stays, as nothing was stored of what it was to become.
func TestACapStopsAScheduledOrder(t *testing.T) {
	path, c := tempFile(t), newClock()
	o := c.inbox(group)
	o.DailyParts = 1
	s := open(t, path, o)
	row := later(c.now().Add(time.Hour), nil)
	row.Order.Pieces = [][]sms.Number{{ali, sara}}
	id := schedule(t, s, row, false)
	if _, err := s.BeginScheduled(id, row.Order); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	ok(s.Scheduled(id))
	if n := len(queued(t, s)); n != 0 {
		t.Errorf("%d pieces are queued", n)
	}
}

func TestSoManyOrdersForLater(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	must(t, s.update(func(t *tx) error {
		for id := range MaxScheduled {
			row := later(c.now().Add(time.Hour), nil)
			row.ID = ScheduledID(id + 1)
			if err := t.putScheduled(row); err != nil {
				return err
			}
		}
		return nil
	}))
	if err := s.Schedule(UpdateKey{Chat: group, Message: 1}, later(c.now().Add(time.Hour), nil), nil); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
	if ok(s.Taken(UpdateKey{Chat: group, Message: 1})) {
		t.Error("the update was taken")
	}
}

// rules returns a zone of that name whose clocks never change.
func rules(name string, offset time.Duration) *time.Location {
	data := append([]byte("TZif"), make([]byte, 16)...)
	for _, n := range []uint32{0, 0, 0, 0, 1, 4} { // one kind of time, called "now"
		data = binary.BigEndian.AppendUint32(data, n)
	}
	data = binary.BigEndian.AppendUint32(data, uint32(offset/time.Second))
	return ok(time.LoadLocationFromTZData(name, append(data, "\x00\x00now\x00"...)))
}

// TestWhatIsScheduledInABackupIsDoubtful: it may have gone out, or been cancelled, since; and no button of since then is about another order.
func TestWhatIsScheduledInABackupIsDoubtful(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	id := schedule(t, s, later(c.now().Add(time.Hour), nil), false)
	saved := backup(t, s)
	since := schedule(t, s, later(c.now().Add(time.Hour), nil), false)
	must(t, s.EndScheduled(id))
	must(t, s.Close())
	ok(Restore(saved, path, c.inbox(group)))
	s = open(t, path, c.inbox(group))
	if row := ok(s.Scheduled(id)); !row.Order.Doubtful || !row.Confirmed {
		t.Errorf("got %+v", row)
	}
	if next := schedule(t, s, later(c.now().Add(time.Hour), nil), false); next <= since {
		t.Errorf("order %d after %d", next, since)
	}
}
