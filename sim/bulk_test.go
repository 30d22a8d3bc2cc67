package sim

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peyk/internal/play"
	"peyk/internal/table"
	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

var bulk = flag.Int("bulk", 900, "how many rows the file of TestBulk has")

// TestBulk has Ali send a file, while bridges are killed and answers of the panel are lost: nobody gets an SMS twice, and at rest the file of what became
// of each row is right in each.
func TestBulk(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playBulk(t, seed) })
		})
	}
}

func playBulk(t *testing.T, seed uint64) {
	r := play.Chance(seed)
	w := bare(t, r, seed)
	w.start()
	time.Sleep(time.Minute)
	text, to := w.AliSendsFile(*bulk)
	asked, err := w.question(w.Ali, "Send these?")
	if err != nil {
		t.Fatal(err)
	}
	w.pressed(w.Ali, asked, "Send")
	for round := 0; round < 8; round++ {
		w.Panel.Arm(panel.Fault{Kind: panel.Close, Method: "SendMultipleSMS", CarryOut: r.IntN(2) == 0})
		time.Sleep(time.Duration(r.IntN(400*(*bulk)/900)) * time.Millisecond)
		w.life.kill()
		w.arrived()
		w.start()
		time.Sleep(time.Duration(r.IntN(5000)) * time.Millisecond)
	}
	w.mend()
	time.Sleep(10 * time.Minute)
	if w.Panel.SentCount() == 0 {
		t.Fatal("nothing was sent")
	}
	w.Say(telegram.Post{Chat: w.Ali, From: w.Ali, Text: "/status", ReplyTo: asked.ID})
	for _, err := range w.check() {
		t.Error(err)
	}

	got := map[string]int{}
	for _, m := range w.Panel.Sent() {
		if m.Text != text+", "+m.Customer {
			t.Fatalf("%s was sent %q", m.Customer, m.Text)
		}
		got[m.Customer]++
	}
	result, ok := lastFile(w.TG.Messages(w.Ali))
	if !ok {
		t.Fatal("nobody is told what became of each row")
	}
	rows, err := table.Read(result.Document.Data)
	if err != nil || len(rows) != 1+len(to) {
		t.Fatalf("the result has %d rows, %v", len(rows), err)
	}
	uncertain := 0
	for i, row := range rows[1:] {
		n, said := to[i], row.Cells[3]
		switch {
		case row.Cells[1] != n || row.Cells[2] != text+", "+n:
			t.Fatalf("row %d is %q", i+1, row.Cells)
		case got[n] > 1:
			t.Errorf("%s was sent %d SMS", n, got[n])
		case said == "uncertain":
			uncertain++
		case said == "failed" || strings.HasPrefix(said, "not sent") || got[n] == 0:
			t.Errorf("row %d is %q, the panel took %d", i+1, said, got[n])
		}
	}
	if uncertain == len(to) {
		t.Error("all rows are uncertain")
	}
	t.Logf("%d SMS, of %d rows %d are uncertain, after %d kills", w.Panel.SentCount(), len(to), uncertain, w.kills)
}

// question waits for a message of the bot's with these words and buttons.
func (w *world) question(chat int64, words string) (m telegram.Message, err error) {
	err = w.until(func() error {
		var ok bool
		if m, ok = w.Recent(chat, func(m telegram.Message) bool { return len(m.Buttons) > 0 && strings.Contains(m.Text, words) }); !ok {
			return errors.New("nobody is asked")
		}
		return nil
	})
	return m, err
}

// pressed has somebody press a button.
func (w *world) pressed(by int64, m telegram.Message, label string) {
	w.Helper()
	data, _ := m.Button(label)
	w.Mu.Lock()
	w.NotePress(by, data)
	w.Mu.Unlock()
	if _, err := w.TG.Press(by, m.Chat, m.ID, data); err != nil {
		w.Fatal(err)
	}
}

func lastFile(messages []telegram.Message) (last telegram.Message, ok bool) {
	for _, m := range messages {
		if m.FromBot && m.Document != nil {
			last, ok = m, true
		}
	}
	return last, ok
}
