package store

import (
	"encoding/binary"
	"hash/fnv"
	"slices"

	bolt "go.etcd.io/bbolt"

	"peyk/sms"
)

// The way from a customer to their SMS is an index of blocks: one row for each so many numbers of SMS, written once, when the last of them is given
// out. A row for each customer, or in each SMS the customer's one before, would have a fetch of 50 SMS write 50 pages all over the file. What has no
// row, as it is younger, or came before there was the index, is read itself: so the index may be behind and nothing is missed.
//
// The value of a row is a u16 hash of the customer and the u16 place in the block for each SMS of the block, in order. The hash says nothing of who
// they are, and tens of thousands share it: the SMS itself decides.

// blockSize is how many SMS numbers are in a block. It is part of the file's form.
const blockSize = 4096

func blockOf(seq Seq) uint64 { return uint64(seq) / blockSize }

func customerHash(n []byte) uint32 {
	h := fnv.New32a()
	h.Write(n)
	sum := h.Sum32()
	return sum>>16 ^ sum&0xffff
}

// customerIn returns the customer in a row of sms.
func customerIn(key, value []byte) ([]byte, error) {
	if len(value) > 0 && value[0] == recordVersion {
		if n, plain := textField(value, `"c":"`); plain {
			return n, nil
		}
	}
	m, err := readSMS(key, value) // of an unusual form: it tells what is wrong
	return []byte(m.Customer), err
}

// inBlock calls yield with each row of sms in a block.
func (t *tx) inBlock(block uint64, yield func(seq Seq, key, value []byte) error) error {
	c := t.bucket(bucketSMS).Cursor()
	for key, value := c.Seek(u64(block * blockSize)); key != nil; key, value = c.Next() {
		seq := Seq(binary.BigEndian.Uint64(key))
		if blockOf(seq) != block {
			break
		}
		if err := yield(seq, key, value); err != nil {
			return err
		}
	}
	return nil
}

// blockIndex returns what the row of a block is to be.
func (t *tx) blockIndex(block uint64) ([]byte, error) {
	var entries []uint32
	err := t.inBlock(block, func(seq Seq, key, value []byte) error {
		n, err := customerIn(key, value)
		if len(n) > 0 {
			entries = append(entries, customerHash(n)<<16|uint32(seq%blockSize))
		}
		return err
	})
	slices.Sort(entries)
	row := make([]byte, 0, 4*len(entries))
	for _, e := range entries {
		row = binary.BigEndian.AppendUint32(row, e)
	}
	return row, err
}

// nextSMS gives out the number of the next SMS. With the first of a block the one before is complete.
func (t *tx) nextSMS() (Seq, error) {
	id, err := t.bucket(bucketSMS).NextSequence()
	if err != nil || id%blockSize != 0 {
		return Seq(id), err
	}
	before := id/blockSize - 1
	row, err := t.blockIndex(before)
	if err != nil {
		return 0, err
	}
	return Seq(id), t.bucket(bucketHistory).Put(u64(before), row)
}

// IndexHistory writes the index of one block of SMS that has none, of those that are complete the newest, and returns whether there may be more. Only
// SMS of before there was the index, or of a restored backup, need it.
func (s *Store) IndexHistory() (more bool, err error) {
	var block uint64
	var row []byte
	err = s.view(func(t *tx) error {
		more = false
		index, c := t.bucket(bucketHistory), t.bucket(bucketSMS).Cursor()
		for next := blockOf(Seq(t.bucket(bucketSMS).Sequence() + 1)); ; next = block { // where nothing is missing
			key := before(c, u64(next*blockSize))
			if key == nil {
				return nil
			}
			if block = binary.BigEndian.Uint64(key) / blockSize; index.Get(u64(block)) == nil {
				more = true
				row, err = t.blockIndex(block)
				return err
			}
		}
	})
	if err != nil || !more {
		return false, err
	}
	err = s.update(func(t *tx) error { return t.bucket(bucketHistory).Put(u64(block), row) })
	return true, err
}

// before returns the last key before that one; nil when there is none.
func before(c *bolt.Cursor, key []byte) []byte {
	found, _ := c.Seek(key)
	if found == nil {
		found, _ = c.Last()
	} else {
		found, _ = c.Prev()
	}
	return found
}

