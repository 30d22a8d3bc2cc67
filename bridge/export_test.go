//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// odd are texts that a spreadsheet must show as they are.
var odd = []string{
	"=HYPERLINK(\"http://evil\",\"press\")", "+1+1", "-2+3", "@SUM(A1)", "سلام، «خوبید»؟ نیم\u200cفاصله", "a < b & c > d", "two\nlines", "_x0041_", "😀",
}

// rowsOf returns the cells of an exported file.
func (w *world) rowsOf(file []byte, sheet string) [][]string {
	w.Helper()
	x, err := excelize.OpenReader(bytes.NewReader(file))
	if err != nil {
		w.Fatal(err)
	}
	defer x.Close()
	rows, err := x.GetRows(sheet)
	if err != nil {
		w.Fatal(err)
	}
	for i, row := range rows {
		for j := range row {
			cell, _ := excelize.CoordinatesToCellName(j+1, i+1)
			if formula, err := x.GetCellFormula(sheet, cell); err != nil || formula != "" {
				w.Errorf("%s is the formula %q, %v", cell, formula, err)
			}
		}
	}
	return rows
}

// exported has customers and agents write, and an admin ask for that in a group.
func (w *world) exported() {
	w.Helper()
	w.opts.Location = time.FixedZone("Asia/Tehran", 3*3600+1800)
	w.start()
	w.quietAs(w.sara) // who can be written to since
	for _, words := range odd {
		w.panel.Receive("09121111111", "30001234", words)
	}
	shown := w.sees(w.group, odd[len(odd)-1])
	w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/name =Mrs", ReplyTo: shown.ID})
	w.bears(w.group, w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "=it is under way", ReplyTo: shown.ID}), "👍")
	w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/export 30"})
}

func TestExport(t *testing.T) {
	for language, s := range map[string]struct {
		sheet, elsewhere, told, onlyAdmins, none string
		titles, first, last                      []string
	}{
		"en": {
			"SMS", "it comes to you in private", "📁 10 SMS were exported as a file, to \u2068Sara\u2069", "Only administrators", "nothing was exported",
			[]string{"time (Asia/Tehran)", "direction", "line", "customer", "name", "text", "agent", "status", "parts"},
			[]string{"in", "30001234", "09121111111", "=Mrs", odd[0], "", "", "1"},
			[]string{"out", "30001234", "09121111111", "=Mrs", "=it is under way", "Ali", "delivered", "1"},
		},
		"fa": {
			"پیامک‌ها", "گفت‌وگوی خصوصی برای شما می‌آید", "📁 خروجی ۱۰ پیامک به صورت فایل برای \u2068Sara\u2069", "فقط مدیران", "چنین پیامکی نیست",
			[]string{"زمان (Asia/Tehran)", "تاریخ شمسی", "جهت", "خط", "مشتری", "نام", "متن", "کارشناس", "وضعیت", "بخش‌ها"},
			[]string{"رسیده", "30001234", "09121111111", "=Mrs", odd[0], "", "", "1"},
			[]string{"فرستاده", "30001234", "09121111111", "=Mrs", "=it is under way", "Ali", "رسیده", "1"},
		},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{Statuses: []panel.Step{{Status: 4}}})
				w.opts.Language = language
				w.exported()
				w.sees(w.group, s.elsewhere)
				w.sees(w.sara, s.told)
				file := w.fileIn(w.sara)
				if file.Name != "peyk-2026-03-01.xlsx" {
					t.Errorf("its name is %q", file.Name)
				}
				rows := w.rowsOf(file.Data, s.sheet)
				if len(rows) != 1+len(odd)+1 || !cmp.Equal(rows[0], s.titles) {
					t.Fatalf("%d rows with the titles %q", len(rows), rows[0])
				}
				dates := len(s.titles) - 8
				if got := rows[1][dates:]; !cmp.Equal(got, s.first) {
					t.Errorf("the first is %q, want %q", got, s.first)
				}
				if got := rows[len(rows)-1][dates:]; !cmp.Equal(got, s.last) {
					t.Errorf("the last is %q, want %q", got, s.last)
				}
				if at, err := time.Parse("2006-01-02 15:04:05", rows[1][0]); err != nil || at.Hour() != 11 {
					t.Errorf("its time is %q, %v", rows[1][0], err)
				}
				if language == "fa" && !strings.HasPrefix(rows[1][1], "۱۴۰۴/۱۲/۱۰ ۱۱:") {
					t.Errorf("its Jalali date is %q", rows[1][1])
				}
				for i, words := range odd {
					if got := rows[1+i][dates+4]; got != words {
						t.Errorf("row %d says %q, want %q", 1+i, got, words)
					}
				}
				for _, m := range w.tg.Messages(w.group) {
					if m.Document != nil {
						t.Errorf("the group got %+v", m.Document)
					}
				}
				w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/export"})
				w.sees(w.group, s.onlyAdmins)
				w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/export 09129999999 7"})
				w.sees(w.sara, s.none)
				w.nothingElseIsOnTheDisk()
			})
		})
	}
}

// fileIn waits for a file in a chat.
func (w *world) fileIn(chat int64) *telegram.Document {
	w.Helper()
	m, err := w.tg.WaitMessage(w.context(), chat, func(m telegram.Message) bool { return m.Document != nil })
	if err != nil {
		w.Fatalf("no file comes: %v\n%s", err, w.transcript(chat))
	}
	return m.Document
}

