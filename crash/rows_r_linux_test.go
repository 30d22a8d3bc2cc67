package crash

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"peyk/internal/play"
	"peyk/sandbox/panel"
	"peyk/store"
)

// limitFiles lets no file of the bridge that runs grow beyond size: to it the disk is full.
func (w *world) limitFiles(size uint64) {
	w.Helper()
	limit := syscall.Rlimit{Cur: size, Max: ^uint64(0)}
	_, _, failed := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(w.bridge.cmd.Process.Pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if failed != 0 {
		w.Fatalf("limit the size of files: %v", failed)
	}
}

func TestR3DiskFull(t *testing.T) {
	// Nothing fits any more when an answer comes that is larger than what is free in the file.
	fill := func(w *world) {
		w.rests()
		w.receives(1)
		w.lives(w.told(w.Group, "«end0»"))
		info, err := os.Stat(w.database())
		if err != nil {
			w.Fatal(err)
		}
		w.limitFiles(uint64(info.Size()))
		// They are written while a fetch is on its way, so that one answer holds them all: a few of them would still fit.
		written := false
		w.Panel.OnCall(func(c panel.Call) {
			w.Mu.Lock()
			if c.Method == "GetMsg" && c.Stage == panel.Arrived && !written {
				for range 50 {
					i := len(w.Inbound)
					w.Inbound = append(w.Inbound, play.Sender{Customer: writer, Line: "30001234"})
					w.Panel.Receive(writer, "30001234", fmt.Sprintf("«in%d» %s «end%d»", i, strings.Repeat("a long story ", 200), i))
				}
				written = true
			}
			w.Mu.Unlock()
			w.called("panel", c.Method, string(c.Stage))
		})
		w.logs("store: keep an answer fails")
	}
	shown := func(w *world, n int) error {
		if got := len(w.look().copies(w.Group, n)); got == 0 {
			return fmt.Errorf("SMS %d is not shown", n)
		}
		return nil
	}
	each(t, map[string]func(*world){
		"an answer does not fit": func(w *world) {
			fill(w)
			fetches := w.Asked("GetMsg")
			w.sends(receiver) // for which there may still be room
			w.receives(1)
			if n := w.Asked("GetMsg"); n != fetches {
				w.Errorf("the panel was asked for SMS %d times with nowhere to put them", n-fetches)
			}
			w.limitFiles(^uint64(0))
			w.goesOn(func() error { return errors.Join(shown(w, 51), w.told(w.Group, "delivered.")()) })
			w.logs("store: keep an answer works again")
			if err := w.bridge.end(); err != nil {
				w.Fatal(err)
			}
			e := w.rests()
			e.shownOnce()
			e.sentOnce()
		},
		"nothing fits": func(w *world) {
			w.environ = append(w.environ, "POLL_INTERVAL=1s") // or a slow disk is hardly ever between two fetches
			w.receives(1)
			w.lives(w.told(w.Group, "«end0»"))
			// A fetch that was under way when the disk became full is not ended before there is room: the next one would have to be marked.
			const unended = "store: (keep an answer|store inbound sms|end a fetch) "
			for {
				from := len(logTail(w.dir, 10000))
				w.limitFiles(2 * 4096) // the store's first two pages, and what is logged
				if w.logsAfter(from, "mark the fetch|"+unended+"fails") == "mark the fetch" {
					break
				}
				w.limitFiles(^uint64(0))
				w.logsAfter(from, unended+"works again")
			}
			fetches := w.Asked("GetMsg")
			w.sends(receiver)
			w.receives(1)
			w.logs("store: take an update fails")
			if n := w.Asked("GetMsg"); n != fetches {
				w.Errorf("the panel was asked for SMS %d times without a marker", n-fetches)
			}
			if n := w.Asked("SendSMS"); n != 0 || w.given() == 0 {
				w.Errorf("the panel was asked to send %d times without a claim; %d updates are not confirmed", n, w.given())
			}
			w.limitFiles(^uint64(0))
			w.goesOn(func() error { return errors.Join(shown(w, 1), w.told(w.Group, "delivered.")()) })
			if err := w.bridge.end(); err != nil {
				w.Fatal(err)
			}
			e := w.rests()
			e.shownOnce()
			e.sentOnce()
		},
		"orders wait": func(w *world) {
			w.receives(1)
			w.lives(w.told(w.Group, "«end0»"))
			w.panelNet.down()
			for i := range 3 {
				w.sends(fmt.Sprintf("0913000000%d", i))
			}
			for batch := range 3 {
				w.logs(fmt.Sprintf("batch=%d piece=0 attempt=1", batch+1))
			}
			w.limitFiles(2 * 4096)
			if err := w.panelNet.up(); err != nil {
				w.Fatal(err)
			}
			w.logs("reserve a piece")
			select { // until each has been tried again
			case <-w.bridge.gone:
			case <-time.After(1500 * time.Millisecond):
			}
			if n := w.Asked("SendSMS"); n != 0 {
				w.Errorf("the panel was asked to send %d times without a claim", n)
			}
			w.limitFiles(^uint64(0))
			w.goesOn(func() error { return w.told(w.Group, "delivered.")() })
			if err := w.bridge.end(); err != nil {
				w.Fatal(err)
			}
			w.rests()
			if n := strings.Count(logTail(w.dir, 10000), "reserve a piece"); n > 2 {
				w.Errorf("%d lines tell of one full disk, want its beginning and its end", n)
			}
		},
		"then killed": func(w *world) {
			fill(w)
			w.sends(receiver)
			w.bridge.kill()
			w.arrived()
			e := w.rests()
			// What the store had acknowledged is there; the answer it could not take is told of.
			if n := len(e.Missing()); n != 50 || len(e.Incidents) == 0 {
				w.Errorf("%d SMS are missing, want the 50 of one answer; told of it in %d messages", n, len(e.Incidents))
			}
			e.reports("delivered.")
			st, err := store.Inspect(w.database(), store.Options{})
			if err != nil {
				w.Fatal(err)
			}
			defer st.Close()
			if err := st.Check(); err != nil {
				w.Error(err)
			}
		},
	})
}
