package store

import (
	"encoding/binary"
	"time"
)

// creditDay is what the readings of one day say of the credit at the panel. It covers the time from Since to At.
type creditDay struct {
	Since  time.Time `json:"since"`  // the last reading before the day, or else its first
	At     time.Time `json:"at"`     // its last reading
	Credit float64   `json:"credit"` // then
	Fell   float64   `json:"fell"`   // by how much in all, not counting what was paid in
}

// SaveCredit notes how much is left at the panel. When that is below low the admins are told once, until it has risen again.
func (s *Store) SaveCredit(credit, low float64) error {
	return s.update(func(t *tx) error {
		if err := t.addReading(credit); err != nil {
			return err
		}
		meta := t.bucket(bucketMeta)
		if credit >= low {
			return meta.Delete(keyLow)
		}
		if meta.Get(keyLow) != nil {
			return nil
		}
		burn, err := t.burn()
		if err != nil {
			return err
		}
		if err := put(meta, keyLow, t.now); err != nil {
			return err
		}
		return t.addIncident(&Incident{Kind: LowCredit, From: t.now, Credit: credit, Low: low, Burn: burn})
	})
}

// addReading notes credit in the row of today, or in a later one when the clock was put back.
func (t *tx) addReading(credit float64) error {
	rows := t.bucket(bucketCredit)
	day, row := t.today(), creditDay{Since: t.now}
	if key, value := rows.Cursor().Last(); key != nil {
		var last creditDay
		if err := decode(value, &last); err != nil {
			return err
		}
		row.Since = last.At
		if of := binary.BigEndian.Uint32(key); of >= day {
			day, row = of, last
		}
		row.Fell += max(0, last.Credit-credit)
	}
	row.At, row.Credit = t.now, credit
	return put(rows, u32(day), row)
}

// burnDays is how many days before today say how fast the credit goes.
const burnDays = 7

// burn returns how much of the credit goes in a day; 0 when less than a day is known.
func (t *tx) burn() (float64, error) {
	fell, since := 0.0, t.now
	c := t.bucket(bucketCredit).Cursor()
	for key, value := c.Seek(u32(t.today() - burnDays)); key != nil; key, value = c.Next() {
		var row creditDay
		if err := decode(value, &row); err != nil {
			return 0, err
		}
		fell += row.Fell
		if row.Since.Before(since) {
			since = row.Since
		}
	}
	days := t.now.Sub(since).Hours() / 24
	if days < 1 {
		return 0, nil
	}
	return fell / days, nil
}
