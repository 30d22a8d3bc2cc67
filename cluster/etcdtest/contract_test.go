package etcdtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peyk/cluster"
)

// TestContract holds the model to the real etcd: both answer the same to the same questions, revisions apart, which are compared by their steps.
func TestContract(t *testing.T) {
	t.Run("model", func(t *testing.T) { contract(t, &Model{}) })
	t.Run("etcd", func(t *testing.T) { contract(t, Start(t, 1).Dial()) })
}

// TestMuchIsRead reads more at once than the 4 MB that gRPC takes by default.
func TestMuchIsRead(t *testing.T) {
	etcd := Start(t, 1).Dial()
	for i := range 5 {
		do(t, etcd, cluster.Txn{Then: []cluster.Op{{Key: fmt.Sprint("much/", i), Put: bytes.Repeat([]byte{byte(i)}, 1<<20)}}})
	}
	r := do(t, etcd, cluster.Txn{Then: []cluster.Op{{Key: "much/", To: "much0"}}})
	if len(r.Reads) != 1 || len(r.Reads[0]) != 5 {
		t.Fatalf("%d reads", len(r.Reads))
	}
	for i, p := range r.Reads[0] {
		if !bytes.Equal(p.Value, bytes.Repeat([]byte{byte(i)}, 1<<20)) {
			t.Errorf("%s holds something else, %d bytes", p.Key, len(p.Value))
		}
	}
}

// TestLogin has etcd ask who it is, in the ways it can.
func TestLogin(t *testing.T) {
	files := Certificates(t)
	s := Start(t, 1, "--cert-file", files.Cert, "--key-file", files.Key, "--trusted-ca-file", files.CA, "--client-cert-auth")
	root := s.Dial()
	post := func(path, body string) {
		t.Helper()
		if err := root.Ask(t.Context(), path, json.RawMessage(body), &struct{}{}); err != nil {
			t.Fatal(err)
		}
	}
	post("/v3/auth/user/add", `{"name":"root","password":"secret"}`)
	post("/v3/auth/role/add", `{"name":"root"}`)
	post("/v3/auth/user/grant", `{"user":"root","role":"root"}`)
	named := cluster.Dial(cluster.Options{Endpoints: s.Endpoints(), TLS: files.TLS(t), User: "root", Password: "secret"})
	defer named.Close()
	read := cluster.Txn{Then: []cluster.Op{{Key: "a"}}}
	do(t, named, read) // it is not asked for yet
	post("/v3/auth/enable", `{}`)
	do(t, named, read)
	if _, err := root.Do(t.Context(), read); err == nil {
		t.Error("etcd asked for no password: this test shows nothing")
	}
	wrong := cluster.Dial(cluster.Options{Endpoints: s.Endpoints(), TLS: files.TLS(t), User: "root", Password: "wrong-one"})
	defer wrong.Close()
	if _, err := wrong.Do(t.Context(), read); err == nil || strings.Contains(err.Error(), "wrong-one") {
		t.Errorf("with a wrong password: %v", err)
	}
	unknown := cluster.Dial(cluster.Options{Endpoints: s.Endpoints()})
	defer unknown.Close()
	if _, err := unknown.Do(t.Context(), read); err == nil {
		t.Error("without a certificate: no error")
	}
}

