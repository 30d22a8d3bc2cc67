package store

import (
	"bytes"
	"cmp"
	"testing"
	"time"

	"peyk/sms"
)

func FuzzKeys(f *testing.F) {
	f.Add(int64(-1001), int64(77), uint64(1), uint64(2), uint8(0), uint8(1))
	f.Add(int64(-1<<63), int64(1<<63-1), uint64(0), uint64(1<<64-1), uint8(255), uint8(0))
	f.Add(int64(0), int64(0), uint64(256), uint64(255), uint8(3), uint8(3))
	f.Fuzz(func(t *testing.T, a, b int64, m, n uint64, x, y uint8) {
		if got := readI64[sms.ChatID](i64(a)); int64(got) != a {
			t.Errorf("chat %d is read as %d", a, got)
		}
		then := func(first int, rest ...int) int {
			for _, next := range rest {
				if first == 0 {
					first = next
				}
			}
			return first
		}
		classes, chats, numbers := cmp.Compare(x, y), cmp.Compare(a, b), cmp.Compare(m, n)
		i, j := uint32(m), uint32(n)
		for name, order := range map[string][2]int{
			"chat":              {bytes.Compare(i64(a), i64(b)), chats},
			"post":              {bytes.Compare(postKey(sms.ChatID(a), Class(x), m), postKey(sms.ChatID(b), Class(y), n)), then(chats, classes, numbers)},
			"link":              {bytes.Compare(messageKey(sms.ChatID(a), sms.ChatMessageID(m)), messageKey(sms.ChatID(b), sms.ChatMessageID(n))), then(chats, numbers)},
			"piece":             {bytes.Compare(pieceKey(BatchID(m), int(x)), pieceKey(BatchID(n), int(y))), then(numbers, classes)},
			"batches of a chat": {bytes.Compare(chatBatchKey(sms.ChatID(a), BatchID(m)), chatBatchKey(sms.ChatID(b), BatchID(n))), then(chats, numbers)},
			"spent":             {bytes.Compare(spentKey(i, sms.AgentID(a)), spentKey(j, sms.AgentID(b))), then(cmp.Compare(i, j), chats)},
			"due":               {bytes.Compare(dueKey(time.Unix(int64(i), 0), Seq(x)), dueKey(time.Unix(int64(j), 0), Seq(y))), then(cmp.Compare(i, j), classes)},
			"taken":             {bytes.Compare(UpdateKey{sms.ChatID(a), sms.ChatMessageID(m), TakenKind(x)}.key(), UpdateKey{sms.ChatID(b), sms.ChatMessageID(n), TakenKind(y)}.key()), then(chats, numbers, classes)},
		} {
			if order[0] != order[1] {
				t.Errorf("%s: keys are in order %d, what they stand for %d", name, order[0], order[1])
			}
		}
		p, err := readPost(postKey(sms.ChatID(a), Class(x), m), []byte("\x01{}"))
		if err != nil || p.Chat != sms.ChatID(a) || p.Class != Class(x) || p.ID != m {
			t.Errorf("the key of chat %d, class %d, %d is read as %+v", a, x, m, p)
		}
	})
}

func FuzzSeenKey(f *testing.F) {
	f.Add("30001234", "09121234567", "salam", int64(1790000000), "30001234", "0912123456", "7salam", int64(1790000000), uint8(0), uint8(1))
	f.Fuzz(func(t *testing.T, line, customer, text string, at int64, line2, customer2, text2 string, at2 int64, nth, nth2 uint8) {
		message := func(line, customer, text string, at int64) sms.Message {
			return sms.Message{Conversation: sms.Conversation{Line: sms.Number(line), Customer: sms.Number(customer)}, Text: text, Time: time.Unix(at&0xffffffff, 0)}
		}
		a, b := message(line, customer, text, at), message(line2, customer2, text2, at2)
		equal := a == b && nth == nth2
		if got := bytes.Equal(seenKey(a, int(nth)), seenKey(b, int(nth2))); got != equal {
			t.Errorf("%+v, %d and %+v, %d: same key %t, want %t", a, nth, b, nth2, got, equal)
		}
		if later := a.Time.Compare(b.Time); later != 0 && bytes.Compare(seenKey(a, int(nth)), seenKey(b, int(nth2))) != later {
			t.Error("keys are not in the order of time")
		}
	})
}

// FuzzRecords has the file say anything: an error, never a panic.
func FuzzRecords(f *testing.F) {
	for _, value := range []string{"", "\x01", "\x01{}", "\x02{}", "\x01null", "\x01[]", `{"a":1}`, "\x01{\"s\":200}", "\x01{\"d\":1,\"l\":\"3\",\"t\":-1}", "\x01{\"since\":\"x\"}", "\x01{\"counts\":[1,2,3,4,5,6,7]}"} {
		f.Add([]byte(value))
	}
	key := postKey(group, NewNumbers, 1)
	f.Fuzz(func(t *testing.T, value []byte) {
		if m, err := readSMS(key[:8], value); err == nil {
			b := Batch{}
			b.count(m, 1)
			nextAsk(m, m.Time, time.Second, time.Unix(1790000000, 0))
		}
		if p, err := readPost(key, value); err == nil && (p.Chat != group || p.ID != 1) {
			t.Errorf("the value says where the post is: %+v", p)
		}
		for _, record := range []any{&Batch{}, &Piece{}, &Raw{}, &Chat{}, &Agent{}, &Incident{}, &Shown{}, &pruned{}, &creditDay{}, &time.Time{}} {
			err := decode(value, record)
			if err == nil && (len(value) == 0 || value[0] != recordVersion) {
				t.Errorf("%T: a record of another version was read", record)
			}
		}
	})
}
