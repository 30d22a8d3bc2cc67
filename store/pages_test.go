package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peyk/sms"
)

// damages spoil a file of pages of that size, each in a way of its own.
var damages = map[string]func(r *rand.Rand, file []byte, size int) []byte{
	"a byte": func(r *rand.Rand, file []byte, _ int) []byte {
		file[r.IntN(len(file))] ^= byte(1 + r.IntN(255))
		return file
	},
	"a byte of a page's head": func(r *rand.Rand, file []byte, size int) []byte {
		file[r.IntN(len(file)/size)*size+r.IntN(pageHead)] ^= byte(1 + r.IntN(255))
		return file
	},
	"the head of a row": func(r *rand.Rand, file []byte, size int) []byte {
		page := file[r.IntN(len(file)/size)*size:]
		binary.NativeEndian.PutUint32(page[pageHead+r.IntN(8)*4:], r.Uint32())
		return file
	},
	"a page of zeros": func(r *rand.Rand, file []byte, size int) []byte {
		clear(file[r.IntN(len(file)/size)*size:][:size])
		return file
	},
	"a page of noise": func(r *rand.Rand, file []byte, size int) []byte {
		page := file[r.IntN(len(file)/size)*size:][:size]
		for i := range page {
			page[i] = byte(r.Uint32())
		}
		return file
	},
	"half a page of noise": func(r *rand.Rand, file []byte, size int) []byte {
		page := file[r.IntN(len(file)/size)*size:][:size/2]
		for i := range page {
			page[i] = byte(r.Uint32())
		}
		return file
	},
	"two pages swapped": func(r *rand.Rand, file []byte, size int) []byte {
		n := len(file) / size
		a, b := file[r.IntN(n)*size:][:size], file[r.IntN(n)*size:][:size]
		for i := range a {
			a[i], b[i] = b[i], a[i]
		}
		return file
	},
	"a page in another's place, under its number": func(r *rand.Rand, file []byte, size int) []byte {
		n := len(file) / size
		a, b := file[r.IntN(n)*size:][:size], file[(2+r.IntN(n-2))*size:][:size]
		copy(b[8:], a[8:])
		return file
	},
	"cut short": func(r *rand.Rand, file []byte, _ int) []byte { return file[:r.IntN(len(file))] },
	"numbers of pages within it": func(r *rand.Rand, file []byte, size int) []byte {
		page := file[(2+r.IntN(len(file)/size-2))*size:]
		binary.NativeEndian.PutUint64(page[pageHead+8+16*r.IntN(4):], uint64(r.IntN(len(file)/size)))
		return file
	},
	"many pages run over": func(r *rand.Rand, file []byte, size int) []byte {
		binary.NativeEndian.PutUint32(file[r.IntN(len(file)/size)*size+12:], uint32(1+r.IntN(1<<r.IntN(31))))
		return file
	},
	"the list of free pages": func(r *rand.Rand, file []byte, size int) []byte {
		for at := 2 * size; at < len(file); at += size {
			if binary.NativeEndian.Uint16(file[at+8:]) == pageFree {
				binary.NativeEndian.PutUint64(file[at+pageHead+8*r.IntN(3):], r.Uint64()>>r.IntN(64))
				binary.NativeEndian.PutUint16(file[at+10:], uint16(r.Uint32()))
			}
		}
		return file
	},
	"text in a row": func(r *rand.Rand, file []byte, _ int) []byte {
		at := r.IntN(len(file) - 8)
		at += max(0, bytes.Index(file[at:], []byte{recordVersion, '{'})) + 1 + r.IntN(3)
		copy(file[at:], `{"x":`)
		return file
	},
}

// TestADamagedFileIsToldOf damages a store in many ways. Whatever is done with it then ends in an error that says so, or well: in no panic,
// no fault, no endless loop. What Check finds whole can be worked with.
func TestADamagedFileIsToldOf(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	filled(t, s, c)
	for range 20 {
		c.pass(time.Second)
		fetched(t, s, unread(c, strings.Repeat("a long text ", 50), "another", "سلام"))
		take(t, s, order(numbers(20)...))
	}
	must(t, s.EndFetch(nil))
	size := s.db.Info().PageSize
	crash(t, s)
	whole := ok(os.ReadFile(path))
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, uint64(len(name))))
			dir := t.TempDir()
			for i := range 30 {
				broken := filepath.Join(dir, fmt.Sprintf("%d.db", i))
				must(t, os.WriteFile(broken, damage(r, append([]byte(nil), whole...), size), 0o600))
				opts := c.inbox(group)
				opts.LockWait = time.Second
				checked := func() error {
					s, err := Inspect(broken, opts)
					if err != nil {
						return err
					}
					s.Stats()
					s.InboxChats()
					s.Incidents()
					return errors.Join(s.Check(), s.Backup(io.Discard), s.Close())
				}()
				tells(t, i, checked)
				_, err := Restore(broken, filepath.Join(dir, fmt.Sprintf("restored%d.db", i)), opts)
				tells(t, i, err)
				if checked == nil && err != nil {
					t.Errorf("%d: whole, yet not restored: %v", i, err)
				}
				worked := func() error {
					s, err := Open(broken, opts)
					if err != nil {
						return err
					}
					_, fetch := s.SaveRaw(Raw{Body: []byte("more")})
					_, _, heads := s.Heads(func(sms.ChatID) bool { return true })
					_, taken := s.Take(UpdateKey{Chat: group, Message: 5000}, Caused{Order: order(ali)})
					_, expired := s.Expire()
					return errors.Join(fetch, heads, taken, expired, s.Close())
				}()
				if checked == nil && worked != nil {
					t.Errorf("%d: whole, yet not to be worked with: %v", i, worked)
				}
			}
		})
	}
}

// tells makes sure that an error about a file says what it is.
func tells(t *testing.T, i int, err error) {
	t.Helper()
	if err != nil && (strings.Contains(err.Error(), "goroutine ") || strings.Contains(err.Error(), "%!")) {
		t.Errorf("%d: %v", i, err)
	}
}

// TestDamageMetLaterEndsTheStore spoils pages under a store that is open.
func TestDamageMetLaterEndsTheStore(t *testing.T) {
	for name, spoil := range map[string]func(f *os.File, size int64) error{
		"zeros": func(f *os.File, size int64) error {
			_, err := f.WriteAt(make([]byte, size-8192), 8192)
			return err
		},
		"cut short": func(f *os.File, size int64) error { return f.Truncate(8192) },
		"ones": func(f *os.File, size int64) error {
			b := make([]byte, size-8192)
			for i := range b {
				b[i] = 0xFF
			}
			_, err := f.WriteAt(b, 8192)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, c := tempFile(t), newClock()
			s := ok(Open(path, c.inbox(group)))
			fetched(t, s, unread(c, "one"))
			f := ok(os.OpenFile(path, os.O_RDWR, 0))
			defer f.Close()
			must(t, spoil(f, ok(f.Stat()).Size()))
			if _, err := s.SMS(1); err == nil {
				t.Error("what is not there was read")
			}
			if err := s.BeginFetch(); err == nil {
				t.Error("a fetch was begun")
			}
			select {
			case err := <-s.Damaged():
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("told %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("the damage is told nobody")
			}
			s.Close()
			again := filepath.Join(t.TempDir(), "peyk.db") // as the next process finds it
			must(t, os.WriteFile(again, ok(os.ReadFile(path)), 0o600))
			if _, err := Open(again, c.inbox(group)); !errors.Is(err, ErrDamaged) {
				t.Errorf("opened again: %v", err)
			}
		})
	}
}
