package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"peyk/bot/text"
	"peyk/cluster"
	"peyk/doctor"
	"peyk/internal/metrics"
	"peyk/store"
)

// clusterSettings are those of several machines that take turns.
type clusterSettings struct {
	Endpoints      []string // of etcd; none: there is only this machine
	Name           string   // of the bridge
	CA, Cert, Key  string   // files; empty: none
	User, Password string

	tls  *tls.Config
	same string // a hash of the settings that must be the same on all machines
}

// ofOneMachine reports whether a setting may differ from one machine to the next.
func ofOneMachine(name string) bool {
	return strings.HasPrefix(name, "CLUSTER") && name != "CLUSTER_NAME" || strings.HasPrefix(name, "LOG_") || strings.HasSuffix(name, "_PROXY") ||
		name == "DB_PATH" || name == "HTTP_ADDR"
}

func readEndpoints(t *text.Language, value string) (all []string, err error) {
	for _, item := range list(value) {
		address, err := readURL(t, item)
		if err != nil {
			return nil, err
		}
		if address = strings.TrimRight(address, "/"); !slices.Contains(all, address) {
			all = append(all, address)
		}
	}
	return all, nil
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

func readName(t *text.Language, value string) (string, error) {
	if value = strings.TrimSpace(value); !nameForm.MatchString(value) {
		return "", errors.New(t.NotAName)
	}
	return value, nil
}

// readFiles reads the certificates.
func (c *clusterSettings) readFiles(t *text.Language) error {
	if len(c.Endpoints) == 0 || c.CA+c.Cert+c.Key == "" {
		return nil
	}
	c.tls = new(tls.Config)
	if c.CA != "" {
		held, err := os.ReadFile(c.CA)
		if err != nil {
			return says(t, t.FileUnread, "CLUSTER_CA", err)
		}
		c.tls.RootCAs = x509.NewCertPool()
		if !c.tls.RootCAs.AppendCertsFromPEM(held) {
			return says(t, t.FileUnread, "CLUSTER_CA", t.NotPEM)
		}
	}
	if c.Cert+c.Key != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, cmp.Or(c.Key, c.Cert))
		if err != nil {
			return says(t, t.FileUnread, "CLUSTER_CERT, CLUSTER_KEY", err)
		}
		c.tls.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// dial returns a client of etcd, which the caller closes.
func (c clusterSettings) dial() *cluster.Client {
	return cluster.Dial(cluster.Options{Endpoints: c.Endpoints, TLS: c.tls, User: c.User, Password: c.Password})
}

// Of etcd: the first version with its gateway at the path used here, how large its file may become when it does not say, and how full is too full.
const (
	oldestEtcd   = "3.4"
	usualQuota   = 2 << 30
	tooFull      = 0.8
	clockMayVary = 3 * time.Second // its answers tell whole seconds
)

// checkPatience is how long etcd has to answer.
const checkPatience = 5 * time.Second

// checkEtcd tells how etcd is, and returns whether any of its servers answers.
func (c clusterSettings) checkEtcd(ctx context.Context, t *text.Language) (found []doctor.Finding, answers bool) {
	etcd := c.dial()
	defer etcd.Close()
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	show := func(state doctor.State, html string, cause error) {
		found = append(found, doctor.Finding{State: state, HTML: html, Cause: cause})
	}
	servers, failed := etcd.Servers(ctx)
	const mb = 1 << 20
	for _, s := range servers {
		quota, address := cmp.Or(s.Quota, usualQuota), text.Code(s.Address)
		full := t.Say(t.ClusterFull, address, s.Size/mb, quota/mb, text.Escape(cmp.Or(strings.Join(s.Errors, "; "), "–")))
		switch {
		case s.Err != nil:
			show(doctor.Wrong, t.Say(t.ClusterSilent, address, text.Code("CLUSTER")), s.Err)
			continue
		case older(s.Version, oldestEtcd):
			show(doctor.Wrong, t.Say(t.ClusterOld, address, text.Code(s.Version)), nil)
		case len(s.Errors) > 0:
			show(doctor.Wrong, full, nil)
		case float64(s.Size) > tooFull*float64(quota):
			show(doctor.Noted, full, nil)
		default:
			show(doctor.Right, t.Say(t.ClusterServer, address, text.Code(s.Version), s.Size/mb, quota/mb, s.Took.Milliseconds()), nil)
		}
		if apart := time.Until(s.Date); !s.Date.IsZero() && apart.Abs() > clockMayVary {
			show(doctor.Noted, t.Say(t.ClusterClock, address, int(apart.Seconds())), nil)
		}
	}
	if len(servers) < 3 {
		show(doctor.Noted, t.Say(t.ClusterFew, len(servers)), nil)
	}
	return found, failed == nil
}

// checkMembers tells how the members are.
func (c clusterSettings) checkMembers(ctx context.Context, t *text.Language, now time.Time) (found []doctor.Finding) {
	etcd := c.dial()
	defer etcd.Close()
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	show := func(state doctor.State, html string, cause error) {
		found = append(found, doctor.Finding{State: state, HTML: html, Cause: cause})
	}
	members, leader, err := cluster.Reports(ctx, etcd, c.Name)
	if err != nil {
		show(doctor.Wrong, t.Say(t.ClusterSilent, text.Code(strings.Join(c.Endpoints, ", ")), text.Code("CLUSTER")), err)
		return found
	}
	if leader == "" {
		show(doctor.Noted, t.ClusterVacant, nil)
	}
	head := uint64(0)
	for _, m := range members {
		head = max(head, m.Entry)
	}
	for _, m := range members {
		heard := now.Sub(m.At).Abs() < cluster.ForgetMember
		switch {
		case m.Self == leader:
			show(doctor.Right, t.Say(t.ClusterLeads, text.Code(m.Self)), nil)
		case !heard:
			show(doctor.Noted, t.Say(t.ClusterLost, text.Code(m.Self), m.At.UTC().Format(time.DateTime)), nil)
			continue
		default:
			show(doctor.Right, t.Say(t.ClusterFollows, text.Code(m.Self), head-m.Entry), nil)
		}
		if m.Same != c.same {
			show(doctor.Wrong, t.Say(t.ClusterDiffers, text.Code(m.Self)), nil)
		}
		if m.Version != versionOf() {
			show(doctor.Noted, t.Say(t.ClusterVersion, text.Code(m.Self), text.Code(m.Version), text.Code(versionOf())), nil)
		}
	}
	return found
}

// leadsElsewhere returns a doctor.ErrFollows that says who leads, unless it is the member named, or there is no cluster.
func (c clusterSettings) leadsElsewhere(ctx context.Context, named string) error {
	if len(c.Endpoints) == 0 {
		return nil
	}
	etcd := c.dial()
	defer etcd.Close()
	_, leader, err := cluster.Reports(ctx, etcd, c.Name)
	switch {
	case err != nil:
		return fmt.Errorf("%w, and etcd does not say who leads: %w", doctor.ErrFollows, err)
	case leader == "":
		return fmt.Errorf("%w, and nobody leads at this moment", doctor.ErrFollows)
	case leader == named:
		return nil
	}
	return fmt.Errorf("%w: a backup is made where the leader is, which is %s", doctor.ErrFollows, leader)
}

// older reports whether a version, as 3.4.23, is below another, as 3.4.
func older(version, than string) bool {
	number := func(version string) (n int) {
		for _, part := range strings.SplitN(version+".0.0", ".", 3)[:2] {
			one, _ := strconv.Atoi(part)
			n = n*1000 + one
		}
		return n
	}
	return number(version) < number(than)
}

// self is what this member is called: its machine, and where its store is.
func self(dbPath string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	if path, err := filepath.Abs(dbPath); err == nil {
		dbPath = path
	}
	return host + ":" + dbPath
}

// member is this process as one of several.
type member struct {
	*cluster.Member

	mu      sync.Mutex
	running *running      // the bridge; nil while another leads
	term    *cluster.Term // in which it runs
}

// runMember takes part in a cluster until ctx ends.
func runMember(ctx context.Context, s settings, log *slog.Logger) error {
	etcd := s.cluster.dial()
	defer etcd.Close()
	m, counts := new(member), metrics.New()
	s.store.Committed, s.store.Log = counts.Committed, log
	m.Member = cluster.New(cluster.Config{
		Etcd: etcd, Name: s.cluster.Name, Self: self(s.dbPath), Path: s.dbPath, Version: versionOf(), Same: s.cluster.same, Store: s.store, Log: log,
		Lead: func(ctx context.Context, st *store.Store, t *cluster.Term) error {
			s, counts := s, counts
			s.dial = t.Guard(nil)
			r, err := s.open(st, counts, log)
			if err != nil {
				return err
			}
			defer r.close()
			m.leads(r, t)
			defer m.leads(nil, nil)
			defer counts.Unwatch()
			return r.Run(ctx)
		},
	})
	if s.httpAddr != "" {
		counts.MustRegister(m.figures()...)
		stopHealth, err := serveHealth(s.httpAddr, m, counts, log)
		if err != nil {
			return err
		}
		defer stopHealth()
	}
	return m.Run(ctx)
}

func (m *member) leads(r *running, t *cluster.Term) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running, m.term = r, t
}

