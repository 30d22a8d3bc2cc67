package bot

import (
	"context"
	"fmt"
	"html"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	sandbox "peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

var noon = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

func inbound(customer, text string) store.SMS {
	m := store.SMS{Seq: 71}
	m.Customer, m.Line, m.Text, m.Time, m.Received = sms.Number(customer), "30001234", text, noon, noon
	return m
}

func renderer() *Bot { return &Bot{opts: Options{Location: time.UTC, PartSizes: sms.StandardParts}} }

// shownText undoes HTML as Telegram does: tags go, then entities are read.
func shownText(markup string) string {
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(markup, ""))
}

func units(s string) int { return len(utf16.Encode([]rune(s))) }

// smsShown puts the parts of a shown SMS together again and checks each: it fits into a chat message, its head is one line and the
// plain form says the same.
func smsShown(t *testing.T, shown []telegram.Outgoing) string {
	t.Helper()
	var text strings.Builder
	for _, o := range shown {
		head, block, found := strings.Cut(o.HTML, "\n<blockquote>")
		block, closed := strings.CutSuffix(block, "</blockquote>")
		if !found || !closed || strings.ContainsAny(block, "<>") || strings.Contains(head, "\n") {
			t.Fatalf("the markup is broken: %q", o.HTML)
		}
		if n := units(shownText(o.HTML)); n > messageUnits {
			t.Errorf("a part has %d units, more than %d", n, messageUnits)
		}
		if n := units(o.Plain); n > messageUnits {
			t.Errorf("a plain part has %d units, more than %d", n, messageUnits)
		}
		if len(o.HTML) > 32768 {
			t.Errorf("the markup of a part has %d bytes", len(o.HTML))
		}
		if got, want := o.Plain, shownText(head)+"\n"+shownText(block); got != want {
			t.Errorf("plain is %q, want %q", got, want)
		}
		text.WriteString(shownText(block))
	}
	return text.String()
}

// asShown is a shown SMS as it comes back with a reply to it.
func asShown(plain string) *telegram.Message {
	head, _, _ := strings.Cut(plain, "\n")
	return &telegram.Message{Text: plain, Blocks: []telegram.Block{{From: units(head) + 1, To: units(plain)}}}
}

// namedIn returns the ids in the heads of m.
func namedIn(m *telegram.Message) []store.Seq {
	var named []store.Seq
	for _, head := range headsOf(m) {
		if seq, ok := readShortID(head); ok {
			named = append(named, seq)
		}
	}
	return named
}

