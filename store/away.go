package store

import (
	"bytes"
	"errors"
	"hash/fnv"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"peyk/internal/hours"
	"peyk/sms"
)

// A customer who writes while the team does not work may be sent a text of its own accord, once in each closed time: the away text. The transaction that
// stores their SMS decides that, and stores the text as a batch without an agent, which is sent as any other. So nothing is lost or repeated by a crash:
// what is not stored will be fetched again, and what is stored was decided.
//
// An away text is no answer: its customer still waits. Whatever shows the SMS says that they get one; a message of its own tells only that one was not
// sent, that nobody knows, or that it did not arrive. Nobody is asked: what is uncertain, or waits for more than an hour, is left.

// Away says when customers are sent the away text.
type Away struct {
	Text      string   // never when empty
	Parts     int      // of it, for each customer
	PerHour   int      // at most so many within an hour, to all customers together
	Prefixes  []string // customers' numbers begin with one of them; are of this country when empty
	LowCredit float64  // none while less is left at the panel, or that is not known; any credit will do when zero
}

// Away returns what customers are sent of the store's own accord.
func (s *Store) Away() Away { return s.opts.Away }

// Why customers get no away text, where a limit stops what they would get otherwise. Admins are told, once in each closed time.
const (
	AwayHour   = "hour"   // Away.PerHour were sent
	AwayCredit = "credit" // the credit is low, or not known
	AwayDay    = "day"    // the parts of a day are used up
)

// awayNot is why a customer gets none of whom nobody needs to be told.
const awayNot = "not"

// lastAway is the last away text that a customer was sent.
type lastAway struct {
	At time.Time `json:"at"`
	To uint64    `json:"to"` // a hash of what they had written
}

// awayFacts is what decides whether an SMS gets the away text.
type awayFacts struct {
	SMS       sms.Message
	Customer  Customer
	Now       time.Time
	Sure      bool // Now can be believed
	Work      hours.Calendar
	Shown     bool    // in a chat: somebody will read it, and what became of the away text
	Withheld  bool    // they opted out, or are blocked
	LastHour  int     // away texts
	PartsLeft int     // of the day
	Credit    float64 // at the panel; negative when it is not known
}

// whether tells whether an SMS gets the away text: "" if it does, or one of the reasons above.
func (a Away) whether(f awayFacts) string {
	last := f.Customer.Away
	if last != nil && last.At.After(f.Now.Add(ClockOff)) { // by a clock that was ahead
		last = nil
	}
	switch {
	case a.Text == "" || !f.Sure || !f.Shown || f.Withheld:
	case !a.reaches(f.SMS.Customer):
	case f.Work.Open(f.Now) || !f.closedAt(f.SMS.Time) || !f.closedAt(f.SMS.Received):
	case f.Customer.Claim.Owner != 0 && f.Now.Sub(f.Customer.Claim.At).Abs() < claimLasts: // an agent answers them, hours or not
	case a.echoed(f.SMS.Text):
	case last != nil && f.Work.Add(last.At, 1).After(f.Now): // the team has not worked since
	case last != nil && last.To == awayHash(f.SMS.Text): // who says the same each time may be a machine that answers ours
	case f.LastHour >= a.PerHour:
		return AwayHour
	case a.LowCredit > 0 && f.Credit < a.LowCredit:
		return AwayCredit
	case f.PartsLeft < a.Parts:
		return AwayDay
	default:
		return ""
	}
	return awayNot
}

// closedAt tells whether the team did not work at a time of the SMS, if that is known, and it is not long ago: who wrote then expects nothing any more. One
// far ahead is of a clock that is wrong.
func (f awayFacts) closedAt(at time.Time) bool {
	return at.IsZero() || !f.Work.Open(at) && f.Now.Sub(at).Abs() <= waitsFor
}

// reaches tells whether n is a mobile telephone that the away text may be sent to. Senders can be forged, and nobody is there to be asked: one abroad, which
// costs many times the usual, must be allowed by its prefix. Behind other numbers are machines.
func (a Away) reaches(n sms.Number) bool {
	abroad := n.Foreign() && n.Answerable() && len(a.Prefixes) > 0
	allowed := func(prefix string) bool { return strings.HasPrefix(string(n.International()), prefix) }
	return (abroad || n.Mobile()) && (len(a.Prefixes) == 0 || slices.ContainsFunc(a.Prefixes, allowed))
}

// echoed tells whether a text is the away text, holds it, or is much of it: then another machine has sent ours back.
func (a Away) echoed(words string) bool {
	ours, theirs := sms.Fold(a.Text), sms.Fold(words)
	much := utf8.RuneCountInString(theirs) > utf8.RuneCountInString(ours)/2 // a greeting that ours begins with is not
	return strings.Contains(theirs, ours) || much && strings.Contains(ours, theirs)
}

