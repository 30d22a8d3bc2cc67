package etcdtest

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestAGateHoldsWhatIsSent shuts it each way, and to those who connect.
func TestAGateHoldsWhatIsSent(t *testing.T) {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	arrived := make(chan string, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for b := make([]byte, 1); ; {
					if _, err := c.Read(b); err != nil {
						arrived <- "end"
						return
					}
					arrived <- string(b)
					c.Write(b)
				}
			}()
		}
	}()
	var g Gate
	address := Forward(t, l.Addr().String(), func(c net.Conn) *Gate {
		if got := owner(c, []int{1, os.Getpid()}); got != 1 && runtime.GOOS == "linux" {
			t.Errorf("the owner of our connection is %d", got)
		}
		return &g
	})
	dial := func() net.Conn {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	says := func(c net.Conn, s string) {
		t.Helper()
		if _, err := io.WriteString(c, s); err != nil {
			t.Fatal(err)
		}
	}
	arrives := func(want string) {
		t.Helper()
		select {
		case got := <-arrived:
			if got != want {
				t.Fatalf("%q arrived, not %q", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%q does not arrive", want)
		}
	}
	hears := func(c net.Conn, want string) {
		t.Helper()
		c.SetReadDeadline(time.Now().Add(time.Minute))
		b := make([]byte, 1)
		if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
			t.Fatalf("heard %q, %v, not %q", b, err, want)
		}
	}
	silence := func(c net.Conn) {
		t.Helper()
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := c.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%d bytes came through, %v", n, err)
		}
		select {
		case got := <-arrived:
			t.Fatalf("%q came through", got)
		default:
		}
	}
	c := dial()
	says(c, "a")
	arrives("a")
	hears(c, "a")
	g.Shut(true, false)
	says(c, "b")
	silence(c)
	g.Shut(false, false)
	arrives("b")
	hears(c, "b")
	g.Shut(false, true)
	says(c, "c")
	arrives("c")
	silence(c)
	other := dial()
	says(other, "d")
	silence(other)
	g.Shut(false, false)
	hears(c, "c")
	arrives("d")
	hears(other, "d")
	g.Shut(true, false)
	c.Close()
	silence(other)
	g.Shut(false, false)
	arrives("end")
	other.Close()
	arrives("end")
	if there, back := g.Passed(); there != 4 || back != 4 {
		t.Errorf("%d and %d bytes are counted, not 4 each way", there, back)
	}
}

// TestAServerAlone cuts the leader off from the others: they choose another.
func TestAServerAlone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells who connects")
	}
	s := StartWith(t, 3, Options{Gates: true})
	c := s.Dial()
	leads := func(want func(int) bool) (found int) {
		t.Helper()
		for late := time.Now().Add(time.Minute); time.Now().Before(late); time.Sleep(50 * time.Millisecond) {
			if found = s.Leader(c); found >= 0 && want(found) {
				return found
			}
		}
		t.Fatalf("server %d leads", found)
		return -1
	}
	first := leads(func(int) bool { return true })
	s.Isolate(first, true)
	leads(func(n int) bool { return n != first })
	s.Isolate(first, false)
	leads(func(int) bool { return true })
	if s.Passed() == 0 {
		t.Error("no bytes are counted")
	}
}