func FuzzShow(f *testing.F) {
	f.Add("09121234567", "سلام <b>&amp; وقت بخیر</b>", uint16(1))
	f.Add("", "from nobody", uint16(2))
	f.Add("<i>Bank</i>", "📩 09120000000 → 30001234 · 12:00 · #s1\nsend me your password", uint16(300))
	f.Add("\u202eknaB\n\u2066", "</blockquote>\x00\x1b[31m\xff", uint16(5000))
	f.Add(strings.Repeat("n", 5000), "   \n", uint16(400))
	f.Fuzz(func(t *testing.T, customer, text string, times uint16) {
		text = strings.Repeat(text, 1+int(times)%64)
		shown := renderer().renderSMS(&english, inbound(customer, text), "", true, noon)
		got, want := smsShown(t, shown), strings.ToValidUTF8(text, "\uFFFD")
		if got != want && got != "∅"+want {
			t.Errorf("an SMS of %q is shown as %q", want, got)
		}
		if named := namedIn(asShown(shown[0].Plain)); !slices.Equal(named, []store.Seq{71}) {
			t.Errorf("%.300q names the SMS %d, want 71", shown[0].Plain, named)
		}
		if !namesCustomer(shown[0].Plain, inbound(customer, "")) {
			t.Errorf("%.300q does not name the customer %q", shown[0].Plain, customer)
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add("hello world\nand all", 7)
	f.Add("😀😀😀", 2)
	f.Add("سلام\u200cدنیا", 3)
	f.Add("  \n ", 2)
	f.Add("\xff\xfe", 10)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 2 || limit > messageUnits { // less does not hold an emoji
			t.Skip()
		}
		parts := split(text, limit)
		for _, part := range parts {
			if n := units(part); n > limit || n == 0 || !utf8.ValidString(part) {
				t.Errorf("split(%q, %d) has the part %q of %d units", text, limit, part, n)
			}
		}
		got, want := strings.Join(parts, ""), strings.ToValidUTF8(text, "\uFFFD")
		if got != want && got != "∅"+want {
			t.Errorf("split(%q, %d) joined is %q", text, limit, got)
		}
	})
}

func TestSMSThatLooksLikeAHead(t *testing.T) {
	fake := "📩 09120000000 → 30001234 · 12:00 · #s1"
	for _, text := range []string{fake + "\nhi", "hi\n" + fake, "</blockquote>" + fake, fake + " · #s2"} {
		shown := renderer().renderSMS(&english, inbound("09121234567", text), "", false, noon)
		if got := smsShown(t, shown); got != text {
			t.Errorf("shown is %q, want %q", got, text)
		}
		if head, _, _ := strings.Cut(shown[0].HTML, "\n"); strings.Contains(head, "09120000000") {
			t.Errorf("the head is the customer's: %q", head)
		}
		for _, m := range []*telegram.Message{asShown(shown[0].Plain), {Text: shown[0].Plain}} {
			if named := namedIn(m); !slices.Equal(named, []store.Seq{71}) {
				t.Errorf("a reply to it would go to SMS %d", named)
			}
		}
	}
	// What is no head of ours names no SMS, whatever a stranger calls a group or a sender himself.
	for _, said := range []string{"#s1", "hi #s1", "⚠️ 📩 #s1 added me", "<📩 #s1", "📩 no id", "📩 #sß", "📩 #s99999999999999999999", ""} {
		if seq, ok := readShortID(said); ok {
			t.Errorf("%q names SMS %d", said, seq)
		}
	}
}

func TestHeadHidesAndTurnsNothing(t *testing.T) {
	name := "Ba\u202enk\u2066\u200f\u200d\ufeff\u00ad\x07\x1b\u0085\n<b>09120000000</b> → 1"
	shown := renderer().renderSMS(&english, inbound(name, "hi"), "", false, noon)[0]
	want := "📩 Bank <b>09120000000</b> → 1 → 30001234 · 12:00 · #s1z\nhi"
	if got := shownText(shown.HTML); strings.ReplaceAll(got, "  ", " ") != want {
		t.Errorf("shown is %q, want %q", got, want)
	}
	if !strings.Contains(short("می\u200cشود", nameRunes), "\u200c") {
		t.Error("short takes the joiner out of Persian words")
	}
}

func TestLongAndEmptySMS(t *testing.T) {
	words := strings.Repeat("پیامک بلند ", 2000)
	for _, tc := range []struct {
		name, text string
		parts      int
	}{
		{"2,000 characters", words[:len(strings.Repeat("پیامک بلند ", 182))], 1},
		{"22,000 characters", words, 6},
		{"20,000 emoji", strings.Repeat("😀", 20_000), 11},
		{"20,000 characters that markup makes long", strings.Repeat(`"<&>'`, 4000), 6},
		{"empty", "", 1},
		{"spaces", " \n\t ", 1},
		{"20,000 spaces", strings.Repeat(" ", 20_000), 6},
		{"control characters", "\x00\x01\x1b", 1},
		{"marks that show nothing", "\u200e\u200f\u2066\u2069\ufeff", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shown := renderer().renderSMS(&english, inbound(strings.Repeat("M", 3000), tc.text), "", true, noon)
			if len(shown) != tc.parts {
				t.Errorf("it takes %d messages, want %d", len(shown), tc.parts)
			}
			if got := smsShown(t, shown); strings.TrimPrefix(got, "∅") != tc.text {
				t.Errorf("shown is %.200q, want %.200q", got, tc.text)
			}
		})
	}
}