func awayHash(words string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(sms.Fold(words)))
	return h.Sum64()
}

// awayRow is what the file remembers of all away texts.
type awayRow struct {
	Sent []int64   `json:"sent,omitempty"` // when those of the last hour were stored, Unix time
	Told time.Time `json:"told,omitzero"`  // when the admins were last told that a limit stops them
}

// lastHour returns those of an hour before now. Of a clock that was ahead none are.
func (r awayRow) lastHour(now time.Time) []int64 {
	return slices.DeleteFunc(slices.Clone(r.Sent), func(at int64) bool { return now.Unix()-at >= 3600 || at > now.Add(ClockOff).Unix() })
}

func (t *tx) awayRow() (row awayRow, err error) {
	if err = get(t.bucket(bucketMeta), keyAway, &row); errors.Is(err, ErrNotFound) {
		err = nil
	}
	return row, err
}

// getsAway decides whether an SMS of c, which is shown in a chat or not, gets the away text. If only a limit stops that, the admins are told.
func (t *tx) getsAway(m sms.Message, c Customer, shown bool) (bool, error) {
	a := t.store.opts.Away
	if a.Text == "" {
		return false, nil
	}
	work, err := t.hours()
	if err != nil || work.Open(t.now) {
		return false, err
	}
	row, err := t.awayRow()
	if err != nil {
		return false, err
	}
	f := awayFacts{SMS: m, Customer: c, Now: t.now, Work: work, Shown: shown, LastHour: len(row.lastHour(t.now))}
	clock, err := t.clockRow()
	if err != nil {
		return false, err
	}
	heard := t.store.clock()
	f.Sure = heard.known || heard.off == 0 && clock.trusted()
	why, err := t.withheld(m.Conversation)
	if err != nil {
		return false, err
	}
	f.Withheld = why != sms.NoReason
	if f.Credit, err = t.lastCredit(); err != nil {
		return false, err
	}
	f.PartsLeft = a.Parts
	if _, err := t.afford(0, a.Parts); err != nil {
		over, is := errors.AsType[*OverCap](err)
		if !is {
			return false, err
		}
		f.PartsLeft = over.Left
	}
	not := a.whether(f)
	told := !row.Told.After(t.now.Add(ClockOff)) && work.Add(row.Told, 1).After(t.now)
	if not == "" || not == awayNot || told {
		return not == "", nil
	}
	row.Told = t.now
	if err := put(t.bucket(bucketMeta), keyAway, row); err != nil {
		return false, err
	}
	return false, t.addIncident(&Incident{Kind: AwayStopped, From: t.now, Count: a.PerHour, Reason: not})
}

// lastCredit returns the credit that was read last; negative if none was.
func (t *tx) lastCredit() (float64, error) {
	key, value := t.bucket(bucketCredit).Cursor().Last()
	if key == nil {
		return -1, nil
	}
	var day creditDay
	err := decode(value, &day)
	return day.Credit, err
}

// addAway stores the away text for c, who wrote m, to be sent, and that they got it. What becomes of it is told at p.
func (t *tx) addAway(m sms.Message, c Customer, p sms.Place) error {
	row, err := t.awayRow()
	if err != nil {
		return err
	}
	row.Sent = append(row.lastHour(t.now), t.now.Unix())
	c.Away = &lastAway{At: t.now, To: awayHash(m.Text)}
	if err := errors.Join(put(t.bucket(bucketMeta), keyAway, row), t.putCustomer(c)); err != nil {
		return err
	}
	a := t.store.opts.Away
	id, err := t.bucket(bucketBatch).NextSequence()
	if err != nil {
		return err
	}
	b := Batch{ID: BatchID(id), Place: p, Line: m.Line, Text: a.Text, Parts: a.Parts, Created: t.now, State: Going, N: 1, Away: true}
	b.Chat = t.resolve(p.Chat)
	if b.Post, err = t.bucket(bucketPost).NextSequence(); err != nil {
		return err
	}
	if err := t.addPiece(&b, 0, []Row{{To: m.Customer}}, PieceQueued); err != nil {
		return err
	}
	if err := t.spend(0, b.cost()); err != nil {
		return err
	}
	return errors.Join(t.bucket(bucketChatBatch).Put(chatBatchKey(b.Chat, b.ID), nil), t.putBatch(b))
}

// isAway tells whether a batch, as it is in the file, is an away text.
func isAway(row []byte) bool { return bytes.Contains(row, []byte(`"away":true`)) }
