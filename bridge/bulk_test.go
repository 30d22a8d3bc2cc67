//lint:file-ignore ST1018 Persian is written with U+200C

package bridge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"peyk/internal/hours"
	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
)

// dialects are the kinds of server that panels run on.
var dialects = map[string]panel.Dialect{"nusoap": panel.Nusoap, "SoapServer": panel.Native}

// bulk has Ali send a file with a caption in private, and returns the answer.
func (w *world) bulk(caption, rows string) telegram.Message {
	w.Helper()
	w.quiet() // whatever was said before is answered
	id := w.says(telegram.Post{Chat: w.ali, From: w.ali, Caption: strings.TrimSpace("/bulk " + caption), Document: csvFile(rows)})
	m, err := w.tg.WaitMessage(w.context(), w.ali, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == id })
	if err != nil {
		w.Fatalf("/bulk is not answered: %v\n%s\n%s", err, w.transcript(w.ali), w.logs)
	}
	return m
}

// results waits for the n-th file of what became of an order, and returns its rows.
func (w *world) results(chat int64, n int) [][]string {
	w.Helper()
	var files []telegram.Message
	w.until(fmt.Sprint(n, " files"), func() bool {
		files = nil
		for _, m := range w.fromBot(chat) {
			if m.Document != nil {
				files = append(files, m)
			}
		}
		return len(files) >= n
	})
	sheet := "SMS"
	if w.opts.Language == "fa" {
		sheet = "پیامک‌ها"
	}
	return w.rowsOf(files[n-1].Document.Data, sheet)
}

// textsTo returns what each customer was sent.
func textsTo(sent []panel.SMS) map[string]string {
	texts := map[string]string{}
	for _, m := range sent {
		texts[m.Customer] = m.Text
	}
	return texts
}

func TestBulk(t *testing.T) {
	for language, s := range map[string]struct {
		wrong, ask, shown, leftOut, footer, lint, credit, takes, send, done, delivered string
		titles                                                                         []string
		words                                                                          map[string]string // what became of a row
	}{
		"en": {
			"Without a phone number: 2 (row 3, 5)", "Recipients: 3, parts each: 1, parts in all: 3", "Row 2, to 09121111111", "left out, the number stands further up", "Added at the end", "⚠️", "Credit: 1000000",
			"At the panel's pace this takes about", "Send", "3 delivered", "delivered",
			[]string{"row", "customer", "text", "status", "parts"},
			map[string]string{"twice": "left out, the number stands further up", "outside": "left out, not among ALLOWED_PREFIXES", "out": "left out, opted out", "blocked": "left out, blocked", "cap": "left out, above the daily limit (DAILY_PARTS)"},
		},
		"fa": {
			"بدون شمارهٔ تلفن: ۲ تا (ردیف ۳، ۵)", "گیرنده: ۳، بخش برای هر گیرنده: ۱، جمع بخش‌ها: ۳", "ردیف ۲، به \u206609121111111\u2069", "شماره‌اش بالاتر هم آمده است", "در پایان متن اضافه شد", "⚠️", "اعتبار: ",
			"با سرعت پنل حدود", "بفرست", "۳ رسیده", "رسیده",
			[]string{"ردیف", "مشتری", "متن", "وضعیت", "بخش‌ها"},
			map[string]string{"twice": "کنار گذاشته‌شده، شماره‌اش بالاتر هم آمده است", "outside": "کنار گذاشته‌شده، در ALLOWED_PREFIXES نیست", "out": "کنار گذاشته‌شده، لغو کرده است", "blocked": "کنار گذاشته‌شده، مسدود است", "cap": "کنار گذاشته‌شده، بیش از سقف روزانه (DAILY_PARTS)"},
		},
	} {
		for dialect := range dialects {
			t.Run(language+" "+dialect, func(t *testing.T) {
				atEach(t, func(t *testing.T, server telegram.Options) {
					w := newWorld(t, server, panel.Options{Dialect: dialects[dialect], Statuses: []panel.Step{{Status: 4}}})
					w.opts.Language, w.opts.Footer, w.opts.Prefixes, w.storeOpts.DailyParts = language, "لغو11", []string{"+98912", "+98913"}, 3
					w.wishWords()
					w.start()
					w.receives("09124444444", "stop")
					w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "/block 09125555555"})
					w.quietAs(w.sara)

					wrong := w.bulk("", "number,text\n09121111111,hello\nnobody,hello\n09122222222,hello\n,x\n")
					if !containsAll(wrong.Text, []string{s.wrong}) || len(wrong.Buttons) > 0 {
						t.Errorf("rows without a number are answered %q", wrong.Text)
					}
					question := w.bulk("", "شماره;نام;متن\n09121111111;Ali;=first, for you\n+989122222222;Sara;second\n0912 111 1111;Ali;again\n09153333333;X;abroad for us\n"+
						"09124444444;O;opted out\n09125555555;B;blocked\n09136666666;C;third\n09137777777;D;above the cap\n")
					want := []string{s.ask, s.shown, "=first, for you", "second", s.footer}
					for _, why := range s.words {
						want = append(want, why)
					}
					if !containsAll(question.Text, want) {
						t.Errorf("the question is %q, without all of %q", question.Text, want)
					}
					if strings.Contains(question.Text, "third") {
						t.Errorf("the question shows more than two texts: %q", question.Text)
					}
					w.turned(question, s.credit, s.takes)
					w.presses(w.ali, question, s.send)
					w.turned(question, s.done)
					got := textsTo(w.sent(3))
					if want := map[string]string{"09121111111": "=first, for you\nلغو11", "09122222222": "second\nلغو11", "09136666666": "third\nلغو11"}; !cmp.Equal(got, want) {
						t.Errorf("sent was %q", got)
					}
					if r := w.panel.Requests(); !slices.ContainsFunc(r, func(r panel.Request) bool { return r.Method == "SendMultipleSMS" }) {
						t.Error("they did not go out together")
					}
					rows := w.results(w.ali, 1)
					if !cmp.Equal(rows[0], s.titles) || len(rows) != 9 {
						t.Fatalf("the result has the titles %q and %d rows", rows[0], len(rows))
					}
					for i, why := range []string{2: "twice", 3: "outside", 4: "out", 5: "blocked", 7: "cap"} {
						if why != "" && rows[1+i][3] != s.words[why] {
							t.Errorf("row %d fared %q, want %q", i+2, rows[1+i][3], s.words[why])
						}
					}
					w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/status", ReplyTo: question.ID})
					rows = w.results(w.ali, 2)
					for _, i := range []int{0, 1, 6} {
						if row := rows[1+i]; row[3] != s.delivered || row[0] != fmt.Sprint(i+2) || got[row[1]] != row[2] {
							t.Errorf("row %d is %q", i+2, row)
						}
					}
				})
			})
		}
	}
}

