package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"peyk/bot"
	"peyk/bridge"
	"peyk/cluster"
	"peyk/cluster/etcdtest"
	"peyk/doctor"
	"peyk/internal/metrics"
	"peyk/relay"
	"peyk/smsapi/soap"
	"peyk/store"
	"peyk/telegram"
)

// TestReadyTellsTheRole has a leader whose networks do not answer, a follower, and an etcd that goes away.
func TestReadyTellsTheRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var etcd etcdtest.Model
		var away atomic.Bool
		link := &etcdtest.Link{Model: &etcd, Ask: func(context.Context) error {
			if away.Load() {
				return etcdtest.ErrLost
			}
			return nil
		}}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		starts := func(name string) *member {
			m, began := new(member), time.Now()
			m.Member = cluster.New(cluster.Config{
				Etcd: link, Name: "peyk", Self: name, Path: filepath.Join(t.TempDir(), "peyk.db"), Clock: func() time.Duration { return time.Since(began) + time.Hour },
				Lead: func(ctx context.Context, st *store.Store, term *cluster.Term) error {
					panel, err := soap.New("http://127.0.0.1:1/", "", "", soap.Options{})
					if err != nil {
						return err
					}
					m.leads(&running{Bridge: bridge.New(st, panel, telegram.New(telegram.Options{}), relay.Options{}, bot.Options{}, metrics.New()), store: st}, term)
					defer m.leads(nil, nil)
					<-ctx.Done()
					return nil
				},
			})
			go func() { ended <- m.Run(ctx) }()
			time.Sleep(2 * time.Second)
			return m
		}
		is := func(m *member, at time.Time, ready bool, words ...string) {
			t.Helper()
			said, err := m.Ready(at)
			if err != nil {
				said = err.Error()
			}
			for _, w := range words {
				if !strings.Contains(said, w) {
					t.Errorf("%q does not say %q", said, w)
				}
			}
			if (err == nil) != ready {
				t.Errorf("%q: ready %t", said, err == nil)
			}
		}
		one := starts("box1")
		is(one, time.Now(), true, "leader, epoch 1, ", "s behind")
		is(one, time.Now().Add(time.Hour), true, "leader, epoch 1, ", "s behind; ", "getUpdates", "GetMsg")
		two := starts("box2")
		is(two, time.Now(), true, "follower of box1, ", "s behind")
		away.Store(true)
		time.Sleep(10 * time.Second)
		is(one, time.Now(), false, "leader, epoch 1, waits for etcd")
		is(two, time.Now(), false, "follower of box1, ", "etcd does not answer")
		away.Store(false)
		time.Sleep(10 * time.Second)
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestWhoFollowsHasNoBackup has a process follow, in a cluster in which box1 leads.
func TestWhoFollowsHasNoBackup(t *testing.T) {
	s := &setUpToBreak{world: newWorld(t)}
	at := filepath.Join(t.TempDir(), "peyk.db")
	f, err := store.Follow(at, store.Options{})
	s.must(err)
	defer f.Close()
	to := filepath.Join(t.TempDir(), "backup.db")
	for name, c := range map[string]struct {
		etcd, says string
	}{
		"another leads":        {s.etcd("{}"), "is made where the leader is, which is box1"},
		"etcd does not answer": {"http://" + nobody, "etcd does not say who leads"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := settings{dbPath: at, cluster: clusterSettings{Endpoints: []string{c.etcd}, Name: "peyk"}}.backUp(t.Context(), to)
			if !errors.Is(err, doctor.ErrFollows) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
			if _, err := os.Stat(to); err == nil {
				t.Error("it left a file")
			}
		})
	}
	if _, err := (settings{dbPath: at}).backUp(t.Context(), to); !errors.Is(err, store.ErrLocked) {
		t.Errorf("without a cluster: %v", err)
	}
}
