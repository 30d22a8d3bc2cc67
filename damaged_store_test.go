package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page is the size of a page of a store where these tests run; a file whose pages are of another size is damaged elsewhere, no less.
const page = 4096

// damages spoil a store's file.
var damages = map[string]func(r *rand.Rand, file []byte) []byte{
	"both heads":        func(_ *rand.Rand, file []byte) []byte { clear(file[16 : 2*page]); return file },
	"cut in the middle": func(_ *rand.Rand, file []byte) []byte { return file[:len(file)/2] },
	"cut to a page":     func(_ *rand.Rand, file []byte) []byte { return file[:page] },
	"cut by a byte":     func(_ *rand.Rand, file []byte) []byte { return file[:len(file)-1] },
	"empty pages":       func(_ *rand.Rand, file []byte) []byte { clear(file[2*page:]); return file },
	"ones": func(_ *rand.Rand, file []byte) []byte {
		copy(file[2*page:], bytes.Repeat([]byte{0xff}, len(file)))
		return file
	},
	"another file": func(_ *rand.Rand, file []byte) []byte { return bytes.Repeat([]byte("from,to,text\n"), len(file)/13) },
	"noise in each page": func(r *rand.Rand, file []byte) []byte {
		for at := 2 * page; at+page <= len(file); at += page {
			for range 64 {
				file[at+r.IntN(page)] = byte(r.Uint32())
			}
		}
		return file
	},
	"heads of pages": func(r *rand.Rand, file []byte) []byte {
		for at := 2 * page; at+16 <= len(file); at += page {
			file[at+8+r.IntN(8)] ^= byte(1 + r.IntN(255))
		}
		return file
	},
	"pages in a circle": func(_ *rand.Rand, file []byte) []byte {
		first := slices.Clone(file[2*page : 3*page])
		copy(file[2*page:], file[3*page:])
		copy(file[len(file)-page:], first)
		return file
	},
	"one byte":     func(r *rand.Rand, file []byte) []byte { file[2*page+r.IntN(len(file)-2*page)] ^= 0x55; return file },
	"another byte": func(r *rand.Rand, file []byte) []byte { file[2*page+r.IntN(len(file)-2*page)] ^= 0xaa; return file },
	"a page's rows": func(r *rand.Rand, file []byte) []byte {
		at := (2 + r.IntN(len(file)/page-2)) * page
		for i := 16; i < 256; i += 4 {
			file[at+i] ^= byte(r.Uint32())
		}
		return file
	},
}

// traced finds what Go prints of a fault of the program's own.
var traced = regexp.MustCompile(`(?m)^(goroutine \d+|panic: |fatal error: |unexpected fault)`)

// runs runs peyk on the store of s and returns what it said on both outputs and its exit code; whoever does not end is ended, which is told by -1.
func (s *setUpToBreak) runs(args ...string) (said string, code int) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 4*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "peyk", args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir}
	for name, value := range s.set {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		s.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestTheProgramTellsOfADamagedStore has everything that opens a store open damaged ones. Each says what is wrong and what to do, and ends
// with 1, which starts no unit anew for ever and is not wrong use; none ends in a trace of Go's, and none changes the file.
func TestTheProgramTellsOfADamagedStore(t *testing.T) {
	whole := packedStore(t, "4")
	for i, name := range slices.Sorted(maps.Keys(damages)) {
		t.Run(name, func(t *testing.T) {
			s := wellSetUp(t)
			path := filepath.Join(s.dir, "data/peyk.db")
			broken := damages[name](rand.New(rand.NewPCG(uint64(i), 1)), slices.Clone(whole))
			damage := func() { s.must(os.WriteFile(path, broken, 0o600)) }
			damage()
			said, code := s.runs("check")
			if traced.MatchString(said) {
				t.Fatalf("check:\n%s", said)
			}
			told := lineLike(said, `^WRONG store`)
			if whole := lineLike(said, `^ok +store: .* is whole`); (told == "") == (whole == "") || code != 1 { // the chats of the file are not those of the world
				t.Fatalf("check ends with %d:\n%s", code, said)
			}
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, broken) {
				t.Errorf("check changed the file, or it is gone: %v", err)
			}
			if told == "" { // the byte belongs to nothing, or to a word of an SMS
				return
			}
			if !strings.Contains(told, "restore") {
				t.Errorf("what to do is not said: %s", told)
			}
			for what, args := range map[string][]string{"backup": {"backup", "copy.db"}, "restore": {"restore", "data/peyk.db"}, "the bridge": {}} {
				damage()
				said, code := s.runs(args...)
				if traced.MatchString(said) || code != 1 || !strings.Contains(said, "damaged") {
					t.Errorf("%s ends with %d:\n%s", what, code, said)
				}
			}
			if _, err := os.Stat(filepath.Join(s.dir, "copy.db")); !os.IsNotExist(err) {
				t.Errorf("a backup of what is damaged was left: %v", err)
			}
		})
	}
}

// packedStore returns a file of store's testdata.
func packedStore(t *testing.T, name string) []byte {
	t.Helper()
	packed, err := os.Open(filepath.Join("store/testdata/schema", name+".db.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	file, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