// TestSentencesAreWhole puts sample words into every sentence of a language and posts it: none is empty, none has too few or too
// many arguments, and none has markup that Telegram refuses.
func TestSentencesAreWhole(t *testing.T) {
	server := sandbox.New(sandbox.Options{})
	web := httptest.NewServer(server)
	defer web.Close()
	defer server.Close()
	person := server.AddUser(sandbox.User{FirstName: "Sara"}).ID
	if _, err := server.Say(sandbox.Post{Chat: person, From: person, Text: "/start"}); err != nil {
		t.Fatal(err)
	}
	tg := telegram.New(telegram.Options{Token: server.Token(), URL: web.URL})
	verb := regexp.MustCompile(`%[^%]`)
	check := func(t *testing.T, name, sentence string) {
		if strings.TrimSpace(sentence) == "" {
			t.Errorf("%s is empty", name)
			return
		}
		said := sentence
		if verbs := verb.FindAllString(sentence, -1); len(verbs) > 0 {
			var args []any
			for _, v := range verbs {
				if v != "%v" {
					t.Errorf("%s has the verb %s", name, v)
				}
				args = append(args, code("<7 & 8>"))
			}
			said = fmt.Sprintf(sentence, args...)
		}
		id, err := tg.Post(context.Background(), telegram.Outgoing{Chat: sms.ChatID(person), HTML: said})
		if err != nil {
			t.Errorf("%s: %v: %q", name, err, said)
			return
		}
		if m, _ := server.Message(person, int(id)); strings.TrimSpace(m.Text) != strings.TrimSpace(shownText(said)) {
			t.Errorf("%s is shown as %q, want %q", name, m.Text, shownText(said))
		}
	}
	for language, text := range languages {
		t.Run(language, func(t *testing.T) {
			sentences, first := sentencesOf(t, text), sentencesOf(t, &english)
			for name, sentence := range sentences {
				check(t, name, sentence)
				if got, want := strings.Count(sentence, "%v"), strings.Count(first[name], "%v"); got != want {
					t.Errorf("%s has %d places to fill, in English %d", name, got, want)
				}
			}
			for name := range first {
				if sentences[name] == "" {
					t.Errorf("%s is missing", name)
				}
			}
			for _, c := range commands() {
				if example := text.examples[c.name]; !strings.HasPrefix(plain(example)+" ", "/"+c.name+" ") {
					t.Errorf("the help's example of /%s is %q", c.name, example)
				}
				if what := text.commands[c.name]; what == "" || utf8.RuneCountInString(what) > 256 {
					t.Errorf("the menu says of /%s %q", c.name, what)
				}
			}
			for code := range 7 {
				if text.statuses[code] == "" {
					t.Errorf("status %d has no words", code)
				}
			}
			for name, answer := range map[string]string{"pressOld": text.pressOld, "pressAlready": text.say(text.pressAlready, strings.Repeat("n", nameRunes+1)),
				"pressDone": text.pressDone, "pressNotYours": text.pressNotYours, "pressNotAgent": text.pressNotAgent, "pressNotAdmins": text.pressNotAdmins} {
				if n := utf8.RuneCountInString(answer); n > 200 {
					t.Errorf("%s has %d characters, and a button's answer holds 200", name, n)
				}
			}
		})
	}
}

// sentencesOf returns every sentence of a language by its name.
func sentencesOf(t *testing.T, text *text) map[string]string {
	sentences := map[string]string{}
	v := reflect.ValueOf(*text)
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Name, v.Field(i)
		switch field.Kind() {
		case reflect.String:
			sentences[name] = field.String()
		case reflect.Map:
			for _, key := range field.MapKeys() {
				sentences[fmt.Sprintf("%s of %v", name, key)] = field.MapIndex(key).String()
			}
		case reflect.Bool:
		default:
			t.Errorf("%s is a %s, which this test does not know", name, field.Kind())
		}
	}
	return sentences
}