func contract(t *testing.T, etcd cluster.Etcd) {
	type (
		txn   = cluster.Txn
		op    = cluster.Op
		guard = cluster.Guard
	)
	first := do(t, etcd, txn{Then: []op{{Key: "none"}}}).Revision
	put := func(key, value string) op { return op{Key: key, Put: []byte(value)} }
	for _, step := range []struct {
		name  string
		txn   txn
		held  bool
		steps int64      // how much the revision has grown since the first step
		reads [][]string // keys and values
	}{
		{"a key that must not be there is made", txn{If: []guard{{Key: "a"}}, Then: []op{put("a", "1")}}, true, 1, nil},
		{"but not twice", txn{If: []guard{{Key: "a"}}, Then: []op{put("a", "2")}, Else: []op{{Key: "a"}}}, false, 1, [][]string{{"a", "1"}}},
		{"by its revision it is changed", txn{If: []guard{{Key: "a", Revision: first + 1}}, Then: []op{put("a", "2")}}, true, 2, nil},
		{"by an old one not", txn{If: []guard{{Key: "a", Revision: first + 1}}, Then: []op{put("a", "3")}}, false, 2, nil},
		{"by what it holds it is changed", txn{If: []guard{{Key: "a", Value: []byte("2")}}, Then: []op{put("a", "2")}}, true, 3, nil},
		{"and has another revision then, though it holds the same", txn{If: []guard{{Key: "a", Revision: first + 2}}}, false, 3, nil},
		{"by something else not", txn{If: []guard{{Key: "a", Value: []byte("3")}}}, false, 3, nil},
		{"a key that is not there holds nothing, not even that", txn{If: []guard{{Key: "none", Value: []byte{}}}}, false, 3, nil},
		{"all guards must hold", txn{If: []guard{{Key: "a", Value: []byte("2")}, {Key: "a"}}}, false, 3, nil},
		{"several keys are one revision", txn{Then: []op{put("log/1", "x"), put("log/2", "y"), put("log/3", "z"), put("log0", "-")}}, true, 4, nil},
		{"what is read after a put is what was put", txn{Then: []op{put("b", "1"), {Key: "b"}}}, true, 5, [][]string{{"b", "1"}}},
		{"a range is in order, and ends before its end", txn{Then: []op{{Key: "log/2", To: "log0"}}}, true, 5, [][]string{{"log/2", "y", "log/3", "z"}}},
		{"so many", txn{Then: []op{{Key: "log/", To: "log0", Limit: 2}}}, true, 5, [][]string{{"log/1", "x", "log/2", "y"}}},
		{"their names alone", txn{Then: []op{{Key: "log/2", To: "log0", Names: true}}}, true, 5, [][]string{{"log/2", "", "log/3", ""}}},
		{"nothing is read as nothing", txn{Then: []op{{Key: "none"}, {Key: "log/7", To: "log0"}, {Key: "a"}}}, true, 5, [][]string{nil, nil, {"a", "2"}}},
		{"a range is deleted", txn{Then: []op{{Key: "log/1", To: "log/3", Delete: true}, {Key: "log/", To: "log0"}}}, true, 6, [][]string{{"log/3", "z"}}},
		{"deleting nothing changes nothing", txn{Then: []op{{Key: "log/1", Delete: true}}}, true, 6, nil},
		{"a key that was deleted is one that is not there", txn{If: []guard{{Key: "log/1"}}, Then: []op{put("log/1", "again")}}, true, 7, nil},
	} {
		r := do(t, etcd, step.txn)
		var reads [][]string
		for _, found := range r.Reads {
			var one []string
			for _, p := range found {
				one = append(one, p.Key, string(p.Value))
			}
			reads = append(reads, one)
		}
		if r.Held != step.held || r.Revision-first != step.steps || !cmp.Equal(reads, step.reads) {
			t.Errorf("%s: held %v, revision +%d, read %q; want %v, +%d, %q", step.name, r.Held, r.Revision-first, reads, step.held, step.steps, step.reads)
		}
	}
	if err := etcd.Compact(t.Context(), first+6); err != nil {
		t.Error(err)
	}
	if err := etcd.Compact(t.Context(), first+6); err != nil {
		t.Errorf("the second time: %v", err)
	}
	if r := do(t, etcd, txn{Then: []op{{Key: "a"}}}); len(r.Reads[0]) != 1 {
		t.Error("a key is gone that etcd was not to forget")
	}
	if size, err := etcd.Size(t.Context()); err != nil || size <= 0 {
		t.Errorf("its size is %d, %v", size, err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := etcd.Do(over, txn{Then: []op{{Key: "a"}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}

func do(t *testing.T, etcd cluster.Etcd, txn cluster.Txn) cluster.Result {
	t.Helper()
	r, err := etcd.Do(t.Context(), txn)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