// ofCustomer returns the SMS of a block that are, or may be, a customer's, in order, and how many rows were read for that.
func (t *tx) ofCustomer(n sms.Number, block uint64) (found []Seq, read int, err error) {
	row := t.bucket(bucketHistory).Get(u64(block))
	if row == nil {
		err := t.inBlock(block, func(seq Seq, key, value []byte) error {
			read++
			customer, err := customerIn(key, value)
			if string(customer) == string(n) {
				found = append(found, seq)
			}
			return err
		})
		return found, read, err
	}
	hash := customerHash([]byte(n))
	for i := firstOf(row, hash); i < len(row)/4; i++ {
		e := binary.BigEndian.Uint32(row[4*i:])
		if e>>16 != hash {
			break
		}
		found = append(found, Seq(block*blockSize)+Seq(e&0xffff))
	}
	return found, 1 + len(found), nil
}

// firstOf returns the place of the first entry of a block's row with that hash, or a higher one.
func firstOf(row []byte, hash uint32) int {
	low, high := 0, len(row)/4
	for low < high {
		if middle := (low + high) / 2; binary.BigEndian.Uint32(row[4*middle:])>>16 < hash {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// Page is a part of what a customer wrote and was sent.
type Page struct {
	Customer sms.Number
	Line     sms.Number // only SMS of this line of ours; of all when empty
	From     Seq        // without it: SMS before it, or after it if Newer; 0 for the newest
	Newer    bool       // those that follow From instead of those before it
	Limit    int
}

// History returns SMS of a customer, in and out, in the order of their numbers, and whether there are more on that side. Those they were sent have
// their text in their batch. The file is read in short pieces, so SMS that come or go meanwhile may be among them or not.
func (s *Store) History(p Page) (found []SMS, more bool, err error) {
	next := p.From // all up to it, and not itself, is done
	for done := false; !done; {
		err := s.view(func(t *tx) error {
			c := t.bucket(bucketSMS).Cursor()
			for read := 0; read < entriesRead; {
				var key []byte
				if p.Newer {
					key, _ = c.Seek(u64(uint64(next) + 1))
				} else if next == 0 {
					key, _ = c.Last()
				} else {
					key = before(c, u64(uint64(next)))
				}
				if done = key == nil; done {
					return nil
				}
				block := binary.BigEndian.Uint64(key) / blockSize
				seqs, n, err := t.ofCustomer(p.Customer, block)
				if err != nil {
					return err
				}
				read += n
				if !p.Newer {
					slices.Reverse(seqs)
				}
				for _, seq := range seqs {
					if p.Newer && seq <= next || !p.Newer && next != 0 && seq >= next {
						continue
					}
					if value := t.bucket(bucketSMS).Get(u64(uint64(seq))); value == nil {
						continue // deleted
					} else if m, err := readSMS(u64(uint64(seq)), value); err != nil {
						return err
					} else if m.Customer == p.Customer && (p.Line == "" || m.Line == p.Line) {
						if len(found) == p.Limit {
							more, done = true, true
							return nil
						}
						found = append(found, m)
					}
				}
				if next = Seq(block * blockSize); p.Newer {
					next += blockSize - 1
				} else if done = block == 0; done {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			return nil, false, err
		}
	}
	if !p.Newer {
		slices.Reverse(found)
	}
	return found, more, nil
}

// block deletes the index of a block whose SMS are all gone.
func (p *pruning) block(key, _ []byte) ([]byte, error) {
	first := binary.BigEndian.Uint64(key) * blockSize
	next, _ := p.bucket(bucketSMS).Cursor().Seek(u64(first))
	if next == nil || binary.BigEndian.Uint64(next) >= first+blockSize {
		return after(key), p.delete(bucketHistory, key)
	}
	return after(key), nil
}

// checkHistory: the index of a block names every SMS in it that has a customer.
func (t *tx) checkHistory(wrong func(string, ...any)) error {
	return t.bucket(bucketHistory).ForEach(func(key, row []byte) error {
		block := binary.BigEndian.Uint64(key)
		want, err := t.blockIndex(block)
		if err != nil {
			return err
		}
		named := map[uint32]bool{}
		for entry := range slices.Chunk(row, 4) {
			named[binary.BigEndian.Uint32(entry)] = true
		}
		for entry := range slices.Chunk(want, 4) {
			if e := binary.BigEndian.Uint32(entry); !named[e] {
				wrong("sms %d is missing in the history of its customer", block*blockSize+uint64(e&0xffff))
			}
		}
		return nil
	})
}
