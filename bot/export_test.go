package bot

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/xuri/excelize/v2"

	"peyk/bot/text"
	sandbox "peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

func TestReadExport(t *testing.T) {
	for words, want := range map[string]struct {
		n    sms.Number
		days int
		ok   bool
	}{
		"":                    {"", 0, true},
		"30":                  {"", 30, true},
		"۳۰":                  {"", 30, true},
		"366":                 {"", 366, true},
		"09121234567":         {"09121234567", 0, true},
		"0912 123 4567":       {"09121234567", 0, true},
		"+98 912 123 4567 90": {"09121234567", 90, true},
		"09121234567 ۹۰":      {"09121234567", 90, true},
		"20001 7":             {"20001", 7, true},
		"0912 1234 567":       {"09121234567", 0, true},
		"0":                   {"", 0, false},
		"09121234567 0":       {"", 0, false},
	} {
		if n, days, ok := readExport(words); n != want.n || days != want.days || ok != want.ok {
			t.Errorf("%q: %q, %d days, %t; want %+v", words, n, days, ok, want)
		}
	}
}

func TestBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	want := make([]byte, 3*blockSize+17)
	for i := range want {
		want[i] = byte(r.Uint32())
	}
	b := &blocks{}
	for rest := want; len(rest) > 0; {
		n := min(len(rest), 1+r.IntN(2*blockSize))
		b.Write(rest[:n])
		rest = rest[n:]
	}
	if b.size != int64(len(want)) {
		t.Fatalf("size %d", b.size)
	}
	if err := iotest.TestReader(io.NewSectionReader(b, 0, b.size), want); err != nil {
		t.Error(err)
	}
}

// exports has an export of all SMS go out to Sara, in files of so many rows, or bytes, and returns them.
func (d *desk) exports(rows int, most int64) (files []*sandbox.Document) {
	d.Helper()
	e := &exporting{
		Bot: d.bot, asked: &telegram.Message{Chat: sms.ChatID(d.sara), ID: 1, Private: true, From: telegram.User{ID: sms.AgentID(d.sara)}},
		to: sms.ChatID(d.sara), t: &text.English, most: most, rows: rows,
	}
	if err := e.run(d.Context(), store.Export{}); err != nil {
		d.Fatal(err)
	}
	for _, m := range d.tg.Messages(d.sara) {
		if m.Document != nil {
			files = append(files, m.Document)
		}
	}
	return files
}

// receives stores SMS of customers; long ones of chance do not become smaller.
func (d *desk) receives(n, long int) {
	d.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var all []sms.Message
	for i := range n {
		words := fmt.Sprintf("sms %d ", i)
		for range long {
			words += string(rune('ا' + r.IntN(40)))
		}
		all = append(all, sms.Message{Conversation: sms.Conversation{Line: "30001234", Customer: "09121111111"}, Text: words, Time: time.Now(), Received: time.Now()})
	}
	if err := d.bot.store.BeginFetch(); err != nil {
		d.Fatal(err)
	}
	raw, err := d.bot.store.SaveRaw(store.Raw{Body: []byte("x")})
	if err != nil {
		d.Fatal(err)
	}
	if _, err := d.bot.store.SaveUnread(raw, all, nil); err != nil {
		d.Fatal(err)
	}
}

func TestALargeExportIsSeveralFiles(t *testing.T) {
	for name, test := range map[string]struct {
		rows, files int
		most        int64
	}{
		"by rows":                 {40, 3, exportBytes},
		"by rows, and none over":  {50, 2, exportBytes},
		"by bytes":                {1000, 0, 60_000},
		"one file holds them all": {100, 1, exportBytes},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, nil)
				if _, err := d.tg.Say(sandbox.Post{Chat: d.sara, From: d.sara, Text: "/start"}); err != nil {
					t.Fatal(err)
				}
				d.receives(100, 1000)
				files := d.exports(test.rows, test.most)
				if test.files > 0 && len(files) != test.files || test.files == 0 && len(files) < 2 {
					t.Errorf("%d files", len(files))
				}
				seen, names := 0, map[string]bool{}
				for _, f := range files {
					x, err := excelize.OpenReader(bytes.NewReader(f.Data))
					if err != nil {
						t.Fatal(err)
					}
					rows, err := x.GetRows("SMS")
					if err != nil || len(rows) < 2 || rows[0][5] != "text" {
						t.Fatalf("%d rows, %v", len(rows), err)
					}
					for _, row := range rows[1:] {
						var i int
						if _, err := fmt.Sscanf(row[5], "sms %d ", &i); err != nil || i != seen {
							t.Fatalf("row %d is %.20q", seen, row[5])
						}
						seen++
					}
					names[f.Name] = true
					x.Close()
				}
				if seen != 100 || len(names) != len(files) {
					t.Errorf("%d rows in files named %v", seen, names)
				}
				incidents, err := d.bot.store.Incidents()
				if err != nil {
					t.Fatal(err)
				}
				told := 0
				for _, i := range incidents {
					if i.Kind == store.Exported {
						told += i.Count
					}
				}
				if told != 100 {
					t.Errorf("the admins are told of %d SMS", told)
				}
				d.end()
			})
		})
	}
}

