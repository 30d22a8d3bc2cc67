package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"peyk/sandbox/panel"
)

// TestTheEndComesThoughTheDiskStaysFull fills the disk while SMS are on their way from the panel, and ends the bridge.
func TestTheEndComesThoughTheDiskStaysFull(t *testing.T) {
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	s := wellSetUp(t)
	dir := filepath.Join(s.dir, "small")
	s.must(os.Mkdir(dir, 0o700))
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", dir).Run(); err != nil {
		t.Skip("takes a small disk: ", err)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
	s.set["DB_PATH"] = "small/peyk.db"
	s.panel.Arm(panel.Fault{Method: "GetMsg", Kind: panel.Slow, Delay: 5 * time.Second, CarryOut: true})
	for range 50 {
		s.panel.Receive("09121234567", "30001234", strings.Repeat("on its way ", 200))
	}
	bridge := exec.Command("peyk")
	bridge.Dir = s.dir
	for name, value := range s.set {
		bridge.Env = append(bridge.Env, name+"="+value)
	}
	var log bytes.Buffer
	bridge.Stderr = &log
	s.must(bridge.Start())
	s.must(s.panel.Wait(t.Context(), func() bool { return s.panel.Unread() == 0 }))
	fill, err := os.Create(filepath.Join(dir, "fill"))
	s.must(err)
	for size := 1 << 16; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = fill.Write(make([]byte, size))
		}
	}
	fill.Close()
	begun := time.Now()
	s.must(bridge.Process.Signal(syscall.SIGTERM))
	bridge.Wait()
	if code, took := bridge.ProcessState.ExitCode(), time.Since(begun); code != 1 || took > time.Minute {
		t.Errorf("it ended with %d after %v", code, took)
	}
	if !strings.Contains(log.String(), "the store took no write until the end") {
		t.Errorf("the log does not say what was given up:\n%s", &log)
	}
}
