package store

import (
	"encoding/binary"
	"slices"
	"time"

	"peyk/sms"
)

// ImportID is the number of an import.
type ImportID uint64

// Import is names for many customers at once, from a file, or opt-outs of many. They stand in blocks of their own, and are given in steps, each a transaction, which go on
// after a crash where they stopped; and so they are taken back.
type Import struct {
	ID ImportID `json:"-"`
	sms.Place
	Agent   sms.AgentID       `json:"agent"`
	Message sms.ChatMessageID `json:"message,omitempty"` // whose button was pressed
	OptOut  bool              `json:"opt_out,omitempty"` // of opt-outs
	State   ImportState       `json:"state"`
	Since   time.Time         `json:"since"` // of State
	Blocks  int               `json:"blocks"`
	Next    int               `json:"next,omitempty"`    // the block that State goes on with
	New     int               `json:"new,omitempty"`     // customers who got their first name, or whose only one was taken back; opt-outs that were new, or taken back
	Renamed int               `json:"renamed,omitempty"` // others whose name changed, or changed back
	Left    int               `json:"left,omitempty"`    // names or opt-outs that were not taken back, as they had changed since
}

// ImportState is how far an import has come.
type ImportState string

const (
	ImportAsked   ImportState = "asked"   // waits for [Import]
	Importing     ImportState = "going"   // names are being given
	Imported      ImportState = "done"    // can be taken back
	ImportUndoing ImportState = "undoing" // names are being taken back
)

// Done tells whether all blocks were gone through: EndImport is next.
func (i Import) Done() bool { return i.Next == i.Blocks }

// Contact is a row of an import.
type Contact struct {
	Number sms.Number `json:"n"`
	Line   sms.Number `json:"l,omitempty"` // what they opted out of
	Name   string     `json:"a,omitempty"`
	Was    string     `json:"w,omitempty"` // the name before
	Given  bool       `json:"g,omitempty"` // Name was given in the place of Was
}

// importFor is how long [Import] and then [Undo] can be pressed; afterwards the rows are deleted.
const importFor = time.Hour

// importBlock is how many contacts a step looks at. They are customers all over the file.
const importBlock = 100

func importKey(id ImportID) []byte { return u64(uint64(id)) }

func contactsKey(id ImportID, block int) []byte { return join(importKey(id), u32(uint32(block))) }

func (t *tx) importOf(id ImportID) (Import, error) {
	i := Import{ID: id}
	err := get(t.bucket(bucketImport), importKey(id), &i)
	return i, err
}

func (t *tx) putImport(i Import) error { return put(t.bucket(bucketImport), importKey(i.ID), i) }

// AddImport keeps what is to be imported once it is decided.
func (s *Store) AddImport(i Import, contacts []Contact) (ImportID, error) {
	var id ImportID
	blocks := slices.Collect(slices.Chunk(contacts, importBlock))
	err := s.update(func(t *tx) error {
		n, err := t.bucket(bucketImport).NextSequence()
		if err != nil {
			return err
		}
		id = ImportID(n)
		i.ID, i.State, i.Since, i.Blocks = id, ImportAsked, t.now, len(blocks)
		i.Place.Chat = t.resolve(i.Place.Chat)
		for block, rows := range blocks {
			if err := put(t.bucket(bucketContacts), contactsKey(id, block), rows); err != nil {
				return err
			}
		}
		return t.putImport(i)
	})
	return id, err
}

// Import returns an import; the error is ErrNotFound once it is over.
func (s *Store) Import(id ImportID) (Import, error) {
	var i Import
	err := s.view(func(t *tx) error {
		var err error
		i, err = t.importOf(id)
		return err
	})
	return i, err
}

// DecideImport begins to carry an import out or to take it back, as to says, which was pressed under a message. The error is ErrNotFound if it is over,
// ErrDecided if it is not at that, and ErrExpired if it is too late.
func (s *Store) DecideImport(id ImportID, to ImportState, message sms.ChatMessageID) error {
	err := s.update(func(t *tx) error {
		i, err := t.importOf(id)
		switch from := map[ImportState]ImportState{Importing: ImportAsked, ImportUndoing: Imported}[to]; {
		case err != nil:
			return err
		case i.State != from:
			return ErrDecided
		case t.now.Sub(i.Since) > importFor:
			return ErrExpired
		}
		i.State, i.Since, i.Message = to, t.now, message
		i.Next, i.New, i.Renamed = 0, 0, 0
		return t.putImport(i)
	})
	wake(s.imports, err == nil)
	return err
}

// DropImport ends an import that was only asked about, and posts what is said of it. The error is ErrNotFound if it is over, and ErrDecided if it was
// begun.
func (s *Store) DropImport(id ImportID, said Post) error {
	return s.update(func(t *tx) error {
		i, err := t.importOf(id)
		switch {
		case err != nil:
			return err
		case i.State != ImportAsked:
			return ErrDecided
		}
		if err := t.deleteImport(i); err != nil {
			return err
		}
		_, err = t.addPost(said)
		return err
	})
}

func (t *tx) deleteImport(i Import) error {
	for block := range i.Blocks {
		if err := t.bucket(bucketContacts).Delete(contactsKey(i.ID, block)); err != nil {
			return err
		}
	}
	return t.bucket(bucketImport).Delete(importKey(i.ID))
}