// BenchmarkExport makes a file of a hundred thousand SMS, from the store on, and says how long that took and how much memory was in use at most.
func BenchmarkExport(b *testing.B) {
	st, err := store.Open(b.TempDir()+"/peyk.db", store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	words := "سلام، سفارش شما آماده است. برای هماهنگی تحویل با شماره ۰۲۱۱۲۳۴۵۶۷۸ تماس بگیرید. کد پیگیری "
	for n := 0; n < 100_000; n += 5000 {
		var all []sms.Message
		for i := range 5000 {
			all = append(all, sms.Message{
				Conversation: sms.Conversation{Line: "30001234", Customer: sms.Number(fmt.Sprintf("0912%07d", (n+i)*7919%10_000_000))},
				Text:         fmt.Sprint(words, n+i), Time: time.Now(), Received: time.Now(),
			})
		}
		raw, err := st.SaveRaw(store.Raw{Body: []byte("x")})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := st.SaveUnread(raw, all, nil); err != nil {
			b.Fatal(err)
		}
	}
	bot := New(st, nil, telegram.New(telegram.Options{Token: "1:x"}), Options{Language: "fa"})
	runtime.GC()
	var before, most runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		e := &exporting{Bot: bot, asked: &telegram.Message{}, t: &text.Persian, most: exportBytes, rows: exportRows}
		err := st.Export(b.Context(), store.Export{}, func(rows []store.ExportRow) error {
			for _, m := range rows {
				if err := e.add(m); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || e.in != 100_000 || e.sheet.Close() != nil {
			b.Fatalf("%d rows, %v", e.in, err)
		}
		b.ReportMetric(float64(e.file.size)/1e6, "MB-file")
	}
	runtime.ReadMemStats(&most)
	b.ReportMetric(float64(most.HeapSys)/1e6, "MB-heap")
	b.ReportMetric(max(b.Elapsed().Seconds()/float64(b.N)/10, float64(most.HeapSys)/100e6), "ratio-to-limit") // of 10 s, and of 100 MB
}

// A large file is on its way for minutes: only its end has to wait for the chat, and nothing else of the chat for its beginning.
func TestAFileTakesItsTurnAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, chat := newPacer(time.Second), sms.ChatID(7)
		if _, ok := p.begin(store.Post{Chat: chat}, time.Now()); !ok {
			t.Fatal("the chat was busy")
		}
		f := &endWaits{bytes.NewReader(make([]byte, 100)), 100, func() error {
			return p.wait(t.Context(), func(now time.Time) (bool, time.Time) { return p.beginBeside(chat, now) })
		}}
		begun := time.Now()
		go func() {
			time.Sleep(10 * time.Second)
			p.arrived(chat, time.Now())
			p.end(chat)
		}()
		for at, earliest := range map[int64]time.Duration{0: 0, 49: 0} {
			if _, err := f.ReadAt(make([]byte, 50), at); err != nil || time.Since(begun) != earliest {
				t.Errorf("from %d on: read after %v: %v", at, time.Since(begun), err)
			}
		}
		if _, err := f.ReadAt(make([]byte, 50), 50); err != nil || time.Since(begun) < 11*time.Second {
			t.Errorf("the end was read after %v: %v", time.Since(begun), err)
		}
		if open, _ := p.open(chat, time.Now()); open {
			t.Error("another message may go out beside the end of the file")
		}
	})
}
