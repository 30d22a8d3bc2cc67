//go:build cluster

package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// Etcd is what a member asks of etcd: Client, or in simulations etcdtest.Model. After an error nobody knows whether a transaction was carried out.
type Etcd interface {
	// Do carries out Then if all of If hold, otherwise Else.
	Do(ctx context.Context, t Txn) (Result, error)
	// Compact has etcd forget what keys held before a revision.
	Compact(ctx context.Context, revision int64) error
	// Size returns how many bytes etcd's file has.
	Size(ctx context.Context) (int64, error)
}

// Txn is one transaction of etcd.
type Txn struct {
	If         []Guard
	Then, Else []Op
}

// Guard holds if a key was changed last at a revision, 0 if there must be no such key; or, when Value is not nil, if the key holds that.
type Guard struct {
	Key      string
	Revision int64
	Value    []byte
}

// Op is one step of a transaction. It reads, unless Put or Delete is set, the keys from Key on, before To: Limit of them, the last one if Last. An empty To
// stands for Key alone.
type Op struct {
	Key, To string
	Limit   int64 // none when 0
	Last    bool
	Names   bool // only the keys, without what they hold
	Put     []byte
	Delete  bool
}

// Pair is a key and what it holds.
type Pair struct {
	Key      string
	Value    []byte
	Revision int64 // at which it was changed last
}

// Result is what became of a Txn.
type Result struct {
	Held     bool     // whether Then was carried out
	Revision int64    // etcd's at that moment
	Reads    [][]Pair // what each Op that reads has read, in their order
}

// ErrNoRoom means that etcd's file has reached its quota: it takes no key until there is room again and its alarm is disarmed.
var ErrNoRoom = errors.New("etcd has no room: its quota is used up")

// Options of a Client.
type Options struct {
	Endpoints      []string
	TLS            *tls.Config // nil: none
	User, Password string
}

// Client is an etcd cluster.
type Client struct {
	etcd      *clientv3.Client
	endpoints []string
}

// Dial returns a client, which the caller closes. It asks etcd nothing.
func Dial(opts Options) (*Client, error) {
	c, err := clientv3.New(clientv3.Config{
		Endpoints: opts.Endpoints, TLS: opts.TLS, Username: opts.User, Password: opts.Password, Logger: zap.NewNop(),
		// etcd ends a connection that is asked more often than every five seconds whether it lives.
		DialKeepAliveTime: 6 * time.Second, DialKeepAliveTimeout: 2 * time.Second, DialTimeout: 2 * time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	return &Client{etcd: c, endpoints: opts.Endpoints}, nil
}

// Close closes the connections.
func (c *Client) Close() error { return c.etcd.Close() }

func (c *Client) Do(ctx context.Context, t Txn) (Result, error) {
	var guards []clientv3.Cmp
	for _, g := range t.If {
		if g.Value != nil {
			guards = append(guards, clientv3.Compare(clientv3.Value(g.Key), "=", string(g.Value)))
		} else {
			guards = append(guards, clientv3.Compare(clientv3.ModRevision(g.Key), "=", g.Revision))
		}
	}
	answer, err := c.etcd.Txn(ctx).If(guards...).Then(ops(t.Then)...).Else(ops(t.Else)...).Commit()
	if err != nil {
		if errors.Is(err, rpctypes.ErrNoSpace) {
			err = ErrNoRoom
		}
		return Result{}, fmt.Errorf("etcd: %w", err)
	}
	r := Result{Held: answer.Succeeded, Revision: answer.Header.Revision}
	for _, one := range answer.Responses {
		read := one.GetResponseRange()
		if read == nil {
			continue
		}
		var pairs []Pair
		for _, kv := range read.Kvs {
			pairs = append(pairs, Pair{string(kv.Key), kv.Value, kv.ModRevision})
		}
		r.Reads = append(r.Reads, pairs)
	}
	return r, nil
}

func ops(all []Op) (made []clientv3.Op) {
	for _, o := range all {
		var with []clientv3.OpOption
		if o.To != "" {
			with = append(with, clientv3.WithRange(o.To))
		}
		switch {
		case o.Put != nil:
			made = append(made, clientv3.OpPut(o.Key, string(o.Put)))
			continue
		case o.Delete:
			made = append(made, clientv3.OpDelete(o.Key, with...))
			continue
		}
		order := clientv3.SortAscend
		if o.Last {
			order, o.Limit = clientv3.SortDescend, 1
		}
		with = append(with, clientv3.WithSort(clientv3.SortByKey, order), clientv3.WithLimit(o.Limit))
		if o.Names {
			with = append(with, clientv3.WithKeysOnly())
		}
		made = append(made, clientv3.OpGet(o.Key, with...))
	}
	return made
}

func (c *Client) Compact(ctx context.Context, revision int64) error {
	_, err := c.etcd.Compact(ctx, revision)
	if err == nil || errors.Is(err, rpctypes.ErrCompacted) { // somebody else has done so
		return nil
	}
	return fmt.Errorf("etcd: compact: %w", err)
}

func (c *Client) Size(ctx context.Context) (size int64, err error) {
	servers, err := c.Servers(ctx)
	for _, s := range servers {
		size = max(size, s.Size)
	}
	return size, err
}

// Server is what one of etcd's servers says of itself.
type Server struct {
	Address string
	Version string
	Size    int64 // of its file, in bytes
	Leads   bool
	Err     error // why it said nothing
}

// Servers asks each server. The error is that of the first that answered nothing, when none did.
func (c *Client) Servers(ctx context.Context) ([]Server, error) {
	var all []Server
	var failed error
	answered := false
	for _, address := range c.endpoints {
		s := Server{Address: address}
		status, err := c.etcd.Status(ctx, address)
		if err == nil {
			answered = true
			s.Version, s.Size, s.Leads = status.Version, status.DbSize, status.Leader == status.Header.MemberId
		} else if s.Err = fmt.Errorf("etcd: %w", err); failed == nil {
			failed = s.Err
		}
		all = append(all, s)
	}
	if answered {
		failed = nil
	}
	return all, failed
}

// after returns the end of the range of all keys that begin with a prefix, which ends with a slash.
func after(prefix string) string { return strings.TrimSuffix(prefix, "/") + "0" }
