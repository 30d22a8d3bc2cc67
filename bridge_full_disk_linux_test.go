package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// TestTheEndComesThoughTheDiskStaysFull fills the disk while something is under way whose outcome is to be kept, and ends the bridge. It
// gives up before systemd would kill it, and says what; the next start, with room again, tells whom it concerns.
func TestTheEndComesThoughTheDiskStaysFull(t *testing.T) {
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	t.Parallel()
	var ways sync.WaitGroup
	long := strings.Repeat("on its way ", 200)
	receive := func(s *setUpToBreak) {
		for range 50 {
			s.Panel.Receive("09121234567", "30001234", long)
		}
	}
	for name, test := range map[string]struct {
		before, after func(*setUpToBreak) // the disk is full
		says          string              // in the log
		not           string              // what it does not say
		then          string              // what the group shows after the next start
	}{
		"SMS are on their way from the panel": {func(s *setUpToBreak) {
			s.Panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Slow, Delay: 5 * time.Second, CarryOut: true})
			receive(s)
			s.must(s.Panel.Wait(s.soon(), func() bool { return s.Panel.Unread() == 0 }))
		}, nil, `until the end.*"keep an answer"`, "", "SMS may be lost"},
		"SMS come when it is full already": {nil, receive, `until the end.*"keep an answer"`, "", "SMS may be lost"},
		"a page comes in their place": {nil, func(s *setUpToBreak) {
			s.Panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Custom, Body: "<html>" + strings.Repeat(long, 300), ContentType: "text/html", CarryOut: true})
		}, `until the end.*"keep an answer"`, "", "SMS may be lost"},
		// What was not taken Telegram gives again: nothing is lost with it. A first order may find room among the file's free pages, and its question none.
		"orders come": {nil, func(s *setUpToBreak) {
			for range 50 {
				s.writes("/send 09121234567 " + long)
			}
		}, "take an update", `until the end.*"take an update"`, "Send this?"},
	} {
		// Not t.Parallel, which would have other tests wait for these: they do little but wait.
		ways.Go(func() {
			t.Run(name, func(t *testing.T) {
				s := wellSetUp(t)
				dir := filepath.Join(s.dir, "small")
				s.must(os.Mkdir(dir, 0o700))
				if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", dir).Run(); err != nil {
					t.Skip("takes a small disk: ", err)
				}
				t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
				s.set["DB_PATH"] = "small/peyk.db"
				bridge := s.starts()
				s.met()
				if test.before != nil {
					test.before(s)
				}
				fill := filepath.Join(dir, "fill")
				s.must(fillUp(fill))
				if test.after != nil {
					test.after(s)
				}
				s.logs(`level=WARN.*store: (keep an answer|take an update) fails`)
				s.must(bridge.Process.Signal(syscall.SIGTERM))
				bridge.Wait()
				log, err := os.ReadFile(filepath.Join(s.dir, "log"))
				s.must(err)
				says := func(pattern string) bool { return pattern != "" && lineLike(string(log), pattern) != "" }
				code := 0
				if says("until the end") { // it gave something up, and ends with 1
					code = 1
				}
				if bridge.ProcessState.ExitCode() != code || !says(test.says) || says(test.not) {
					t.Errorf("it ended with %v, and logged:\n%s", bridge.ProcessState, log)
				}

				s.must(os.Remove(fill))
				again := s.starts()
				if _, err := s.TG.WaitMessage(s.soon(), s.Group, func(m telegram.Message) bool { return m.FromBot && strings.Contains(m.Text, test.then) }); err != nil {
					t.Error(err)
				}
				s.must(again.Process.Signal(syscall.SIGTERM))
				again.Wait()
			})
		})
	}
	ways.Wait()
}

// soon bounds a wait.
func (s *setUpToBreak) soon() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), 4*patience)
	s.Cleanup(cancel)
	return ctx
}

// starts starts a bridge, which writes its log into the working directory.
func (s *setUpToBreak) starts() *exec.Cmd {
	s.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	s.must(err)
	defer log.Close()
	bridge := exec.CommandContext(s.Context(), "peyk")
	bridge.Dir, bridge.Stderr = s.dir, log
	for name, value := range s.set {
		bridge.Env = append(bridge.Env, name+"="+value)
	}
	s.must(bridge.Start())
	return bridge
}

// logs waits for a line of the log that matches pattern.
func (s *setUpToBreak) logs(pattern string) {
	s.Helper()
	for late := s.soon(); ; {
		log, err := os.ReadFile(filepath.Join(s.dir, "log"))
		s.must(err)
		if lineLike(string(log), pattern) != "" {
			return
		}
		select {
		case <-late.Done():
			s.Fatalf("no %q in the log:\n%s", pattern, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// met waits until the bridge answers.
func (s *setUpToBreak) met() {
	s.Helper()
	id := s.writes("/id")
	_, err := s.TG.WaitMessage(s.soon(), s.Group, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == id })
	s.must(err)
}

// writes has Ali write to the group.
func (s *setUpToBreak) writes(text string) int {
	s.Helper()
	return s.Says(telegram.Post{From: s.Ali, Chat: s.Group, Text: text})
}

// fillUp makes a file that takes what room there is.
func fillUp(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	for size := 1 << 16; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
	}
	return file.Close()
}