// TestBulkTemplates: a text behind the command, with columns in braces.
func TestBulkTemplates(t *testing.T) {
	people := "نام,شمارهٔ همراه,کد\nعلی,09121111111,۱۲\nسارا,۰۹۱۲۲۲۲۲۲۲۲,34\n"
	for _, tc := range []struct {
		name, caption, rows string
		want                map[string]string // texts by recipient
		refused             string
	}{
		{"by heading", "{نام} گرامی، کد شما {كد} است", people, map[string]string{"09121111111": "علی گرامی، کد شما ۱۲ است", "09122222222": "سارا گرامی، کد شما 34 است"}, ""},
		{"by number", "{1}: {۳}!", people, map[string]string{"09121111111": "علی: ۱۲!", "09122222222": "سارا: 34!"}, ""},
		{"by number without a header", "code {2}", "09121111111,7\n09122222222,8\n", map[string]string{"09121111111": "code 7", "09122222222": "code 8"}, ""},
		{"none", "we are closed", "09121111111\n09122222222\n", map[string]string{"09121111111": "we are closed", "09122222222": "we are closed"}, ""},
		{"a text of several lines", "{Name},\nbye", "name;phone\nAli;09121111111\n", map[string]string{"09121111111": "Ali,\nbye"}, ""},
		{"no such heading", "{family}", people, nil, "no column {family}"},
		{"no such number", "{0}", people, nil, "no column {0}"},
		{"an empty cell", "{3}", "09121111111,a,b\n09122222222,c\n", nil, "names in braces: 1 (row 2)"},
		{"a header that names no number", "{name}", "name,id\nAli,09121111111\n", map[string]string{"09121111111": "Ali"}, ""},
		{"a first row that is wrong", "hello", "nobody\n09121111111\n", nil, "Without a phone number: 1 (row 1)"},
		{"many wrong ones in a row", "{2}", "09121111111,a\nx,b\nx,b\nx,b\n09122222222,c\nx,d\n", nil, "Without a phone number: 4 (row 2–4, 6)"},
		{"without a text", "", "09121111111,a\n09122222222,\n", nil, "Without a text: 1 (row 2)"},
		{"no rows", "hello", "number,name\n", nil, "there are no rows"},
		{"too many rows", "hello", strings.Repeat("09121111111\n", 10_001), nil, "at most 10000 rows"},
		{"a text without end", "", "09121111111," + strings.Repeat("x", 4001) + "\n", nil, "more than 4,000 characters: 1 (row 1)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, telegram.Options{}, panel.Options{})
				w.start()
				answer := w.bulk(tc.caption, tc.rows)
				if tc.refused != "" {
					if !containsAll(answer.Text, []string{tc.refused, "Nothing was sent"}) || len(answer.Buttons) > 0 {
						t.Errorf("it is answered %q, want %q", answer.Text, tc.refused)
					}
					return
				}
				w.presses(w.ali, answer, "Send")
				if got := textsTo(w.sent(len(tc.want))); !cmp.Equal(got, tc.want) {
					t.Errorf("sent was %q, want %q", got, tc.want)
				}
				equal := len(tc.want) == 1 || tc.name == "none"
				if r := w.panel.Requests(); slices.ContainsFunc(r, func(r panel.Request) bool { return r.Method == "SendMultipleSMS" }) == equal {
					t.Errorf("equal texts: %v, and they went out otherwise", equal)
				}
			})
		})
	}
}

