package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// restartPause is how long a bridge that died by itself stays dead.
	restartPause = time.Second
	// stopPatience is how long a bridge may take to stop before it is killed: longer than any call in flight may take.
	stopPatience = 90 * time.Second
)

// bridge runs the bridge's process. Only run's goroutine touches it; others send orders.
type bridge struct {
	exe    string
	args   []string
	dir    string
	env    []string
	ahead  time.Duration // of the clock: what it was moved forward by
	speaks string        // the language it is started with
	log    io.Writer
	report func(string)

	orders chan order
	ended  chan struct{} // closed when run has returned

	mu    sync.Mutex
	state bridgeState
	moved time.Duration // ahead, for others
}

// bridgeState is what GET /bridge shows.
type bridgeState struct {
	Running bool `json:"running"`
	PID     int  `json:"pid,omitempty"`
	Starts  int  `json:"starts"`
	// Language is what it speaks, or will once it runs, where a chat has not chosen another.
	Language string `json:"language"`
}

// order is something asked of the bridge; done gets the outcome.
type order struct {
	what     string // "start", "stop", "kill", "forward" or "language"
	move     *move  // of "forward"
	language string // of "language"
	done     chan error
}

// process is one life of the bridge.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed once err is set
	err    error
}

func newBridge(exe string, args []string, dir string, log io.Writer, report func(string)) *bridge {
	return &bridge{
		exe: exe, args: args, dir: dir, report: report, speaks: "en",
		log:    &prefixed{w: log, prefix: "bridge: "},
		state:  bridgeState{Language: "en"},
		orders: make(chan order),
		ended:  make(chan struct{}),
	}
}

// do asks for the bridge to be started, stopped or killed, and waits until that has happened.
func (b *bridge) do(ctx context.Context, what string) error {
	return b.order(ctx, order{what: what})
}

func (b *bridge) order(ctx context.Context, o order) error {
	o.done = make(chan error, 1)
	select {
	case b.orders <- o:
	case <-b.ended:
		return errors.New("the sandbox is ending")
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-o.done
}

func (b *bridge) current() bridgeState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// run starts the bridge, starts it again when it dies by itself, carries out orders, and stops it when ctx ends.
func (b *bridge) run(ctx context.Context) {
	defer close(b.ended)
	// Linux ends the bridge with the thread that started it: see ownGroup. The thread must last as long as this goroutine.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var p *process
	var again <-chan time.Time
	start := func() error {
		again = nil
		started, err := b.start()
		if err != nil {
			b.report(fmt.Sprintf("cannot be started: %v; trying again in %v", err, restartPause))
			again = time.After(restartPause)
			return err
		}
		p = started
		return nil
	}
	start()
	// pause ends the bridge if it runs, changes what it is started with, and starts it again.
	pause := func(change func()) error {
		ran := p != nil
		if ran {
			b.end(p, "stop")
			p = nil
		}
		change()
		if !ran {
			return nil
		}
		return start()
	}
	for {
		var exited chan struct{}
		if p != nil {
			exited = p.exited
		}
		select {
		case <-exited:
			b.gone(fmt.Sprintf("ended by itself: %s; starting again in %v", p.outcome(), restartPause))
			p, again = nil, time.After(restartPause)
		case <-again:
			start()
		case o := <-b.orders:
			var err error
			switch {
			case o.what == "start" && p != nil:
				err = errors.New("the bridge is running already")
			case o.what == "start":
				err = start()
			case o.what == "forward":
				err = b.forward(*o.move, pause)
			case o.what == "language":
				err = b.speak(o.language, pause)
			case p == nil && again == nil:
				err = errors.New("the bridge is not running")
			default:
				again = nil // even if it was about to be restarted
				if p != nil {
					b.end(p, o.what)
					p = nil
				}
			}
			o.done <- err
		case <-ctx.Done():
			if p != nil {
				b.end(p, "stop")
			}
			return
		}
	}
}

func (b *bridge) start() (*process, error) {
	cmd := exec.Command(b.exe, b.args...)
	cmd.Dir = b.dir
	cmd.Env = append(slices.Clip(b.env), "LANGUAGE="+b.speaks)
	if b.ahead != 0 {
		cmd.Env = append(cmd.Env, sandboxClock+"="+b.ahead.String())
	}
	cmd.Stdout = b.log
	cmd.Stderr = b.log
	// A Ctrl-C at the terminal must reach the bridge once, as the SIGTERM it gets from here; a second signal would be a crash.
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		p.err = cmd.Wait()
	}()
	b.mu.Lock()
	b.state = bridgeState{Running: true, PID: cmd.Process.Pid, Starts: b.state.Starts + 1, Language: b.speaks}
	b.mu.Unlock()
	b.report(fmt.Sprintf("started, process %d", cmd.Process.Pid))
	return p, nil
}

// speak has the bridge speak a language wherever a chat has not chosen one. A setting is read at the start, so one that runs is started anew.
// Only run's goroutine calls it.
func (b *bridge) speak(language string, pause func(change func()) error) error {
	if language == b.speaks {
		return nil
	}
	return pause(func() {
		b.speaks = language
		b.mu.Lock()
		b.state.Language = language
		b.mu.Unlock()
	})
}

// end stops or kills a bridge and waits until it is gone.
func (b *bridge) end(p *process, how string) {
	if how == "kill" {
		p.cmd.Process.Kill()
		<-p.exited
		b.gone("killed")
		return
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.cmd.Process.Kill() // there are systems without such signals
	}
	patience := time.NewTimer(stopPatience)
	defer patience.Stop()
	select {
	case <-p.exited:
	case <-patience.C:
		b.report(fmt.Sprintf("did not stop within %v and is killed", stopPatience))
		p.cmd.Process.Kill()
		<-p.exited
	}
	b.gone("stopped: " + p.outcome())
}

func (b *bridge) gone(how string) {
	b.mu.Lock()
	b.state = bridgeState{Starts: b.state.Starts, Language: b.speaks}
	b.mu.Unlock()
	b.report(how)
}

// outcome is how a process ended, in words.
func (p *process) outcome() string {
	if p.err != nil {
		return p.err.Error()
	}
	return "exit status 0"
}

// prefixed writes whole lines, each with a prefix.
type prefixed struct {
	w      io.Writer
	prefix string
	mu     sync.Mutex
	rest   []byte // a line that has not ended
}

// Write never fails: a log that cannot be shown must not stop the bridge.
func (p *prefixed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest = append(p.rest, b...)
	for {
		i := bytes.IndexByte(p.rest, '\n')
		if i < 0 {
			return len(b), nil
		}
		fmt.Fprintf(p.w, "%s%s\n", p.prefix, p.rest[:i])
		p.rest = p.rest[i+1:]
	}
}

// terminal reports whether w is a terminal that wants colours.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
