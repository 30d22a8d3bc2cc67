package sandbox

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed page
var pageFiles embed.FS

// servePage serves the page to browsers, and lines to paste into a shell to clients that do not ask for HTML.
func servePage() http.Handler {
	root, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	files := http.FileServerFS(root)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "there is nothing to send here", http.StatusMethodNotAllowed)
			return
		}
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store") // another version may run at the same address at any moment
		h.Set("Vary", "Accept")
		if r.URL.Path == "/" && !strings.Contains(r.Header.Get("Accept"), "text/html") {
			h.Set("Content-Type", "text/plain; charset=utf-8")
			io.WriteString(w, strings.ReplaceAll(howToPlay, "{addr}", r.Host))
			return
		}
		files.ServeHTTP(w, r)
	})
}

var howToPlay = fmt.Sprintf(`Peyk's sandbox: a Telegram and an SMS panel on loopback, and the bridge between them.

Telegram   Support: a group. Desk: a forum, in which the bot may make topics.
           Sara is an admin, Ali an agent, Omid a stranger to the bot. chat=private is each one's own chat with the bot.
Telephones any number; say 09121111111 and 09122222222. Our lines are %s.

A customer writes
  curl -d from=09121111111 -d text='سلام' {addr}/panel/sms
  curl -d from=09122222222 -d to=30005678 -d text='قیمت؟' {addr}/panel/sms
An agent answers, or says something else
  curl -d from=Ali -d reply=last -d text='سلام، بفرمایید' {addr}/telegram/say
  curl -d from=Ali -d text='/send 09121111111 hello' {addr}/telegram/say
  curl -d from=Sara -d chat=private -d text=/help {addr}/telegram/say
  curl -d from=Ali -d button=Send {addr}/telegram/press
What came of it
  curl {addr}/panel/sent
  curl -N {addr}/panel/events
Break things
  curl -d id=5000000001 -d status=5 {addr}/panel/status       not delivered
  curl -d down=true {addr}/panel/down                         the panel is down; down=false
  curl -d kind=close -d carry_out=true -d method=SendSMS {addr}/panel/fault      sent, but the answer is lost
  curl -d credit=0 {addr}/panel/credit
  curl -X POST {addr}/bridge/kill                             as kill -9; then start
  curl -X POST {addr}/bridge/start

A text with & or + in it: --data-urlencode text='1 + 1' instead of -d. doc/sandbox.md has everything.
`, strings.Join(lines, " and "))
