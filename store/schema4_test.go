package store

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"peyk/sms"
)

// TestSpellingsOfOneCustomerAreMerged opens a file in which customers had several spellings, made before there was one.
func TestSpellingsOfOneCustomerAreMerged(t *testing.T) {
	path, c := unpacked(t, "testdata/schema/3-spellings.db.gz"), newClock()
	began := c.now()
	c.pass(5 * time.Hour)
	s := open(t, path, c.inbox(group))
	must(t, s.Check())

	shop := ok(s.Customer("09127777777"))
	if want := (Customer{
		Number: "09127777777", Name: "Shop / Ali of the shop", Line: line, First: began.Add(time.Hour), Last: began.Add(4 * time.Hour), In: 4, InTo: 11, Out: 1,
		Topics: []sms.Place{{Chat: group, Topic: 20}, {Chat: group, Topic: 21}, {Chat: group, Topic: 22}, {Chat: group, Topic: 23}}, Claim: Claim{Owner: 7, Name: "Omid", At: began.Add(2 * time.Hour), Taken: true},
	}); !cmp.Equal(want, shop) {
		t.Error(cmp.Diff(want, shop))
	}
	if p, _ := shop.TopicIn(group); p.Topic != 20 {
		t.Errorf("shown in topic %d, want the oldest", p.Topic)
	}
	foreign := ok(s.Customer("+447911123456"))
	if foreign.Linked == nil || *foreign.Linked != (sms.Place{Chat: -77}) || !cmp.Equal(foreign.Topics, []sms.Place{{Chat: group, Topic: 30}, {Chat: -78, Topic: 3}}) || foreign.In != 3 {
		t.Errorf("got %+v", foreign)
	}
	// What is written in the topics of before goes to them.
	for place, want := range map[sms.Place]sms.Number{
		{Chat: group, Topic: 21}: "09127777777", {Chat: group, Topic: 22}: "09127777777", {Chat: group, Topic: 23}: "09127777777", {Chat: -78, Topic: 3}: "+447911123456", {Chat: group, Topic: 40}: "09128888888",
		{Chat: group, Topic: 41}: "93512345670", {Chat: group, Topic: 42}: "2000", {Chat: group, Topic: 43}: "MelliBank", {Chat: group, Topic: 12}: ali,
	} {
		if b := ok(s.Bound(place)); b.Customer != want {
			t.Errorf("topic %d of %d belongs to %q, want %q", place.Topic, place.Chat, string(b.Customer), string(want))
		}
	}
	for seq, want := range map[Seq]sms.Number{8: "09127777777", 9: "09127777777", 10: "09127777777", 11: "09127777777", 12: "+447911123456", 13: "+447911123456", 15: "09128888888", 20: "09127777777"} {
		if m := ok(s.SMS(seq)); m.Customer != want {
			t.Errorf("sms %d is of %q, want %q", seq, string(m.Customer), string(want))
		}
	}
	if m := ok(s.ByID("77")); m.Customer != "09127777777" || m.Status != sms.Sent {
		t.Errorf("got %+v", m)
	}
	// A panel that goes on handing them out, all spelled as one now, hands out nothing new.
	var again []sms.Message
	for range 4 {
		again = append(again, sms.Message{Conversation: sms.Conversation{Line: line, Customer: "09127777777"}, Text: "same", Time: began, Received: c.now()})
	}
	again = append(again, sms.Message{Conversation: sms.Conversation{Line: line, Customer: "+447911123456"}, Text: "hello from London", Time: began, Received: c.now()})
	if n := fetched(t, s, again); n != 0 {
		t.Errorf("%d SMS are shown once more", n)
	}
	if n := fetched(t, s, again[:4:4]); n != 0 {
		t.Errorf("%d SMS are shown once more", n)
	}
	if n := fetched(t, s, append(again, again[0])); n != 1 {
		t.Errorf("a fifth one is stored %d times", n)
	}
}

func TestSpellingOfASchema4(t *testing.T) {
	for stored, want := range map[string]string{
		"09121111111": "09121111111", "+447911123456": "+447911123456", "MelliBank": "MelliBank", "2000": "2000", "30001234": "30001234", "": "", "2188776655": "2188776655",
		// As earlier versions stored 989121111111.0, 9121111111.0, 09121111111.00, 00989121111111.0, 447911123456.0, 982188776655.0.
		"9891211111110": "09121111111", "91211111110": "09121111111", "0912111111100": "09121111111", "009891211111110": "09121111111", "4479111234560": "+447911123456", "9821887766550": "02188776655",
		"0989121111111": "09121111111", "+00989121111111": "09121111111", "9.89121111111e11": "09121111111", "+989121111111.00": "09121111111", "+0098 9121111111": "09121111111",
		"447911123456": "+447911123456", "004930123456": "+4930123456", "+49 30 123456": "+4930123456", "4917012345670": "+4917012345670",
		// Of these nobody can tell.
		"93512345670": "93512345670", "9891211111115": "9891211111115", "9.89121E+11": "9.89121E+11", "90001234560": "90001234560", "009121234567": "009121234567", "4740612000": "4740612000",
		"30001234560": "30001234560", "989121111111.5": "989121111111.5", "-9121111111": "-9121111111",
	} {
		if got := spelling4(stored); got != want {
			t.Errorf("%q becomes %q, want %q", stored, got, want)
		}
		if again := spelling4(want); again != want {
			t.Errorf("%q becomes %q once more", want, again)
		}
	}
}