// TestBulkAlone: the command alone brings a file that it reads itself.
func TestBulkAlone(t *testing.T) {
	for language, want := range map[string]string{"en": "Recipients: 2", "fa": "گیرنده: ۲"} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.opts.Language = language
				w.start()
				w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/bulk"})
				sample := w.fileIn(w.ali)
				sent := w.says(telegram.Post{Chat: w.ali, From: w.ali, Document: &telegram.Document{Name: sample.Name, Data: sample.Data}})
				w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/bulk", ReplyTo: sent})
				w.sees(w.ali, want)
			})
		})
	}
}

// TestBulkIsStopped: [Stop] ends it between two pieces, whoever of the admins or its agent presses it; the file says what went out.
func TestBulkIsStopped(t *testing.T) {
	for language, s := range map[string]struct{ send, stop, rest, dropped string }{
		"en": {"Send", "Stop", "what waited was cancelled by", "not sent"},
		"fa": {"بفرست", "بس است", "ارسال آنچه منتظر بود را لغو کرد", "فرستاده‌نشده"},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.opts.Language = language
				w.start()
				w.panel.Arm(panel.Fault{Kind: panel.Slow, Method: "SendMultipleSMS", Delay: 20 * time.Second, CarryOut: true, Times: -1})
				var rows strings.Builder
				for i := range 1200 {
					fmt.Fprintf(&rows, "0912%07d,text %d\n", i, i)
				}
				question := w.bulk("", rows.String())
				w.presses(w.ali, question, s.send)
				w.until("progress", func() bool { _, has := w.now(question).Button(s.stop); return has && w.panel.SentCount() > 0 })
				w.presses(w.ali, w.now(question), s.stop)
				w.turned(question, s.rest)
				result := w.results(w.ali, 1)
				sent := w.panel.SentCount()
				if sent == 0 || sent >= 1200 || sent%60 != 0 {
					t.Errorf("%d were sent", sent)
				}
				dropped := 0
				for _, row := range result[1:] {
					if row[3] == s.dropped {
						dropped++
					}
				}
				if sent+dropped != 1200 || len(result) != 1201 {
					t.Errorf("%d were sent, %d were not, of %d", sent, dropped, len(result)-1)
				}
				time.Sleep(5 * time.Minute)
				if w.panel.SentCount() != sent {
					t.Error("it went on after [Stop]")
				}
				if _, has := w.now(question).Button(s.stop); has {
					t.Error("[Stop] is still there")
				}
			})
		})
	}
}

// TestBulkGoesOnAfterARestart: what was under way is uncertain, and the file says whose; the rest goes out, and each once.
func TestBulkGoesOnAfterARestart(t *testing.T) {
	for dialect := range dialects {
		t.Run(dialect, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{Dialect: dialects[dialect], Statuses: []panel.Step{{Status: 4}}})
				w.start()
				w.panel.Arm(panel.Fault{Kind: panel.Close, Method: "SendMultipleSMS", CarryOut: true}) // its answer is lost
				var rows strings.Builder
				for i := range 600 {
					fmt.Fprintf(&rows, "0912%07d,text %d\n", i, i)
				}
				question := w.bulk("", rows.String())
				w.presses(w.ali, question, "Send")
				w.until("the first piece", func() bool { return w.panel.SentCount() > 0 })
				w.restart()
				w.sent(600)
				result := w.results(w.ali, 1)
				w.turned(question, "nobody can know whether they were sent")
				uncertain := 0
				for i, row := range result[1:] {
					if row[0] != fmt.Sprint(i+1) || row[1] != fmt.Sprintf("0912%07d", i) || row[2] != fmt.Sprint("text ", i) {
						t.Fatalf("row %d is %q", i+1, row)
					}
					if row[3] == "uncertain" {
						uncertain++
					}
				}
				if uncertain == 0 || uncertain%60 != 0 {
					t.Errorf("%d rows are uncertain", uncertain)
				}
				w.presses(w.ali, w.now(question), "It was sent")
				w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/status", ReplyTo: question.ID})
				for _, row := range w.results(w.ali, 2)[1:] {
					if row[3] == "uncertain" {
						t.Fatalf("after [It was sent]: %q", row)
					}
				}
				if n := len(textsTo(w.sent(600))); n != 600 {
					t.Errorf("%d recipients got 600 SMS", n)
				}
			})
		})
	}
}

