package etcdtest

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"peyk/cluster"
	"peyk/sandbox/sandboxtest"
)

// Servers are a real etcd cluster on loopback, for as long as a test runs.
type Servers struct {
	Options
	tb    testing.TB
	ports [][2]string // of each: for clients, for its peers
	peers []string    // by which address its peers know each
	apart []*Gate     // between each two, see between
	tls   *tls.Config // nil: it speaks in clear

	mu      sync.Mutex
	running []*process // nil while it is killed

	again sync.Mutex // is held by RunAgain: several pairs may share the servers
}

// process is a server, until it has ended.
type process struct {
	*exec.Cmd
	ended chan struct{}
}

// Options of Servers. The zero value works.
type Options struct {
	Args  []string // added to those of each
	Dir   string   // of their files; "": one of the test's
	Gates bool     // there is a gate between each two
}

// program is the etcd to run: the one that PEYK_ETCD names, or that of the system.
func program() string { return cmp.Or(os.Getenv("PEYK_ETCD"), "etcd") }

// Start starts so many servers and waits until they answer. The test is skipped where there is no etcd. args are added to those of each.
func Start(tb testing.TB, n int, args ...string) *Servers {
	tb.Helper()
	return StartWith(tb, n, Options{Args: args})
}

// StartWith does as Start.
func StartWith(tb testing.TB, n int, opts Options) *Servers {
	tb.Helper()
	if _, err := exec.LookPath(program()); err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatal("there is no etcd here, which .ci/run installs: ", err)
		}
		tb.Skip("there is no etcd here: apt install etcd-server")
	}
	s := &Servers{Options: opts, tb: tb, running: make([]*process, n)}
	if s.Dir == "" {
		s.Dir = tb.TempDir()
	}
	if i := slices.Index(s.Args, "--cert-file"); i >= 0 {
		s.tls = Files{Cert: s.Args[i+1], Key: s.Args[i+3], CA: s.Args[i+5]}.TLS(tb)
	}
	for i := range n {
		s.ports = append(s.ports, [2]string{freePort(tb), freePort(tb)})
		s.peers = append(s.peers, s.ports[i][1])
		for range i {
			s.apart = append(s.apart, new(Gate))
		}
		if s.Gates {
			s.peers[i] = Forward(tb, s.ports[i][1], func(c net.Conn) *Gate { return s.between(owner(c, s.pids()), i) })
		}
	}
	tb.Cleanup(func() {
		for i := range s.running {
			s.Kill(i)
		}
	})
	for i := range n {
		s.Run(i)
	}
	client := s.Dial()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_, err := client.Do(ctx, cluster.Txn{Then: []cluster.Op{{Key: "answers"}}})
		cancel()
		if err == nil {
			return s
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(s.Dir, "0.log"))
			tb.Fatalf("etcd does not answer: %v\n%s", err, log)
		}
	}
}

// loopback is a host of this process: of a port there nobody else makes use before etcd does. given are those that have been given out, as etcd takes a while.
var (
	loopback = sandboxtest.OwnHost()
	given    sync.Map
)

func freePort(tb testing.TB) string {
	tb.Helper()
	for {
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			tb.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		if _, before := given.LoadOrStore(address, true); !before {
			return address
		}
	}
}

// Endpoints are the addresses for clients.
func (s *Servers) Endpoints() (all []string) {
	for _, p := range s.ports {
		all = append(all, s.address(p[0]))
	}
	return all
}

func (s *Servers) address(host string) string {
	if s.tls != nil {
		return "https://" + host
	}
	return "http://" + host
}

// Dial returns a client of all servers, closed when the test ends.
func (s *Servers) Dial() *cluster.Client {
	s.tb.Helper()
	c := cluster.Dial(cluster.Options{Endpoints: s.Endpoints(), TLS: s.tls})
	s.tb.Cleanup(c.Close)
	return c
}

