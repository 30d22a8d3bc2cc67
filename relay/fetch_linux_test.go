package relay

import (
	"context"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/soap"
	"peyk/store"
)

// TestPanicInTheDecoderKeepsTheAnswer has the decoder read a page of memory that cannot be read, as no answer is known that makes it panic.
func TestPanicInTheDecoderKeepsTheAnswer(t *testing.T) {
	page, err := syscall.Mmap(-1, 0, syscall.Getpagesize(), syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(page)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	st, err := store.Open(filepath.Join(t.TempDir(), "peyk.db"), store.Options{Inbox: []sms.ChatID{-7}})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	now := time.Now()
	raw, err := st.SaveRaw(store.Raw{Body: []byte("what came"), Fetched: now})
	if err != nil {
		t.Fatal(err)
	}
	f := &fetcher{Relay: New(st, nil, Options{})}
	if _, _, err := f.decode(context.Background(), store.Raw{ID: raw, Fetched: now}, smsapi.Answer{ContentType: "text/xml", Body: page}, soap.Decode); err == nil || !strings.Contains(err.Error(), "panic") {
		t.Fatalf("decode = %v, want a panic caught", err)
	}
	incidents, err := st.Incidents()
	if err != nil || len(incidents) != 1 || incidents[0].Kind != store.Undecodable || incidents[0].Raw != raw {
		t.Errorf("incidents: %+v, %v; want one that names the answer", incidents, err)
	}
	if again, err := st.Undecoded(); err != nil || len(again) != 0 {
		t.Errorf("a start would decode %d answers once more: %v", len(again), err)
	}
	if _, queued, err := st.Waiting(); err != nil || queued != 1 {
		t.Errorf("%d posts tell of it, want 1: %v", queued, err)
	}
}
