package crash

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// second is how long a second of Telegram's limits lasts here, for the bridge and for the Telegram it talks to.
const second = 20 * time.Millisecond

// patience bounds every wait. What is waited for takes a few seconds, as the bridge asks for delivery in whole ones.
const patience = 60 * time.Second

// program is the bridge, built by TestMain.
var program string

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "8") // whatever the number of processors: bridges wait for the clock most of the time
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "peyk-crash-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "peyk")
		// Without the race detector, which would make every start take a second.
		build := exec.Command("go", "build", "-tags", "crashpoints", "-o", program, "peyk")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the bridge: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// bridge is one process.
type bridge struct {
	cmd     *exec.Cmd
	started time.Time
	gone    chan struct{} // closed when it has ended
	state   *os.ProcessState
}

// startBridge runs the bridge, which is command, in dir; what it logs is added to the file log there.
func startBridge(t testing.TB, dir string, environ []string, command *exec.Cmd) *bridge {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	b := &bridge{cmd: command, started: time.Now(), gone: make(chan struct{})}
	b.cmd.Dir, b.cmd.Env, b.cmd.Stderr, b.cmd.Stdout = dir, environ, log, log
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(b.gone)
		b.cmd.Wait()
		b.state = b.cmd.ProcessState
	}()
	return b
}

// kill ends the process with SIGKILL and returns when it is no more.
func (b *bridge) kill() {
	b.cmd.Process.Kill()
	<-b.gone
}

// killed tells whether the process, which is gone, was killed; one that ended by itself was not.
func (b *bridge) killed() bool {
	status, ok := b.state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// end asks the process to end and returns an error unless it does so as it should.
func (b *bridge) end() error {
	b.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-b.gone:
	case <-time.After(patience):
		b.kill()
		return fmt.Errorf("the bridge does not end on SIGTERM")
	}
	if code := b.state.ExitCode(); code != 0 {
		return fmt.Errorf("the bridge ends with %v", b.state)
	}
	return nil
}

// logTail returns the last lines of the log in dir.
func logTail(dir string, lines int) string {
	text, _ := os.ReadFile(filepath.Join(dir, "log"))
	all := strings.SplitAfter(string(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}