// Run starts server i, also again after it was killed.
func (s *Servers) Run(i int) {
	s.tb.Helper()
	var peers []string
	for j, p := range s.peers {
		peers = append(peers, fmt.Sprintf("m%d=http://%s", j, p))
	}
	log, err := os.OpenFile(filepath.Join(s.Dir, fmt.Sprint(i, ".log")), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer log.Close()
	at := s.address(s.ports[i][0])
	cmd := exec.Command(program(), append([]string{
		"--name", fmt.Sprint("m", i), "--data-dir", filepath.Join(s.Dir, fmt.Sprint(i)), "--listen-client-urls", at, "--advertise-client-urls", at,
		"--listen-peer-urls", "http://" + s.ports[i][1], "--initial-advertise-peer-urls", "http://" + s.peers[i], "--initial-cluster", strings.Join(peers, ","), "--log-level", "error",
	}, s.Args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	started := &process{cmd, make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its log says why it ended
		close(started.ended)
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[i] = started
}

// RunAgain starts servers that have ended by themselves, as systemd does.
func (s *Servers) RunAgain() {
	s.tb.Helper()
	s.again.Lock()
	defer s.again.Unlock()
	s.mu.Lock()
	running := slices.Clone(s.running)
	s.mu.Unlock()
	for i, one := range running {
		if one == nil {
			continue
		}
		select {
		case <-one.ended:
			s.Run(i)
		default:
		}
	}
}

// pids are those of all servers, 0 of one that is killed.
func (s *Servers) pids() (all []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cmd := range s.running {
		pid := 0
		if cmd != nil {
			pid = cmd.Process.Pid
		}
		all = append(all, pid)
	}
	return all
}

// between returns the gate between two servers, nil without gates, or if one is none of them.
func (s *Servers) between(i, j int) *Gate {
	i, j = min(i, j), max(i, j)
	if !s.Gates || i < 0 || i == j {
		return nil
	}
	return s.apart[j*(j-1)/2+i]
}

// Isolate cuts server i off from the others, or ends that.
func (s *Servers) Isolate(i int, cut bool) {
	for j := range s.ports {
		if g := s.between(i, j); g != nil {
			g.Shut(cut, cut)
		}
	}
}

// Passed returns how many bytes have passed between the servers.
func (s *Servers) Passed() (n int64) {
	for _, g := range s.apart {
		there, back := g.Passed()
		n += there + back
	}
	return n
}

// Kill kills server i, as a loss of power does, or waits until it is gone.
func (s *Servers) Kill(i int) {
	s.mu.Lock()
	cmd := s.running[i]
	s.running[i] = nil
	s.mu.Unlock()
	if cmd != nil {
		cmd.Process.Kill()
		<-cmd.ended
	}
}

// Tell says what each server says of itself, and the end of its log.
func (s *Servers) Tell() string {
	var b strings.Builder
	for i, at := range s.Endpoints() {
		c := cluster.Dial(cluster.Options{Endpoints: []string{at}, TLS: s.tls})
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		var status json.RawMessage
		err := c.Ask(ctx, "/v3/maintenance/status", struct{}{}, &status)
		cancel()
		c.Close()
		log, _ := os.ReadFile(filepath.Join(s.Dir, fmt.Sprint(i, ".log")))
		fmt.Fprintf(&b, "%s, of %v: %s %v\n%s\n", at, s.pids(), status, err, log[max(0, len(log)-4000):])
	}
	return b.String()
}

// Leader returns which server leads, -1 if none says so.
func (s *Servers) Leader(c *cluster.Client) int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	all, _ := c.Servers(ctx)
	for i, one := range all {
		if one.Leads {
			return i
		}
	}
	return -1
}

// Defragment has server i give the room back that keys had which are gone.
func (s *Servers) Defragment(i int) error {
	c := cluster.Dial(cluster.Options{Endpoints: s.Endpoints()[i : i+1], TLS: s.tls})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return c.Ask(ctx, "/v3/maintenance/defragment", struct{}{}, &struct{}{})
}

// Files are a certificate for servers and clients on loopback, its key, and whoever signed it.
type Files struct{ Cert, Key, CA string }

// Certificates makes Files, good for an hour. They name nobody: from a client whose certificate has a common name, etcd's gateway takes no password.
func Certificates(tb testing.TB) Files {
	tb.Helper()
	dir := tb.TempDir()
	f := Files{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")} // it signs itself
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	made := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.ParseIP(loopback)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, made, made, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	for path, block := range map[string]pem.Block{f.Cert: {Type: "CERTIFICATE", Bytes: cert}, f.Key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(&block), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return f
}

// TLS returns how a client uses them.
func (f Files) TLS(tb testing.TB) *tls.Config {
	tb.Helper()
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		tb.Fatal(err)
	}
	pem, err := os.ReadFile(f.CA)
	if err != nil {
		tb.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: trusted}
}
