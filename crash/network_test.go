package crash

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"peyk/internal/play"
	"peyk/sandbox/sandboxtest"
)

// network serves one of the networks on a port of loopback, which can be shut, and knows its connections.
type network struct {
	handler http.Handler
	changed func() // called whenever a connection was opened or closed

	mu     sync.Mutex
	addr   string
	server *http.Server // nil while the port is shut
	open   map[net.Conn]bool
	shut   []sandboxtest.Shut
}

// networks counts those of this process.
var networks atomic.Uint32

// serve opens a port of an address of its own: while it is shut, no other world's network can take it, whose bridge would then
// talk to the wrong one.
func serve(handler http.Handler, changed func()) (*network, error) {
	host := "127.0.0.1"
	if runtime.GOOS == "linux" { // where all of 127/8 is loopback
		id := uint32(os.Getpid())<<12 | networks.Add(1)&0xfff
		host = fmt.Sprintf("127.%d.%d.%d", id>>16&0xff, id>>8&0xff, id&0xff)
	}
	n := &network{handler: handler, changed: changed, addr: host + ":0", open: map[net.Conn]bool{}}
	return n, n.up()
}

// up opens the port again; a network that is up stays so.
func (n *network) up() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server != nil {
		return nil
	}
	l, err := net.Listen("tcp", n.addr)
	// The port is ours alone, but perhaps not free yet: Serve may not have come to close it, and a process that is being started
	// holds what was open here until its own program begins.
	for late := time.Now().Add(patience); errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(late); {
		<-time.After(time.Millisecond)
		l, err = net.Listen("tcp", n.addr)
	}
	if err != nil {
		return err
	}
	n.addr = l.Addr().String()
	n.server = &http.Server{Handler: n.handler, ConnState: n.note}
	go n.server.Serve(l) // ends with down
	return nil
}

// down closes all connections and refuses new ones.
func (n *network) down() {
	n.mu.Lock()
	server := n.server
	n.server = nil
	if server != nil {
		o := sandboxtest.Shut{At: time.Now(), Callers: []string{"perhaps one whose connection is not accepted yet"}}
		for c := range n.open {
			o.Callers = append(o.Callers, c.RemoteAddr().String())
		}
		n.shut = append(n.shut, o)
	}
	n.mu.Unlock()
	if server != nil {
		server.Close()
	}
}

func (n *network) note(c net.Conn, state http.ConnState) {
	n.mu.Lock()
	switch state {
	case http.StateNew:
		n.open[c] = true
		if n.server == nil { // accepted while the port was being shut
			last := &n.shut[len(n.shut)-1]
			last.Callers = append(last.Callers, c.RemoteAddr().String())
		}
	case http.StateClosed, http.StateHijacked:
		delete(n.open, c)
	}
	n.mu.Unlock()
	n.changed()
}

// outages returns when the port was shut.
func (n *network) outages() []sandboxtest.Shut {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := slices.Clone(n.shut)
	for i := range all {
		all[i].Callers = slices.Clone(all[i].Callers)
	}
	return all
}

// knock returns a connection to the network, nil while the port is shut. Connections are accepted one after the other: once this one is
// known, all are that a bridge which is gone had opened.
func (n *network) knock() net.Conn {
	c, err := net.Dial("tcp", n.addr)
	if err != nil {
		return nil
	}
	return c
}

// knows tells whether c, which knock returned, was accepted.
func (n *network) knows(c net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for open := range n.open {
		if open.RemoteAddr().String() == c.LocalAddr().String() {
			return true
		}
	}
	return false
}

// connections is how many are open. After the end of a bridge, and a knock, there are none once all it had written was read and dealt with.
func (n *network) connections() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.open)
}

// cut closes the connections that are open and forgets them.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.open {
		c.Close()
	}
	clear(n.open)
}

// TestWhatIsOnTheWireArrives has callers go away the moment they have asked.
func TestWhatIsOnTheWireArrives(t *testing.T) {
	w := &world{World: &play.World{World: &sandboxtest.World{TB: t}}, changed: make(chan struct{}, 1)}
	var dealt atomic.Int64
	var err error
	if w.tgNet, err = serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { dealt.Add(1) }), w.wake); err != nil {
		t.Fatal(err)
	}
	defer w.tgNet.down()
	if w.panelNet, err = serve(http.NotFoundHandler(), w.wake); err != nil {
		t.Fatal(err)
	}
	w.panelNet.down()
	for i := range int64(100) {
		c, err := net.Dial("tcp", w.tgNet.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("POST / HTTP/1.1\r\nHost: telegram\r\nContent-Length: 0\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		c.Close()
		w.arrived()
		if n := dealt.Load(); n != i+1 {
			t.Fatalf("%d calls were dealt with, of %d", n, i+1)
		}
	}
}

// TestNetworkComesBackAtOnce shuts a port and opens it again while processes are started, as other worlds do.
func TestNetworkComesBackAtOnce(t *testing.T) {
	n, err := serve(http.NotFoundHandler(), func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer n.down()
	over := make(chan struct{})
	var starts sync.WaitGroup
	for range 4 {
		starts.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if err := exec.Command(program, "version").Run(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 100 {
		n.down()
		if err := n.up(); err != nil {
			t.Error(err)
			break
		}
	}
	close(over)
	starts.Wait()
}
