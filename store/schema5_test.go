package store

import (
	"fmt"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"peyk/sms"
)

// TestCodesBecomeStates opens a file of schema 4 in which the panel had said all that it can say of an SMS, when it took it and later.
func TestCodesBecomeStates(t *testing.T) {
	path, c := unpacked(t, "testdata/schema/4-codes.db.gz"), newClock()
	before := map[BatchID][6]int{}
	db := ok(bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true}))
	must(t, db.View(func(b *bolt.Tx) error {
		return b.Bucket([]byte("sms")).ForEach(func(_, value []byte) error {
			var r struct {
				Batch  BatchID `json:"b"`
				Status int     `json:"s"`
			}
			err := decode(value, &r)
			counts := before[r.Batch]
			counts[r.Status]++
			before[r.Batch] = counts
			return err
		})
	}))
	must(t, db.Close())

	s := open(t, path, c.inbox(group))
	must(t, s.Check()) // which counts the recipients of each batch
	for id, want := range before {
		if b, err := s.Batch(id); id != 0 && (err != nil || b.Counts != want) {
			t.Errorf("batch %d counts %v (%v), its recipients were %v", id, b.Counts, err, want)
		}
	}

	refused := func(words, code string) SMS {
		return SMS{Status: sms.Failed, Reason: sms.Refused, Words: words, Code: code}
	}
	first := ok(s.ByID("81")).Seq
	for i, want := range []SMS{
		{ID: "81", Status: sms.Sent, Asked: 1},
		{ID: "82", Status: sms.Failed, Reason: sms.TelecomProblem, Asked: 1},
		{ID: "83", Status: sms.AtTelecom, Asked: 1},
		{ID: "84", Status: sms.Delivered, Asked: 1},
		{ID: "85", Status: sms.Failed, Reason: sms.NotDelivered, Asked: 1},
		{ID: "86", Status: sms.Failed, Reason: sms.Blacklisted, Asked: 1},
		{ID: "87", Status: sms.Sent},
		{Status: sms.Sent},
		refused("", "-3"), refused("سامانه", "-99"),
		{Status: sms.Failed, Reason: sms.Unclear, Words: "see list"},
		refused("", "5"), // an ErrCode, not what its guide's 5 says of a delivery
		refused("not <yours>", "-5"), refused("not <yours>", "-5"), refused("", "-77"), refused("", "2"), refused("the text is empty", "0"),
		{ID: "91", Status: sms.Failed, Reason: sms.NotDelivered, Asked: 1},
	} {
		got := ok(s.SMS(first + Seq(i)))
		if asked := !got.Due.IsZero(); asked != (got.ID != "" && !got.final()) {
			t.Errorf("%v, %v: asked for again: %t", got.Status, got.Reason, asked)
		}
		want.Seq, want.Batch, want.Message, want.Due = got.Seq, got.Batch, got.Message, got.Due
		if got != want {
			t.Errorf("sms %d: got %+v, want %+v", got.Seq, got, want)
		}
	}
	if m := ok(s.SMS(2)); m.Text != "posted" || m.Status != sms.Queued || m.Reason != sms.NoReason {
		t.Errorf("an inbound SMS became %+v", m)
	}
	c.pass(time.Hour)
	must(t, s.SetDelivery([]Report{delivered.of(first + 1), delivered.of(first + 4), delivered.of(first + 5), delivered.of(first + 8)}))
	for i, want := range map[Seq]sms.Status{1: sms.Delivered, 4: sms.Delivered, 5: sms.Failed, 8: sms.Failed} {
		if got := ok(s.SMS(first + i)).Status; got != want {
			t.Errorf("sms %d is %v after the panel says that it was delivered, want %v", first+i, got, want)
		}
	}
	must(t, s.Check())
}

func TestARowOfSchema5(t *testing.T) {
	for _, tc := range []struct{ row, want string }{
		{`{"l":"3","c":"0912","i":"7","s":2,"k":1}`, `{"l":"3","c":"0912","i":"7","s":2}`},
		{`{"i":"7","s":5,"k":2}`, `{"i":"7","s":5,"f":3}`},
		{`{"i":"7","s":3,"k":3}`, `{"i":"7","s":3}`},
		{`{"i":"7","s":4,"k":4}`, `{"i":"7","s":4}`},
		{`{"i":"7","s":5,"k":5}`, `{"i":"7","s":5,"f":4}`},
		{`{"i":"7","s":5,"k":6}`, `{"i":"7","s":5,"f":5}`},
		{`{"i":"7","s":5,"k":7}`, `{"i":"7","s":5,"f":1,"e":"7"}`}, // not a code of the guide
		{`{"i":"7","s":5,"k":-3,"w":"x"}`, `{"i":"7","s":5,"w":"x","f":1,"e":"-3"}`},
		{`{"s":5,"k":5}`, `{"s":5,"f":1,"e":"5"}`},
		{`{"s":5}`, `{"s":5,"f":1,"e":"0"}`},
		{`{"s":5,"w":"x","q":true}`, `{"s":5,"w":"x","f":2}`},
		{`{"i":"7","s":5,"k":2,"w":"x"}`, `{"i":"7","s":5,"w":"x","f":1,"e":"2"}`},
		{`{"s":2,"k":9}`, `{"s":2}`},
		{`{"d":1,"l":"3","c":"+44","x":"\u003cb\u003e","t":5,"r":6,"b":7,"i":"8","s":4,"k":4,"w":"y","n":9,"u":10,"a":true,"m":11}`, `{"d":1,"l":"3","c":"+44","x":"\u003cb\u003e","t":5,"r":6,"b":7,"i":"8","s":4,"w":"y","n":9,"u":10,"a":true,"m":11}`},
	} {
		got, err := codeToState([]byte("\x01" + tc.row))
		if err != nil || string(got) != "\x01"+tc.want {
			t.Errorf("%s becomes %s (%v), want %s", tc.row, got, err, tc.want)
		}
	}
	if _, err := codeToState([]byte("\x01{")); err == nil {
		t.Error("a row that cannot be read is no error")
	}
}

// BenchmarkCodesToStates opens a file of half a million SMS, half of them outbound.
func BenchmarkCodesToStates(b *testing.B) {
	for range b.N {
		b.StopTimer()
		path, c := tempFile(b), newClock()
		must(b, ok(Open(path, c.options())).Close())
		db := ok(bolt.Open(path, 0o600, &bolt.Options{NoSync: true}))
		for from := 0; from < 500_000; from += 10_000 {
			must(b, db.Update(func(t *bolt.Tx) error {
				for seq := from + 1; seq <= from+10_000; seq++ {
					row := fmt.Sprintf("\x01"+`{"l":"30001234","c":"09121234567","x":"سلام، سفارش من کی می\u200cرسد؟","t":%d,"r":%d}`, c.now().Unix(), c.now().Unix())
					if seq%2 == 0 {
						row = fmt.Sprintf("\x01"+`{"d":1,"l":"30001234","c":"09121234567","t":%d,"b":%d,"i":"%d","s":4,"k":4,"n":3}`, c.now().Unix(), seq, seq)
					}
					must(b, t.Bucket(bucketSMS).Put(u64(uint64(seq)), []byte(row)))
				}
				return t.Bucket(bucketMeta).Put(keySchema, u64(4))
			}))
		}
		must(b, db.Close())
		b.StartTimer()
		s := ok(Open(path, c.options()))
		b.StopTimer()
		must(b, s.Close())
	}
}
