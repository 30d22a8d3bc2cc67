package sandboxtest

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Network serves a handler on in-memory connections, so that real HTTP works under simulated time. It is up until Down.
type Network struct {
	Handler http.Handler
	// Delay returns how long what is written next takes to arrive, by the number of its connection; nil means no time. Within a connection
	// order is kept.
	Delay func(connection int) time.Duration
	// Silent reports whether a connection attempt now gets no answer at all, not even a refusal; may be nil.
	Silent func() bool

	mu     sync.Mutex
	server *http.Server // nil while the network is down
	queue  chan net.Conn
	serves sync.WaitGroup
	calls  int       // in flight
	idle   sync.Cond // there are none. In a bubble nobody may add to a WaitGroup while it comes to zero
	made   int
	open   map[*conn]bool // the server's ends
	shut   []Shut
}

// Shut is a moment at which connections were closed, and which.
type Shut struct {
	At      time.Time
	Callers []string
}

// Up lets connections be made. A network that is up stays up.
func (n *Network) Up() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server != nil {
		return
	}
	if n.open == nil {
		n.open = map[*conn]bool{}
		n.idle.L = &n.mu
	}
	n.queue = make(chan net.Conn, 128)
	n.server = &http.Server{Handler: http.HandlerFunc(n.serve), ConnState: n.note, ErrorLog: log.New(io.Discard, "", 0)}
	server, queue := n.server, &listener{network: n, queue: n.queue, closed: make(chan struct{})}
	n.serves.Go(func() { server.Serve(queue) })
}

// Down closes all connections and refuses new ones, until Up. It returns when nothing is accepted any more; calls may still be in flight.
func (n *Network) Down() {
	n.mu.Lock()
	server := n.server
	n.server = nil
	if server != nil {
		s := Shut{At: time.Now()}
		for c := range n.open {
			s.Callers = append(s.Callers, c.RemoteAddr().String())
		}
		n.shut = append(n.shut, s)
	}
	n.mu.Unlock()
	if server != nil {
		server.Close()
		n.serves.Wait()
	}
}

// Close is Down, and waits for the calls in flight.
func (n *Network) Close() {
	n.Down()
	n.mu.Lock()
	defer n.mu.Unlock()
	for n.calls > 0 {
		n.idle.Wait()
	}
}

func (n *Network) serve(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	n.calls++
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.calls--; n.calls == 0 {
			n.idle.Broadcast()
		}
	}()
	n.Handler.ServeHTTP(w, r)
}

func (n *Network) note(c net.Conn, state http.ConnState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(n.open, c.(*conn))
	}
}

// Outages returns when the network was taken down.
func (n *Network) Outages() []Shut {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.shut)
}

// Connections returns how many are open at the server's end.
func (n *Network) Connections() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.open)
}

// Dialed is how often somebody has tried to connect.
func (n *Network) Dialed() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.made
}

// Dial connects, whatever the address is.
func (n *Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	n.made++
	number := n.made
	n.mu.Unlock()
	wait := n.delay(number)
	failed := func(err error) error { return &net.OpError{Op: "dial", Net: network, Addr: addr(address), Err: err} }
	if n.Silent != nil && n.Silent() {
		<-ctx.Done()
		return nil, failed(os.ErrDeadlineExceeded)
	}
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, failed(ctx.Err())
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server == nil {
		return nil, failed(syscall.ECONNREFUSED)
	}
	to, back := newStream(), newStream()
	delay := func() time.Duration { return n.delay(number) }
	caller := addr(fmt.Sprintf("caller:%d", number))
	ours := &conn{in: back, out: to, local: caller, remote: addr(address), delay: delay}
	theirs := &conn{in: to, out: back, local: addr(address), remote: caller, delay: delay}
	select {
	case n.queue <- theirs:
	default:
		return nil, failed(syscall.ECONNREFUSED)
	}
	n.open[theirs] = true
	return ours, nil
}

func (n *Network) delay(number int) time.Duration {
	if n.Delay == nil {
		return 0
	}
	return n.Delay(number)
}

