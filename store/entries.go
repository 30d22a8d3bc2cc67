package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"peyk/sms"
)

// Entry is an SMS as figures are made of it: without its words.
type Entry struct {
	Direction sms.Direction
	Line      sms.Number
	Customer  int         // the how-many-th other customer of those among the entries, from 0 on
	At        int64       // Unix time: when it reached us, or when it was ordered, and then taken by the panel
	Agent     sms.AgentID // who ordered it
	AgentName string      // theirs then; "" where it is not of a simple form
	Away      bool        // nobody did: it is an away text
	Status    sms.Status  // of an outbound one
}

// entriesRead is how many rows are read at once: some milliseconds, as the file grows while a read is under way.
const entriesRead = 10000

// entriesSlack is by how much SMS may stand behind younger ones: a clock may have been set.
const entriesSlack = aDay

// Entries calls yield with each SMS since then, about the oldest first. It reads the file in short pieces, and what comes or changes meanwhile may be
// among them or not. The entry is yield's until it returns. Between two pieces the end of ctx ends it.
func (s *Store) Entries(ctx context.Context, since time.Time, yield func(*Entry)) error {
	r := entryReader{lines: map[string]sms.Number{}, customers: map[string]int{}, names: map[string]string{}}
	var next []byte
	for first := true; first || next != nil; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.view(func(t *tx) error {
			if first {
				var err error
				if next, err = t.firstSince(since.Add(-entriesSlack)); err != nil {
					return err
				}
			}
			r.batches, r.batch = t.bucket(bucketBatch), 0
			c := t.bucket(bucketSMS).Cursor()
			key, value := c.Seek(next)
			for n := 0; key != nil && n < entriesRead; n++ {
				e, err := r.read(key, value)
				if err != nil {
					return err
				}
				if e.At >= since.Unix() {
					yield(e)
				}
				key, value = c.Next()
			}
			next = bytes.Clone(key)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// firstSince returns the key of about the first SMS since then, nil for one before all: it searches by halves, as they are in order but for set clocks.
func (t *tx) firstSince(then time.Time) ([]byte, error) {
	c := t.bucket(bucketSMS).Cursor()
	first, _ := c.First()
	last, _ := c.Last()
	if first == nil {
		return nil, nil
	}
	low, high := binary.BigEndian.Uint64(first), binary.BigEndian.Uint64(last)
	for low < high {
		middle := low + (high-low)/2
		key, value := c.Seek(u64(middle))
		m, err := readSMS(key, value)
		if err != nil {
			return nil, err
		}
		if arrived(m).Before(then) {
			low = uint64(m.Seq) + 1
		} else {
			high = middle
		}
	}
	return u64(low), nil
}

// entryReader reads entries out of rows. A million of them decoded as JSON would take seconds: it looks for the few fields it needs. What stands in
// quotes holds no quote that is not escaped, so a field's name in quotes, and a colon, is that field.
type entryReader struct {
	lines     map[string]sms.Number
	customers map[string]int
	names     map[string]string // of agents
	batches   bucket
	batch     uint64 // the last one read
	agent     sms.AgentID
	agentName string
	away      bool
	entry     Entry
}

func (r *entryReader) read(key, value []byte) (*Entry, error) {
	line, plain := textField(value, `"l":"`)
	customer, also := textField(value, `"c":"`)
	if len(value) == 0 || value[0] != recordVersion || !plain || !also { // of an unusual form: it tells what is wrong
		m, err := readSMS(key, value)
		if err != nil {
			return nil, err
		}
		line, customer = []byte(m.Line), []byte(m.Customer)
	}
	e := &r.entry
	*e = Entry{Direction: sms.Direction(intField(value, `"d":`)), Status: sms.Status(intField(value, `"s":`)), At: intField(value, `"r":`)}
	if sms.Reason(intField(value, `"f":`)).Withheld() {
		e.Status = sms.Queued // it never left us
	}
	var known bool
	if e.Line, known = r.lines[string(line)]; !known {
		e.Line = sms.Number(line)
		r.lines[string(line)] = e.Line
	}
	if e.Customer, known = r.customers[string(customer)]; !known {
		e.Customer = len(r.customers)
		r.customers[string(customer)] = e.Customer
	}
	if e.At == 0 {
		e.At = intField(value, `"t":`)
	}
	if batch := uint64(intField(value, `"b":`)); batch != 0 {
		if batch != r.batch {
			row := r.batches.Get(u64(batch))
			name, _ := textField(row, `"who":"`)
			if _, known := r.names[string(name)]; !known {
				r.names[string(name)] = string(name)
			}
			r.batch, r.agent, r.agentName, r.away = batch, sms.AgentID(intField(row, `"agent":`)), r.names[string(name)], isAway(row)
		}
		e.Agent, e.AgentName, e.Away = r.agent, r.agentName, r.away
	}
	return e, nil
}

// textField returns what stands in quotes behind name, and whether it stands there as it is.
func textField(value []byte, name string) (text []byte, plain bool) {
	i := bytes.Index(value, []byte(name))
	if i < 0 {
		return nil, false
	}
	rest := value[i+len(name):]
	end := bytes.IndexByte(rest, '"')
	if end < 0 || bytes.IndexByte(rest[:end], '\\') >= 0 {
		return nil, false
	}
	return rest[:end], true
}

// intField returns the whole number behind name; 0 where there is none.
func intField(value []byte, name string) int64 {
	i := bytes.Index(value, []byte(name))
	if i < 0 {
		return 0
	}
	n, sign := int64(0), int64(1)
	for j, c := range value[i+len(name):] {
		switch {
		case c == '-' && j == 0:
			sign = -1
		case c >= '0' && c <= '9':
			n = 10*n + int64(c-'0')
		default:
			return sign * n
		}
	}
	return sign * n
}