// nothingElseIsOnTheDisk fails if there is a file beside the store.
func (w *world) nothingElseIsOnTheDisk() {
	w.Helper()
	entries, err := os.ReadDir(filepath.Dir(w.path))
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), filepath.Base(w.path)) {
			w.Errorf("%s stands beside the store", e.Name())
		}
	}
}

// TestLibreOfficeReadsAnExport has another program read a file. It is part of make torture, as LibreOffice is large: PEYK_SOFFICE names it.
func TestLibreOfficeReadsAnExport(t *testing.T) {
	soffice := os.Getenv("PEYK_SOFFICE")
	if soffice == "" {
		t.Skip("PEYK_SOFFICE names no LibreOffice")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "export.xlsx")
	var want [][]string
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{Statuses: []panel.Step{{Status: 4}}})
		w.opts.Language = "fa"
		w.exported()
		file := w.fileIn(w.sara)
		want = w.rowsOf(file.Data, "پیامک‌ها")
		if err := os.WriteFile(path, file.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	out, err := exec.Command(soffice, "-env:UserInstallation=file://"+filepath.Join(dir, "profile"), "--headless", "--convert-to",
		"csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,true", "--outdir", dir, path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	csvFile, err := os.Open(filepath.Join(dir, "export.csv"))
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	defer csvFile.Close()
	r := csv.NewReader(csvFile)
	r.FieldsPerRecord = -1
	got, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		want[i] = append(want[i], slices.Repeat([]string{""}, len(want[0])-len(want[i]))...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("LibreOffice reads (-want +got):\n%s", diff)
	}
}

func TestExportToWhomTheBotMayNotWriteFirst(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		w.shows("09121111111", "hello")
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/export"})
		w.sees(w.group, "nothing was exported", "https://t.me/"+w.tg.Bot().Username)
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/export"})
		w.fileIn(w.sara)
		w.sees(w.sara, "exported as a file")
		if n := strings.Count(w.transcript(w.sara), "exported as a file"); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

func TestExportThroughTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		fault telegram.Fault
		said  string // "" if the file comes
		files int
	}{
		"patience":           {telegram.Fault{Kind: telegram.TooMany, RetryAfter: 40}, "", 1},
		"a gateway":          {telegram.Fault{Kind: telegram.BadGateway}, "Nobody can know whether", 0},
		"the answer is lost": {telegram.Fault{Kind: telegram.CloseAfter}, "Nobody can know whether", 1},
		"refused":            {telegram.Fault{Kind: telegram.Refuse, Code: 400, Description: "Bad Request: no such luck"}, "could not be sent: \u2068Bad Request: no such luck", 0},
	} {
		t.Run(name, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.start()
				w.quietAs(w.sara)
				w.shows("09121111111", "hello")
				test.fault.Method = "sendDocument"
				test.fault.Times = 1
				if test.fault.Kind == telegram.Refuse {
					test.fault.Times = 3 // also without its markup
				}
				if err := w.tg.Arm(test.fault); err != nil {
					t.Fatal(err)
				}
				w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/export"})
				if test.said == "" {
					w.fileIn(w.sara)
				} else {
					w.sees(w.sara, test.said)
				}
				files := 0
				for _, m := range w.tg.Messages(w.sara) {
					if m.Document != nil {
						files++
					}
				}
				if files != test.files {
					t.Errorf("%d files came, want %d", files, test.files)
				}
			})
		})
	}
}

// TestAnExportThatIsGivenUpHasItsTurn ends the bridge, or asks for another file, at each moment of one that takes its time: what was on its way then
// arrives later, and what follows waits for that.
func TestAnExportThatIsGivenUpHasItsTurn(t *testing.T) {
	for name, giveUp := range map[string]func(w *world){
		"the bridge ends": func(w *world) {
			w.end()
			w.start()
			w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/credit"})
		},
		"another is asked for": func(w *world) { w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/export"}) },
	} {
		t.Run(name, func(t *testing.T) {
			for at := time.Second; at < 3*time.Second; at += 100 * time.Millisecond {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, telegram.Options{}, panel.Options{})
					var delay atomic.Int64
					w.TGNet.Delay = func(int) time.Duration { return time.Duration(delay.Load()) }
					w.start()
					w.quietAs(w.sara)
					w.shows("09121111111", "hello")
					time.Sleep(time.Minute)
					delay.Store(int64(300 * time.Millisecond))
					w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/export"})
					time.Sleep(at)
					delay.Store(0)
					giveUp(w)
					time.Sleep(10 * time.Second)
					if n := w.tg.Throttled(); n > 0 {
						t.Errorf("given up after %v: Telegram asked for patience %d times", at, n)
					}
				})
			}
		})
	}
}

// An export holds up no other chat, however long Telegram takes.
func TestNothingWaitsForAnExport(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		w.quietAs(w.sara)
		w.shows("09121111111", "hello")
		if err := w.tg.Arm(telegram.Fault{Method: "sendDocument", Kind: telegram.Slow, Delay: 15 * time.Second}); err != nil {
			t.Fatal(err)
		}
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/export"})
		w.sees(w.sara, "The file is being made")
		begun := time.Now()
		w.shows("09121111111", "are you there")
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("an SMS was shown after %v", took)
		}
		w.fileIn(w.sara)
		if took := time.Since(begun); took < 10*time.Second {
			t.Errorf("the file came after %v: nothing was tried", took)
		}
	})
}
