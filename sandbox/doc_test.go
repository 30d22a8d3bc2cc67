package sandbox

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// shellWord is one word of the simple shell lines in the manual: quoted parts and bare ones run together.
var shellWord = regexp.MustCompile(`(?:'[^']*'|[^\s'])+`)

// TestEveryLineOfTheManualWorks sends what each curl line of doc/sandbox.md and of the page would send.
func TestEveryLineOfTheManualWorks(t *testing.T) {
	manual, err := os.ReadFile("../doc/sandbox.md")
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, Options{})
	l := p.life(0)
	// What the lines speak of: an SMS fetched, one sent, messages up to number 7 and beyond, a topic named after a customer.
	p.curl("/panel/sms", "from=09121111111", "text=hi")
	p.soap(l, "GetMsg", "")
	p.soap(l, "SendSMS", `<fromNum>30001234</fromNum><toNum c:arrayType="xsd:string[1]"><item xsi:type="xsd:string">09121111111</item></toNum>`+
		`<messageContent>hi</messageContent>`)
	p.curl("/telegram/limits", "per_second=0") // none
	for i := range 8 {
		p.bot(l, "sendMessage", map[string]any{"chat_id": l.Env["INBOX_CHATS"], "text": fmt.Sprint("price ", i)})
	}
	p.curl("/telegram/topic", "from=Sara", "chat=Desk", "do=add", "name=09121111111")

	lines := 0
	for line := range strings.Lines(howToPlay + string(manual)) {
		line = strings.ReplaceAll(strings.TrimSpace(line), "{addr}", "127.0.0.1:8383")
		switch {
		case !strings.HasPrefix(line, "curl "):
			continue
		case strings.Contains(line, "curl -N"): // never ends
			continue
		case strings.Contains(line, "/telegram/press"), strings.Contains(line, "/telegram/inline"), strings.Contains(line, "/telegram/redeliver"): // need a bridge that takes updates
			continue
		}
		lines++
		method, fields, address := "GET", []string{}, ""
		words := shellWord.FindAllString(line, -1)[1:]
		for i := 0; i < len(words) && address == ""; i++ {
			word := strings.ReplaceAll(words[i], "'", "")
			switch word {
			case "-d":
				i++
				method, fields = "POST", append(fields, strings.ReplaceAll(words[i], "'", ""))
			case "-X":
				i++
				method = words[i]
			default:
				address = word
			}
		}
		address = strings.Replace(address, "127.0.0.1:8383", "http://"+p.addr, 1)
		r, err := http.NewRequest(method, address, strings.NewReader(strings.Join(fields, "&")))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("%s\n%d %s %v", line, answer.StatusCode, body, err)
		}
	}
	if lines < 60 {
		t.Errorf("got %d lines, the manual has more", lines)
	}
}
