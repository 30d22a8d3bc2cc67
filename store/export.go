package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"time"

	"peyk/sms"
)

// Export says which SMS are to be exported.
type Export struct {
	Since    time.Time  // that reached us, or were ordered, since then; of any time when zero
	Customer sms.Number // only theirs; of all when empty
}

// ExportRow is an SMS with what else is known of it.
type ExportRow struct {
	SMS
	Name  string // the customer's
	Order Batch  // that sent it, of an outbound one
}

// exportRows is how many SMS are read at once: some milliseconds.
const exportRows = 500

// Export calls yield with SMS, the oldest first, some at a time. It reads the file in short pieces, and yield may take its time between them; what comes or
// changes meanwhile may be among them or not. Of forgotten customers there is nothing. The end of ctx ends it.
func (s *Store) Export(ctx context.Context, e Export, yield func([]ExportRow) error) error {
	var next []byte
	for first := true; first || next != nil; first = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		var rows []ExportRow
		err := s.view(func(t *tx) error {
			rows = nil
			if first && !e.Since.IsZero() {
				var err error
				if next, err = t.firstSince(e.Since.Add(-entriesSlack)); err != nil {
					return err
				}
			}
			var err error
			rows, next, err = t.exported(e, next)
			return err
		})
		if err == nil && len(rows) > 0 {
			err = yield(rows)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// exported returns the next rows of e from a key on, and where to go on; nil at the end.
func (t *tx) exported(e Export, from []byte) (rows []ExportRow, next []byte, err error) {
	names, batches := map[sms.Number]string{}, map[BatchID]Batch{}
	c := t.bucket(bucketSMS).Cursor()
	key, value := c.Seek(from)
	for n := 0; key != nil && n < entriesRead && len(rows) < exportRows; n++ {
		customer, err := customerIn(key, value)
		if err != nil {
			return nil, nil, err
		}
		if e.Customer == "" || string(customer) == string(e.Customer) {
			row, ok, err := t.exportedRow(e, key, value, names, batches)
			if err != nil {
				return nil, nil, err
			}
			if ok {
				rows = append(rows, row)
			}
		}
		key, value = c.Next()
	}
	if key != nil {
		next = u64(binary.BigEndian.Uint64(key))
	}
	return rows, next, nil
}

// exportedRow reads one row, with the names and batches that were read before. It reports false if the row is not to be exported.
func (t *tx) exportedRow(e Export, key, value []byte, names map[sms.Number]string, batches map[BatchID]Batch) (row ExportRow, ok bool, err error) {
	if row.SMS, err = readSMS(key, value); err != nil || arrived(row.SMS).Before(e.Since) {
		return row, false, err
	}
	if row.Direction == sms.Outbound {
		b, known := batches[row.Batch]
		if !known {
			if b, err = t.batch(row.Batch); err != nil && !errors.Is(err, ErrNotFound) {
				return row, false, err
			}
			batches[row.Batch] = b
		}
		row.Order, row.Text = b, cmp.Or(row.Text, b.Text)
	}
	if row.Customer == "" && (row.Text == "" || row.Direction == sms.Outbound) { // forgotten
		return row, false, nil
	}
	name, known := names[row.Customer]
	if !known {
		c, err := t.customer(row.Customer)
		if err != nil {
			return row, false, err
		}
		name = c.Name
		names[row.Customer] = name
	}
	row.Name = name
	return row, true, nil
}
