package sandbox

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// page tells how to play, in lines to paste.
func page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, strings.ReplaceAll(howToPlay, "{addr}", r.Host))
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