// listener accepts the server's ends of connections.
type listener struct {
	network *Network
	queue   chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		for { // connected and not served
			select {
			case c := <-l.queue:
				c.Close()
				l.network.note(c, http.StateClosed)
			default:
				return nil, net.ErrClosed
			}
		}
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return addr("memory") }

type addr string

func (a addr) Network() string { return "memory" }
func (a addr) String() string  { return string(a) }

// conn is one end of a connection.
type conn struct {
	in, out       *stream
	local, remote addr
	delay         func() time.Duration
}

func (c *conn) Read(b []byte) (int, error)  { return c.in.read(b) }
func (c *conn) Write(b []byte) (int, error) { return c.out.write(b, c.delay()) }
func (c *conn) LocalAddr() net.Addr         { return c.local }
func (c *conn) RemoteAddr() net.Addr        { return c.remote }

// Close delivers what was written, and then the end.
func (c *conn) Close() error {
	c.in.abandon()
	c.out.end(c.delay())
	return nil
}

func (c *conn) SetDeadline(t time.Time) error {
	c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.change(func() { c.in.readBy = t })
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.change(func() { c.out.writeBy = t })
	return nil
}

// window is how many bytes may be in flight in one direction.
const window = 1 << 18

// stream is one direction of a connection.
type stream struct {
	mu              sync.Mutex
	changed         chan struct{} // closed and replaced at each change
	packets         []packet
	size            int
	last            time.Time // when the last packet arrives
	ended           bool      // nothing more is written; the end arrives last
	abandoned       bool      // nobody reads any more
	readBy, writeBy time.Time
}

type packet struct {
	at   time.Time
	data []byte
}

func newStream() *stream { return &stream{changed: make(chan struct{})} }

func (s *stream) change(to func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to()
	s.wake()
}

func (s *stream) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// arrives returns when what is written after a delay arrives: after all that was written before.
func (s *stream) arrives(delay time.Duration) time.Time {
	if at := time.Now().Add(delay); at.After(s.last) {
		s.last = at
	}
	return s.last
}

func (s *stream) end(delay time.Duration) {
	s.change(func() {
		if !s.ended {
			s.arrives(delay)
			s.ended = true
		}
	})
}

func (s *stream) abandon() {
	s.change(func() { s.abandoned, s.packets, s.size = true, nil, 0 })
}

func (s *stream) write(b []byte, delay time.Duration) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.ended:
			return 0, net.ErrClosed
		case s.abandoned:
			return 0, &net.OpError{Op: "write", Net: "memory", Err: syscall.EPIPE}
		case passed(s.writeBy):
			return 0, os.ErrDeadlineExceeded
		case s.size < window:
			s.size += len(b)
			s.packets = append(s.packets, packet{s.arrives(delay), slices.Clone(b)})
			s.wake()
			return len(b), nil
		}
		s.wait(s.writeBy)
	}
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		until := s.readBy
		switch {
		case s.abandoned:
			return 0, net.ErrClosed
		case passed(s.readBy):
			return 0, os.ErrDeadlineExceeded
		case len(s.packets) > 0:
			p := &s.packets[0]
			if !p.at.After(time.Now()) {
				n := copy(b, p.data)
				if p.data = p.data[n:]; len(p.data) == 0 {
					s.packets = s.packets[1:]
				}
				if s.size -= n; s.size+n >= window {
					s.wake()
				}
				return n, nil
			}
			until = sooner(until, p.at)
		case s.ended:
			if !s.last.After(time.Now()) {
				return 0, io.EOF
			}
			until = sooner(until, s.last)
		}
		s.wait(until)
	}
}

// wait unlocks s until it changes, or until a time; zero means for ever.
func (s *stream) wait(until time.Time) {
	changed := s.changed
	s.mu.Unlock()
	defer s.mu.Lock()
	if until.IsZero() {
		<-changed
		return
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

func passed(t time.Time) bool { return !t.IsZero() && !t.After(time.Now()) }

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
