package store

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// firstKind is the kind of panel of a file that names none: the only one there was.
const firstKind = "soap"

// atPanel is which panel is asked.
type atPanel struct {
	Kind  string    `json:"kind"`
	Since time.Time `json:"since,omitzero"`
	Last  Seq       `json:"last,omitempty"` // of SMS by then
}

func (t *tx) atPanel() (atPanel, error) {
	at := atPanel{Kind: firstKind}
	err := get(t.bucket(bucketMeta), keyPanel, &at)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return at, err
}

// UsePanel notes the kind of panel that is asked from now on. Of another than before nothing is known yet of its order of SMS, and the ids that
// the one before gave mean nothing to it; see Here. What was to be read again there is
// told of as lost.
func (s *Store) UsePanel(kind string) error {
	same := false
	err := s.view(func(t *tx) error {
		at, err := t.atPanel()
		same = at.Kind == kind
		return err
	})
	if err != nil || same {
		return err // a start needs no room on the disk for this
	}
	return s.update(func(t *tx) error {
		owed, _, err := t.owed()
		if err != nil {
			return err
		}
		for _, line := range slices.Sorted(maps.Keys(owed)) {
			if err := t.gone(line); err != nil {
				return err
			}
		}
		meta := t.bucket(bucketMeta)
		return errors.Join(put(meta, keyPanel, atPanel{kind, t.now, Seq(t.bucket(bucketSMS).Sequence())}), meta.Delete(keyOrder), meta.Delete(keyEmptied))
	})
}

// Here returns which of some SMS were sent at the panel that is asked now: the ids of the others mean nothing there, or another SMS. Numbers tell,
// and times only of what was ordered before the panel was another: clocks go wrong.
func (s *Store) Here(sent []SMS) (here, elsewhere []SMS, err error) {
	err = s.view(func(t *tx) error {
		at, err := t.atPanel()
		here, elsewhere = nil, nil
		for _, m := range sent {
			if m.Seq <= at.Last && m.Time.Before(at.Since) {
				elsewhere = append(elsewhere, m)
			} else {
				here = append(here, m)
			}
		}
		return err
	})
	return here, elsewhere, err
}