// TestAnEqualTextInABulkIsShortened: it is one text, so that the question can offer what it offers of one.
func TestAnEqualTextInABulkIsShortened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		quiet, err := hours.ParseQuiet("0:00-23:59")
		if err != nil {
			t.Fatal(err)
		}
		w.opts.Quiet = quiet
		w.start()
		long := strings.Repeat("hello ", 25) + "“bye”"
		question := w.bulk(long, "09121111111\n09122222222\n")
		if !containsAll(question.Text, []string{"Recipients: 2, parts each: 3, parts in all: 6", "quiet hours"}) {
			t.Errorf("the question is %q", question.Text)
		}
		w.presses(w.ali, question, "Shorten")
		short := w.turned(question, "parts each: 1, parts in all: 2", "Shortened, it reads")
		w.presses(w.ali, short, "Send now")
		for _, m := range w.sent(2) {
			if m.Text != strings.Repeat("hello ", 25)+`"bye"` {
				t.Errorf("sent was %q", m.Text)
			}
		}
	})
}

// TestABulkOrderIsEditedInVain, whether it was refused or taken.
func TestABulkOrderIsEditedInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		sent := w.says(telegram.Post{Chat: w.ali, From: w.ali, Document: csvFile("09121111111,x\n")})
		order := w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/bulk {7", ReplyTo: sent})
		question := w.sees(w.ali, "Recipients: 1")
		if err := w.tg.Edit(w.ali, w.ali, order, "/bulk {2}"); err != nil {
			t.Fatal(err)
		}
		w.sees(w.ali, "The question is about the original text")
		w.presses(w.ali, question, "Cancel")
		w.turned(question, "nothing was sent")
	})
}

// TestStrangersSendNoFiles: who may not send may not send many.
func TestStrangersSendNoFiles(t *testing.T) {
	atEach(t, func(t *testing.T, server telegram.Options) {
		w := newWorld(t, server, panel.Options{})
		w.start()
		w.says(telegram.Post{Chat: w.omid, From: w.omid, Caption: "/bulk", Document: csvFile("09121111111,x\n")})
		w.quiet()
		for _, m := range w.fromBot(w.omid) {
			t.Errorf("a stranger is answered %q", m.Text)
		}
		if b, err := w.store.Batches(sms.ChatID(w.omid), 1); err != nil || len(b) > 0 {
			t.Errorf("ordered were %v, %v", b, err)
		}
	})
}

// TestABulkOrderIsPutOff in quiet hours: its rows go out when these are over, but to nobody who opted out meanwhile.
func TestABulkOrderIsPutOff(t *testing.T) {
	for language, s := range map[string]struct{ at, listed, opted string }{
		"en": {"Send at 08:00", "3 recipients of a file", "left out, opted out"},
		"fa": {"ساعت ۰۸:۰۰ بفرست", "۳ گیرندهٔ یک فایل", "کنار گذاشته‌شده، لغو کرده است"},
	} {
		t.Run(language, func(t *testing.T) {
			atEach(t, func(t *testing.T, server telegram.Options) {
				w := newWorld(t, server, panel.Options{})
				w.tehran()
				w.opts.Language, w.opts.Quiet = language, hours.Quiet{From: 22 * 60, To: 8 * 60}
				w.wishWords()
				time.Sleep(11 * time.Hour) // 22:30
				w.start()
				question := w.bulk("", "09121111111,one\n09122222222,two\n09121111111,again\n09123333333,three\n")
				w.presses(w.ali, question, s.at)
				w.turned(question, "🕗")
				holds(t, w.Asks(telegram.Post{Chat: w.ali, From: w.ali, Text: "/scheduled"}), s.listed, "one")
				w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/forget 09123333333"})
				w.quietAs(w.sara)
				w.panel.Receive("09122222222", "30001234", "stop")
				w.sees(w.group, "stop")
				w.restart()
				time.Sleep(9 * time.Hour)
				w.sent(2)
				time.Sleep(time.Minute)
				if got := textsTo(w.sent(2)); !cmp.Equal(got, map[string]string{"09121111111": "one", "09123333333": "three"}) {
					t.Errorf("sent was %q", got)
				}
				if rows := w.results(w.ali, 1); len(rows) != 5 || rows[2][3] != s.opted || rows[4][2] != "three" {
					t.Errorf("the result is %q", rows)
				}
			})
		})
	}
}