func TestClaimsAndFieldsOfLaterVersionsAreMerged(t *testing.T) {
	at := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct{ a, b, want claim4 }{
		{claim4{}, claim4{}, claim4{}},
		{claim4{Owner: 1, At: at}, claim4{}, claim4{Owner: 1, At: at}},
		{claim4{Owner: 1, At: at}, claim4{Owner: 2, At: at.Add(1)}, claim4{Owner: 2, At: at.Add(1), Others: []int64{1}}},
		{claim4{Owner: 1, At: at, Taken: true}, claim4{Owner: 2, At: at.Add(1), Others: []int64{3, 1}}, claim4{Owner: 1, At: at, Taken: true, Others: []int64{3, 2}}},
		{claim4{Owner: 1, At: at}, claim4{Owner: 1, At: at.Add(1)}, claim4{Owner: 1, At: at.Add(1)}},
	} {
		if got := mergedClaim(tc.a, tc.b); !cmp.Equal(got, tc.want) {
			t.Errorf("%+v and %+v become %+v, want %+v", tc.a, tc.b, got, tc.want)
		}
	}
	fields := merged([]customer4{
		{Last: at, Line: "1", all: map[string]json.RawMessage{"later": json.RawMessage(`1`)}},
		{First: at, Last: at.Add(time.Hour), Line: "2", Name: "Sara", all: map[string]json.RawMessage{"later": json.RawMessage(`2`), "more": json.RawMessage(`3`)}},
		{First: at.Add(1), Line: "3", Name: "Sara", In: 2},
	}, nil)
	got := string(ok(json.Marshal(fields)))
	if want := `{"first":"2026-07-01T00:00:00Z","in":2,"last":"2026-07-01T01:00:00Z","later":2,"line":"2","more":3,"name":"Sara"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// BenchmarkMergeSpellings opens a file of a hundred thousand customers with five SMS each, a tenth of whom had two spellings.
func BenchmarkMergeSpellings(b *testing.B) {
	for range b.N {
		b.StopTimer()
		path, c := tempFile(b), newClock()
		must(b, ok(Open(path, c.options())).Close())
		db := ok(bolt.Open(path, 0o600, &bolt.Options{NoSync: true}))
		for from := 0; from < 100_000; from += 10_000 {
			must(b, db.Update(func(t *bolt.Tx) error {
				for i := from; i < from+10_000; i++ {
					for n := range 5 {
						number := fmt.Sprintf("0912%07d", i)
						if i%10 == 0 && n%2 == 0 {
							number = fmt.Sprintf("0989 12%07d", i)
						}
						seq := uint64(i*5 + n + 1)
						must(b, put(bucket{Bucket: t.Bucket(bucketSMS)}, u64(seq), smsRecord{Line: line, Customer: sms.Number(number), Text: "سلام، سفارش من کی می\u200cرسد؟", Time: c.now().Unix(), Received: c.now().Unix()}))
						must(b, put(bucket{Bucket: t.Bucket(bucketCustomer)}, []byte(number), Customer{Line: line, First: c.now(), Last: c.now(), In: 5, InTo: Seq(seq), Topics: []sms.Place{{Chat: group, Topic: sms.TopicID(seq)}}}))
						must(b, put(bucket{Bucket: t.Bucket(bucketBound)}, placeKey(sms.Place{Chat: group, Topic: sms.TopicID(seq)}), Bound{Customer: sms.Number(number), Post: seq}))
						must(b, t.Bucket(bucketSeen).Put(seenKey(sms.Message{Conversation: sms.Conversation{Line: line, Customer: sms.Number(number)}, Text: "x", Time: c.now()}, n), seenValue(Seq(seq), c.now())))
					}
				}
				return t.Bucket(bucketMeta).Put(keySchema, u64(3))
			}))
		}
		must(b, db.Close())
		b.StartTimer()
		s := ok(Open(path, c.options()))
		b.StopTimer()
		must(b, s.Close())
	}
}
