package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

	"peyk/sandbox/panel"
)

// in1256 is a text as Excel saves it where Windows speaks Persian.
func in1256(t *testing.T, text string) string {
	t.Helper()
	encoded, err := charmap.Windows1256.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// inUTF16 is a text as Excel's "Unicode Text" has it, little-endian.
func inUTF16(text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(unit))
		b.WriteByte(byte(unit >> 8))
	}
	return b.String()
}

func TestWhatIsNoUTF8IsNotSent(t *testing.T) {
	good := strings.Repeat("09120000001,سلام\n", 39)
	for _, test := range []struct {
		name, stdin string
		args        []string
		want        string // on stderr
	}{
		{"Windows-1256", in1256(t, "09121111111,سلام شما\n"), []string{"send-each"}, "line 1"},
		{"one row of another program's among good ones", good + in1256(t, "09121111111,سلام\n") + good, []string{"send-each"}, "line 40"},
		{"Latin-1", "09121111111,caf\xe9\n", []string{"send-each"}, "line 1"},
		{"UTF-16 with a mark", "\xff\xfe" + inUTF16("09121111111,سلام\n"), []string{"send-each"}, "UTF-16"},
		{"UTF-16 without a mark", inUTF16("09121111111,سلام\r\n"), []string{"send-each"}, "UTF-16"},
		{"UTF-16, the other way round, without a mark", "\x00" + strings.TrimSuffix(inUTF16("09121111111,hello\n"), "\x00"), []string{"send-each"}, "UTF-16"},
		{"a character cut at the end", good + "09121111111,سلا\xd9", []string{"send-each"}, "line 40"},
		{"a byte from the middle of a character", good + "09121111111,a\x80b\n", []string{"send-each"}, "line 40"},
		{"half of a pair, as bytes", "09121111111,\xed\xa0\xbd\n", []string{"send-each"}, "line 1"},
		{"a row of several lines", "09121111111,\"one\ntwo \xff\"\n", []string{"send-each"}, "line 2"},
		{"in a number", "0912\xa01111111,x\n", []string{"send-each"}, "line 1"},
		{"old Mac line ends", in1256(t, "09121111111,سلام\r09121111112,سلام\r"), []string{"send-each"}, "line 1"},
		{"an argument in Windows-1256", "", []string{"send", "--to", "09121111111", in1256(t, "سلام")}, "UTF-8"},
		{"an argument cut inside a character", "", []string{"send", "--to", "09121111111", "سلا\xd9"}, "UTF-8"},
		{"a line in another encoding", "", []string{"send", "--line", "3000\xff1234", "--to", "09121111111", "x"}, "argument 2 is not UTF-8"},
		{"an id in another encoding", "", []string{"status", "51\xff"}, "UTF-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, cfg := startPanel(t, panel.Options{})
			got, stderr := runPanel(t, cfg, test.stdin, test.args...)
			if got.Code != 2 || got.Stdout != "" || !strings.Contains(stderr, test.want) {
				t.Errorf("got %d, %q, %q, want 2 and %q on stderr", got.Code, got.Stdout, stderr, test.want)
			}
			if test.args[0] == "send-each" && !strings.Contains(stderr, "CSV UTF-8") {
				t.Errorf("the mend is missing: %q", stderr)
			}
			if n := len(p.Requests()); n != 0 {
				t.Errorf("the panel was asked %d times", n)
			}
		})
	}
}

func TestAReplacementCharacterThatWasWrittenIsSent(t *testing.T) {
	p, cfg := startPanel(t, panel.Options{})
	got, stderr := runPanel(t, cfg, "09121111111,a \ufffd b\n", "send-each")
	if got.Code != 0 || len(p.Sent()) != 1 || p.Sent()[0].Text != "a \ufffd b" {
		t.Errorf("got %+v, %q, sent %v", got, stderr, p.Sent())
	}
}

