package store

import "errors"

// Canned is an answer that agents prepared.
type Canned struct {
	Key  string `json:"-"`    // the name as it is looked up: names with one key are one
	Name string `json:"name"` // as it was written
	Text string `json:"text"` // with its fields; one without a text is removed by Take
}

// MaxCanned is how many prepared answers are kept: a list of more is no help to anybody.
const MaxCanned = 100

// ErrTooMany is that MaxCanned answers, or MaxScheduled orders, are kept already.
var ErrTooMany = errors.New("too many prepared answers")

// keepCanned keeps a prepared answer in the place of the one that has its key, or removes that.
func (t *tx) keepCanned(c Canned) error {
	rows := t.bucket(bucketCanned)
	switch key := []byte(c.Key); {
	case c.Text == "":
		return rows.Delete(key)
	case rows.Get(key) == nil && count(rows) >= MaxCanned:
		return ErrTooMany
	default:
		return put(rows, key, c)
	}
}

// Canned returns the prepared answers in the order of their keys.
func (s *Store) Canned() ([]Canned, error) {
	var all []Canned
	err := s.view(func(t *tx) error {
		all = nil
		return t.bucket(bucketCanned).ForEach(func(key, value []byte) error {
			c := Canned{Key: string(key)}
			all = append(all, c)
			return decode(value, &all[len(all)-1])
		})
	})
	return all, err
}

// cannedNames tells whether a prepared answer names them.
func (f *forgetting) cannedNames(_, value []byte) bool {
	var c Canned
	return decode(value, &c) == nil && f.names(c.Name+" "+c.Text)
}