// Imports receives a value after an import was decided.
func (s *Store) Imports() <-chan struct{} { return s.imports }

// NextImport returns the import that goes on: one after the other, as they were decided. The error is ErrNotFound when none does.
func (s *Store) NextImport() (Import, error) {
	var next Import
	err := s.view(func(t *tx) error {
		return t.bucket(bucketImport).ForEach(func(key, value []byte) error {
			i := Import{ID: ImportID(binary.BigEndian.Uint64(key))}
			err := decode(value, &i)
			if goes := i.State == Importing || i.State == ImportUndoing; goes && (next.ID == 0 || i.Since.Before(next.Since)) {
				next = i
			}
			return err
		})
	})
	if err == nil && next.ID == 0 {
		err = ErrNotFound
	}
	return next, err
}

// ImportStep goes through one block of an import that is under way.
func (s *Store) ImportStep(id ImportID) error {
	err := s.update(func(t *tx) error {
		i, err := t.importOf(id)
		if err != nil || i.Done() {
			return err
		}
		var rows []Contact
		key := contactsKey(id, i.Next)
		if err := get(t.bucket(bucketContacts), key, &rows); err != nil {
			return err
		}
		forgotten, err := t.forgettings()
		if err != nil {
			return err
		}
		rows = slices.DeleteFunc(rows, func(c Contact) bool {
			return slices.ContainsFunc(forgotten, func(f forgetting) bool { return f.Number == c.Number })
		})
		known := map[sms.Number]bool{}
		for at := range rows {
			if i.OptOut {
				if err := t.importOptOut(&i, &rows[at]); err != nil {
					return err
				}
				continue
			}
			newly, err := t.importContact(&i, &rows[at])
			if err != nil {
				return err
			}
			if newly {
				known[rows[at].Number] = true
			}
		}
		if len(known) > 0 { // at once, as the queues are read for it
			if err := t.showSooner(known); err != nil {
				return err
			}
		}
		if err := put(t.bucket(bucketContacts), key, rows); err != nil {
			return err
		}
		i.Next++
		return t.putImport(i)
	})
	return err
}

// importContact gives a customer the name of a row, or the one of before back, unless somebody has named them since. It returns whether we newly know
// them: then showSooner is to follow.
func (t *tx) importContact(i *Import, row *Contact) (newly bool, err error) {
	c, err := t.customer(row.Number)
	if err != nil {
		return false, err
	}
	name := row.Name
	switch {
	case i.State == Importing && c.Name == name, i.State == ImportUndoing && !row.Given:
		return false, nil
	case i.State == ImportUndoing && c.Name != name:
		i.Left++
		return false, nil
	case i.State == Importing:
		row.Was, row.Given = c.Name, true
	default:
		name, row.Given = row.Was, false
	}
	if row.Was == "" {
		i.New++
	} else {
		i.Renamed++
	}
	c.Name = name
	if newly, err = t.storeCustomer(c); err != nil {
		return false, err
	}
	return newly, t.showCards(c, 0)
}

// EndImport notes that an import was carried out, or taken back and is over, and posts what is said of it.
func (s *Store) EndImport(id ImportID, said Post) error {
	return s.update(func(t *tx) error {
		i, err := t.importOf(id)
		if err != nil {
			return err
		}
		if i.State == ImportUndoing {
			err = t.deleteImport(i)
		} else {
			i.State, i.Since = Imported, t.now
			err = t.putImport(i)
		}
		if err != nil {
			return err
		}
		_, err = t.addPost(said)
		return err
	})
}

// imported deletes an import that can be carried out or taken back no more.
func (p *pruning) imported(key, value []byte) ([]byte, error) {
	i := Import{ID: ImportID(binary.BigEndian.Uint64(key))}
	if err := decode(value, &i); err != nil {
		return nil, err
	}
	if i.State == Importing || i.State == ImportUndoing || p.young(i.Since, importFor) {
		return after(key), nil
	}
	p.left--
	p.deleted++
	return after(key), p.deleteImport(i)
}

// lists tells whether a block of contacts names them.
func (f *forgetting) lists(_, value []byte) bool {
	var rows []Contact
	return decode(value, &rows) == nil && slices.ContainsFunc(rows, f.isContact)
}

func (f *forgetting) isContact(c Contact) bool { return c.Number == f.Number }

func (t *tx) forgetContact(f *forgetting, key []byte) error {
	var rows []Contact
	if err := get(t.bucket(bucketContacts), key, &rows); err != nil {
		return err
	}
	return put(t.bucket(bucketContacts), key, slices.DeleteFunc(rows, f.isContact))
}

// checkImports: each import has its blocks, and each block its import.
func (t *tx) checkImports(wrong func(string, ...any)) error {
	blocks := 0
	err := t.bucket(bucketImport).ForEach(func(key, value []byte) error {
		i := Import{ID: ImportID(binary.BigEndian.Uint64(key))}
		if err := decode(value, &i); err != nil {
			return err
		}
		blocks += i.Blocks
		for block := range i.Blocks {
			if !t.holds(bucketContacts, contactsKey(i.ID, block)) {
				wrong("import %d has no block %d", i.ID, block)
			}
		}
		return nil
	})
	if n := count(t.bucket(bucketContacts)); err == nil && n != blocks {
		wrong("imports have %d blocks, there are %d", blocks, n)
	}
	return err
}