func (m *member) now() (*running, *cluster.Term) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running, m.term
}

// Alive returns nil while the process does what it is to do. That etcd is away is no reason to start it again.
func (m *member) Alive(ctx context.Context) error {
	if s := m.Status(); s.Alive > alivePatience {
		return fmt.Errorf("nothing was done for %v", s.Alive.Round(time.Second))
	}
	r, t := m.now()
	if r == nil || !t.MayAct() {
		return nil
	}
	if err := r.Alive(ctx); err != nil && t.MayAct() {
		return err
	}
	return nil
}

// readyBehind is how far behind a follower may be that could take over at once.
const readyBehind = time.Second

// Ready returns the role. Its error says that a leader waits for etcd, or that a follower is behind. A network that does not answer is only named: it is no
// fault of a machine, and a takeover mends nothing.
func (m *member) Ready(now time.Time) (string, error) {
	s := m.Status()
	r, t := m.now()
	behind := fmt.Sprintf("%.1f s behind", s.Behind.Seconds())
	switch {
	case r == nil:
		said := "follower, " + behind
		if s.Leader != "" {
			said = "follower of " + s.Leader + ", " + behind
		}
		if s.Trouble != "" {
			return said, fmt.Errorf("%s: %s", said, s.Trouble)
		}
		if s.Behind > readyBehind {
			return said, errors.New(said)
		}
		return said, nil
	case !t.MayAct():
		return "", fmt.Errorf("leader, epoch %d, waits for etcd: %s", s.Epoch, cmp.Or(s.Trouble, "no answer"))
	}
	said := fmt.Sprintf("leader, epoch %d, %s", s.Epoch, behind)
	if _, err := r.Ready(now); err != nil {
		said += "; " + err.Error()
	}
	return said, nil
}
