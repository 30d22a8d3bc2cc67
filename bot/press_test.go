package bot

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// FuzzPressData presses buttons nobody made under a question. Only the data of that very question decides it.
func FuzzPressData(f *testing.F) {
	for _, seed := range []string{
		"b:1:1:send", "b:1:1:cancel", "b:1:2:send", "b:1:1:again", "b:1:1:was", "b:1:1:leave", "b:01:+1:send", "b:1:1:send:", "b::1:send", "b:-1:1:send",
		"b:zzzzzzzzzzzzz:1:send", "b:1:99999999999999999999:send", "inbox", "inboxx", "", "\x00", "سلام", strings.Repeat("b:", 32),
	} {
		f.Add(seed)
	}
	st, err := store.Open(filepath.Join(f.TempDir(), "peyk.db"), store.Options{AskFor: 1000 * time.Hour})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { st.Close() })
	const ali, bot, chat = 7, 8, 7
	b := New(st, nil, nil, Options{Users: []sms.AgentID{ali}})
	b.self = telegram.User{ID: bot}
	asked := sms.ChatMessageID(0)
	ask := func(tb testing.TB) store.Batch {
		asked++
		id, err := st.Take(store.UpdateKey{Chat: chat, Message: asked}, store.Caused{Order: &store.Order{
			Place: sms.Place{Chat: chat}, Agent: ali, Message: asked, Line: "30001234", Text: "hi", Pieces: [][]sms.Number{{"09121234567"}}, Ask: true,
		}})
		if err != nil {
			tb.Fatal(err)
		}
		batch, err := st.Batch(id)
		if err != nil {
			tb.Fatal(err)
		}
		return batch
	}
	batch := ask(f)
	f.Fuzz(func(t *testing.T, data string) {
		id, generation, d, ok := readPressData(data)
		if again, g, e, same := readPressData(pressData(id, generation, d)); ok && !(same && again == id && g == generation && e == d) {
			t.Errorf("%q reads as %d, %d, %q, which reads as %d, %d, %q", data, id, generation, d, again, g, e)
		}
		for _, who := range []sms.AgentID{ali, 9} {
			p := &telegram.Press{From: telegram.User{ID: who, Name: "Somebody"}, Data: data, Message: &telegram.Message{Chat: chat, From: telegram.User{ID: bot}}}
			if word, _, err := b.actOnPress(t.Context(), p, &text.English); err != nil || word == "" {
				t.Fatalf("%d presses %q: %q, %v", who, data, word, err)
			}
			now, err := st.Batch(batch.ID)
			if err != nil {
				t.Fatal(err)
			}
			if now.State == batch.State && now.Generation == batch.Generation {
				continue
			}
			if who != ali || !ok || id != batch.ID || generation != batch.Generation || d != store.Send && d != store.Cancel {
				t.Errorf("%d presses %q, which decides %q", who, data, now.Decision)
			}
			batch = ask(t)
		}
	})
}