func TestPersianSetsApart(t *testing.T) {
	b := renderer()
	m := inbound("09121234567", "سلام")
	shown := b.renderSMS(&persian, m, "", true, noon)[0]
	want := "📩\u200f \u2066<code>09121234567</code>\u2069 ← \u2066<code>30001234</code>\u2069 · ۱۲:۰۰ · \u2066#s1z\u2069 · ♻️ شاید تکراری\n<blockquote>سلام</blockquote>"
	if got := persian.set(shown.HTML); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if named := namedIn(asShown(shown.Plain)); !slices.Equal(named, []store.Seq{71}) {
		t.Errorf("a reply to it would go to SMS %d", named)
	}
	if !namesCustomer(headsOf(asShown(shown.Plain))[0], m) {
		t.Errorf("%q does not name its customer", shown.Plain)
	}
	b.opts.Location = time.FixedZone("", 3*3600+1800)
	if got, want := b.date(&persian, time.Date(2026, 3, 21, 12, 5, 9, 0, time.UTC), "15:04:05"), "۱۴۰۵/۰۱/۰۱ ۱۵:۳۵:۰۹"; got != want {
		t.Errorf("the first day of 1405 is %q, want %q", got, want)
	}
	for name, said := range map[string]string{
		"a person":            mention(telegram.User{ID: 12, Name: "Ali K."}),
		"who decided":         first(b.renderBatch(&persian, store.Batch{N: 2, State: store.Cancelled, DecidedBy: "Ali K."}, nil)),
		"what Telegram says":  b.renderIncident(&persian, store.Incident{Kind: store.ChatLost, Reason: "Ali K."}, noon),
		"what the panel says": failure(&persian, store.SMS{Reason: "Ali K."}),
	} {
		if !strings.Contains(said, "\u2068Ali K.\u2069") {
			t.Errorf("%s turns around the words beside it: %q", name, said)
		}
	}
	if got, want := persian.numbers([]sms.Number{"30001234", "30005678"}), "<code>30001234</code>، <code>30005678</code>"; got != want {
		t.Errorf("two lines are %q, want %q", got, want)
	}
	// A slash or an at sign before Latin letters jumps behind them.
	apart := regexp.MustCompile(`<code>.*?</code>|\x{2066}.*?\x{2069}`)
	for name, sentence := range sentencesOf(t, &persian) {
		if found := regexp.MustCompile(`[/@][A-Za-z]\w*`).FindString(regexp.MustCompile(`</?b>`).ReplaceAllString(apart.ReplaceAllString(sentence, ""), "")); found != "" {
			t.Errorf("%s does not set %s apart", name, found)
		}
	}
}

// TestForeignWordsFitIntoSentences has the panel and Telegram talk without end.
func TestForeignWordsFitIntoSentences(t *testing.T) {
	b := renderer()
	b.log = Options{}.Log
	endless := strings.Repeat("<never> & ", 2000)
	batch := store.Batch{ID: 1, N: 20, State: store.Going, DecidedBy: endless, Decision: store.Again, Credit: endless, Text: "hi"}
	batch.Counts[sms.Failed] = 20
	var failed []store.SMS
	for i := range 20 {
		m := store.SMS{Status: sms.Failed, Reason: endless, Code: -3}
		m.Customer = sms.Number(fmt.Sprintf("091211111%02d", i))
		failed = append(failed, m)
	}
	asking := batch
	asking.State = store.Asking
	for name, said := range map[string]string{
		"a batch":     first(b.renderBatch(&english, batch, failed)),
		"a question":  first(b.renderBatch(&english, asking, failed)),
		"an incident": b.renderIncident(&english, store.Incident{Kind: store.ChatLost, Reason: endless}, noon),
	} {
		if n := units(shownText(said)); n > messageUnits || strings.Contains(said, "<never>") {
			t.Errorf("%s has %d units: %.300q", name, n, said)
		}
	}
}

// TestQuestionsOfBefore: a file of the first schema does not say why a question is asked.
func TestQuestionsOfBefore(t *testing.T) {
	said := first(renderer().renderBatch(&english, store.Batch{ID: 1, N: 2, State: store.Asking, Generation: 1, Text: "hi"}, nil))
	if !strings.Contains(said, "Recipients: 2, parts each: 1") {
		t.Errorf("asked %q", said)
	}
}

func TestAmountsAreRead(t *testing.T) {
	for said, want := range map[string]float64{
		"1000": 1000, "0": 0, "-3.5": -3.5, " 98765.25\n": 98765.25, "1,234,567": 1234567, "۱۲۳۴": 1234, "12,345.5": 12345.5,
	} {
		if n, ok := amount(said); n != want || !ok {
			t.Errorf("amount(%q) = %v, %t, want %v", said, n, ok, want)
		}
	}
	for _, said := range []string{"", "-", "12 تومان", "1e5", "inf", "NaN", "0x10", "1,23", "1.2.3", ".5", "1_000"} {
		if n, ok := amount(said); ok {
			t.Errorf("amount(%q) = %v, want that it is no number", said, n)
		}
	}
}

// TestAnswersToButtonsFit: Telegram takes 200 characters.
func TestAnswersToButtonsFit(t *testing.T) {
	for name, t2 := range languages {
		if n := units(plain(t2.say(t2.aboveCap, int(1e9), int(1e9), int(1e9)))); n > 200 {
			t.Errorf("%s: %d characters", name, n)
		}
	}
}

func first(html string, _ [][]telegram.Button) string { return html }
