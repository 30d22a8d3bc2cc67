package etcdtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Gate is what connections pass. It can be shut in either direction, or both: what is sent then, and the word that a connection ends, is on its way until
// the gate is open again, as TCP keeps trying; and a connection that is begun comes about only then. Its zero value is open.
type Gate struct {
	mu      sync.Mutex
	shut    [2]bool       // by way
	changed chan struct{} // closed when that changes
	passed  [2]int64      // bytes, by way
}

// The ways through a Gate: of whoever connects, and back.
const (
	asking = iota
	answering
)

// Shut shuts the gate to those who connect, to what they are answered, or to both, and opens it to the rest.
func (g *Gate) Shut(there, back bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = [2]bool{there, back}
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// Passed returns how many bytes have passed, TCP's own aside.
func (g *Gate) Passed() (there, back int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passed[asking], g.passed[answering]
}

// passes waits until n bytes may pass in each of some ways, and counts them. It returns false when ctx has ended first.
func (g *Gate) passes(ctx context.Context, n int64, ways ...int) bool {
	for {
		g.mu.Lock()
		open := !slices.ContainsFunc(ways, func(way int) bool { return g.shut[way] })
		if open {
			for _, way := range ways {
				g.passed[way] += n
			}
		} else if g.changed == nil {
			g.changed = make(chan struct{})
		}
		changed := g.changed
		g.mu.Unlock()
		if open {
			return ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// Forward has connections to the address that it returns lead on to another one, until the test ends: each through the gate that it is given, or, without
// one, as if there were none.
func Forward(tb testing.TB, to string, through func(net.Conn) *Gate) (address string) {
	tb.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var forwarding sync.WaitGroup
	forwarding.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			forwarding.Go(func() { forward(ctx, c, to, through(c)) })
		}
	})
	tb.Cleanup(func() {
		cancel()
		l.Close()
		forwarding.Wait()
	})
	return l.Addr().String()
}

func forward(ctx context.Context, from net.Conn, to string, g *Gate) {
	defer from.Close()
	defer context.AfterFunc(ctx, func() { from.Close() })()
	if g == nil {
		g = new(Gate)
	}
	if !g.passes(ctx, 0, asking, answering) {
		return
	}
	dialled, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer dialled.Close()
	defer context.AfterFunc(ctx, func() { dialled.Close() })()
	var both sync.WaitGroup
	both.Go(func() { g.carry(ctx, dialled, from, asking) })
	both.Go(func() { g.carry(ctx, from, dialled, answering) })
	both.Wait()
}

// carry carries what one end sends to the other, its end too.
func (g *Gate) carry(ctx context.Context, to, from net.Conn, way int) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if !g.passes(ctx, int64(n), way) {
			return
		}
		if n > 0 {
			if _, failed := to.Write(b[:n]); failed != nil {
				from.Close()
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			to.(*net.TCPConn).CloseWrite()
			return
		case err != nil:
			to.Close()
			return
		}
	}
}

// owner returns which of some processes has the other end of a connection on this machine, -1 if none has; only Linux tells.
func owner(c net.Conn, pids []int) int {
	theirs, ours := procAddress(c.RemoteAddr()), procAddress(c.LocalAddr())
	table, _ := os.ReadFile("/proc/net/tcp")
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[1] != theirs || fields[2] != ours {
			continue
		}
		for i, pid := range pids {
			open, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
			if slices.ContainsFunc(open, func(fd string) bool {
				target, _ := os.Readlink(fd)
				return target == "socket:["+fields[9]+"]"
			}) {
				return i
			}
		}
	}
	return -1
}

// procAddress returns an address as /proc/net/tcp writes it.
func procAddress(a net.Addr) string {
	at, ok := a.(*net.TCPAddr)
	if !ok || at.IP.To4() == nil {
		return ""
	}
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(at.IP.To4()), at.Port)
}