// TestPanelCommandInPieces sends to 130 recipients, in pieces of 60, 60 and 10, and lets the panel fail.
func TestPanelCommandInPieces(t *testing.T) {
	var numbers, rows []string
	for i := range 130 {
		numbers = append(numbers, fmt.Sprintf("0912%07d", i))
		rows = append(rows, numbers[i]+",x\n")
	}
	accepted := func(i int) string {
		return fmt.Sprintf(`{"recipient":"%s","id":"%d"}`, numbers[i], 5000000001+i)
	}
	failed := func(kind, text string) func(int) string {
		return func(i int) string {
			return fmt.Sprintf(`{"recipient":"%s","error":{"kind":"%s","text":"%s"}}`, numbers[i], kind, text)
		}
	}
	lost := failed("uncertain", "the panel's answer is empty: http status 500")
	behind := failed("unavailable", "not sent: the request before it failed")
	crash := func(p *panel.Server) {
		p.Arm(panel.Fault{Kind: panel.Crash, CarryOut: true})
	}
	crashSecond := func(p *panel.Server) {
		var first sync.Once
		p.OnCall(func(c panel.Call) {
			if c.Stage == panel.CarriedOut { // before the first answer, which the second request may follow at once
				first.Do(func() { crash(p) })
			}
		})
	}
	for _, test := range []struct {
		name    string
		prepare func(*panel.Server)
		code    int
		pieces  [3]func(int) string
		sent    int
	}{
		{"all are accepted", func(*panel.Server) {}, 0, [3]func(int) string{accepted, accepted, accepted}, 130},
		{"the second answer is lost", crashSecond, 1, [3]func(int) string{accepted, lost, behind}, 120},
		{"the first answer is lost", crash, 1, [3]func(int) string{lost, behind, behind}, 60},
	} {
		var want []string
		for i := range 130 {
			want = append(want, test.pieces[i/60](i))
		}
		for _, command := range []string{"send", "send-each"} {
			t.Run(command+": "+test.name, func(t *testing.T) {
				p, cfg := startPanel(t, panel.Options{})
				test.prepare(p)
				args, stdin := []string{"send", "--to", strings.Join(numbers, ","), "x"}, ""
				if command == "send-each" {
					args, stdin = []string{"send-each"}, strings.Join(rows, "")
				}
				got, _ := runPanel(t, cfg, stdin, args...)
				if diff := cmp.Diff(panelRun{test.code, `{"results":[` + strings.Join(want, ",") + "]}\n"}, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if got := len(p.Sent()); got != test.sent {
					t.Errorf("the panel sent %d, want %d", got, test.sent)
				}
			})
		}
	}
	t.Run("a refusal of the first piece is one error", func(t *testing.T) {
		p, cfg := startPanel(t, panel.Options{})
		p.Arm(panel.Fault{Kind: panel.ErrCode, Code: -3, Text: "x", Times: -1})
		got, _ := runPanel(t, cfg, "", "send", "--to", strings.Join(numbers, ","), "x")
		if want := (panelRun{1, `{"error":{"kind":"rejected","code":-3,"text":"x"}}` + "\n"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if got := len(p.Requests()); got != 1 {
			t.Errorf("the panel was asked %d times, want once", got)
		}
	})
}

// TestLinesAreNamedAsThePanelNamesThem sends from a line that the panel knows by its whole number only.
func TestLinesAreNamedAsThePanelNamesThem(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, line := range []string{"02188776655", "982188776655"} {
		_, cfg := startPanel(t, panel.Options{Lines: []string{line}})
		environ := []string{"SMS_API_URL=" + cfg.URL, "SMS_API_USER=" + cfg.User, "SMS_API_PASSWORD=" + cfg.Password, "SMS_LINES=" + line[:3] + " " + line[3:]}
		for _, named := range [][]string{nil, {"--line", "+982188776655"}} {
			var out bytes.Buffer
			args := append(append([]string{"panel", "send"}, named...), "--to", "09120000001", "x")
			if code := run(t.Context(), args, environ, nil, &out, &out); code != 0 {
				t.Errorf("from %s: got %d, %s", line, code, out.String())
			}
		}
	}
}
