package sandbox

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// desk is a control over a world in which the bot has written a little.
func desk(t *testing.T) (*telegram.Server, world, http.Handler) {
	t.Helper()
	tg := telegram.New(telegram.Options{})
	t.Cleanup(tg.Close)
	w, err := newWorld(tg)
	if err != nil {
		t.Fatal(err)
	}
	bot := func(fields url.Values) {
		r := httptest.NewRequest("POST", "/bot"+tg.Token()+"/sendMessage", strings.NewReader(fields.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer := httptest.NewRecorder()
		if tg.ServeHTTP(answer, r); answer.Code != 200 {
			t.Fatal(answer.Body)
		}
	}
	price, err := tg.AddTopic(w.Sara, w.id("Desk"), "Prices")
	if err != nil {
		t.Fatal(err)
	}
	chat := func(id int64) string { return text(id) }
	bot(url.Values{"chat_id": {chat(w.Group)}, "text": {"sure?"}, "reply_markup": {`{"inline_keyboard":[[{"text":"Send","callback_data":"s:1"}]]}`}})
	bot(url.Values{"chat_id": {chat(w.Group)}, "text": {"an SMS"}})
	bot(url.Values{"chat_id": {chat(w.id("Desk"))}, "text": {"in a topic"}, "message_thread_id": {text(price)}})
	bot(url.Values{"chat_id": {chat(w.id("Desk"))}, "text": {"in General"}})
	return tg, w, newControl(tg, panel.New(panel.Options{}), nil, w)
}

func curl(h http.Handler, method, path, body string) string {
	r := httptest.NewRequest(method, "http://127.0.0.1:8383"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl -d says of everything
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return strings.TrimSpace(w.Body.String())
}

// TestNamesInPersian: a visitor who reads Persian meets Persian names, and what is pasted into a shell finds them as before.
func TestNamesInPersian(t *testing.T) {
	tg, w, control := desk(t)
	w.speak(tg, "fa")
	users, chats := curl(control, "GET", "/telegram/users", ""), curl(control, "GET", "/telegram/chats", "")
	for english, name := range persian {
		if w.id(english) == 0 || !strings.Contains(users+chats, name) || strings.Contains(users+chats, `"`+english+`"`) {
			t.Errorf("%s is not %s in %s %s", english, name, users, chats)
		}
	}
	for _, names := range []string{"from=Ali", "from=علی&chat=Support", "from=ALI&chat=پشتیبانی"} {
		answer := curl(control, "POST", "/telegram/say", names+"&text=hi")
		messages := tg.Messages(w.Group)
		if m := messages[len(messages)-1]; m.From != w.Ali || m.Text != "hi" || strings.Contains(answer, "error") {
			t.Errorf("%s: got %s and %+v", names, answer, m)
		}
	}
	w.speak(tg, "en")
	if chats := curl(control, "GET", "/telegram/chats", ""); !strings.Contains(chats, `"Support"`) {
		t.Errorf("back in English: %s", chats)
	}
}

func TestAQuoteIsFoundByItsWords(t *testing.T) {
	tg, w, control := desk(t)
	curl(control, "POST", "/telegram/say", "from=Ali&reply=last&quote=SMS&text=hi")
	messages := tg.Messages(w.Group)
	if m := messages[len(messages)-1]; m.Quote == nil || *m.Quote != (telegram.Quote{Text: "SMS", At: 3}) {
		t.Errorf("got %+v with %+v", m, m.Quote)
	}
	if got, want := curl(control, "POST", "/telegram/say", "from=Ali&reply=last&quote=MMS&text=hi"), `does not say \"MMS\"`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSayByName(t *testing.T) {
	type said struct {
		Chat    string
		Topic   int
		From    string
		Text    string
		ReplyTo string // the text answered
	}
	for _, tt := range []struct {
		name, body string
		want       said
	}{
		{"to Support when nothing is said of it", "from=Ali&text=hi", said{"Support", 0, "Ali", "hi", ""}},
		{"in JSON", `{"from":"ali","chat":"support","text":"hi"}`, said{"Support", 0, "Ali", "hi", ""}},
		{"by ids", `{"from":500000002,"chat":-1002000000001,"text":"hi"}`, said{"Support", 0, "Ali", "hi", ""}},
		{"a text that looks like a number", "from=Ali&text=123", said{"Support", 0, "Ali", "123", ""}},
		{"by username to the bot itself", "from=@omid&chat=private&text=hi", said{"Omid", 0, "Omid", "hi", ""}},
		{"in answer to the bot's last", "from=Ali&reply=last&text=hi", said{"Support", 0, "Ali", "hi", "an SMS"}},
		{"in answer to a message", "from=Ali&reply=SURE&text=hi", said{"Support", 0, "Ali", "hi", "sure?"}},
		{"in a topic", "from=Ali&chat=Desk&topic=prices&text=hi", said{"Desk", 2, "Ali", "hi", ""}},
		{"in answer to the bot's last in a topic", "from=Ali&chat=Desk&topic=Prices&reply=last&text=hi", said{"Desk", 2, "Ali", "hi", "in a topic"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tg, w, control := desk(t)
			before := len(all(tg))
			sure := tg.Messages(w.Group)[0].ID
			answer := curl(control, "POST", "/telegram/say", strings.Replace(tt.body, "SURE", text(sure), 1))
			messages := all(tg)
			if len(messages) != before+1 {
				t.Fatalf("got %s, want one message more", answer)
			}
			var got said
			for _, m := range messages {
				if m.Text != tt.want.Text {
					continue
				}
				got = said{Topic: m.Topic, Text: m.Text}
				for _, c := range tg.Chats() {
					if c.ID == m.Chat {
						got.Chat = c.Title
					}
				}
				for _, u := range tg.Users() {
					if u.ID == m.From {
						got.From = u.FirstName
					}
				}
				if answered, ok := tg.Message(m.Chat, m.ReplyTo); ok {
					got.ReplyTo = answered.Text
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("answer %s; -want +got:\n%s", answer, diff)
			}
		})
	}
}

// all returns the messages of all chats.
func all(tg *telegram.Server) []telegram.Message {
	var messages []telegram.Message
	for _, c := range tg.Chats() {
		messages = append(messages, tg.Messages(c.ID)...)
	}
	return messages
}

func TestEditAndDeleteMeanOnesOwnLast(t *testing.T) {
	tg, w, control := desk(t)
	curl(control, "POST", "/telegram/say", "from=Ali&text=first")
	curl(control, "POST", "/telegram/say", "from=Sara&text=second")
	curl(control, "POST", "/telegram/edit", "from=Ali&message=last&text=better")
	curl(control, "POST", "/telegram/delete", "from=Sara&message=last")
	messages := tg.Messages(w.Group)
	ali, sara := messages[len(messages)-2], messages[len(messages)-1]
	if ali.Text != "better" || ali.Deleted || !sara.Deleted {
		t.Errorf("got %+v and %+v, want Ali's edited and Sara's deleted", ali, sara)
	}
}

func TestReactAndPressByName(t *testing.T) {
	tg, w, control := desk(t)
	curl(control, "POST", "/telegram/react", "from=Ali&message=last&emoji=👍")
	messages := tg.Messages(w.Group)
	if got := messages[len(messages)-1]; got.Text != "an SMS" || len(got.Reactions) != 1 || got.Reactions[0].Emoji != "👍" {
		t.Errorf("got %+v, want Ali's reaction", got)
	}
	// Nobody answers the button here; that it was pressed, and which, is what counts.
	if got, want := curl(control, "POST", "/telegram/press", "from=Ali&button=send&seconds=0.001"), "deadline"; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	pressed := false
	for _, u := range tg.Updates() {
		pressed = pressed || strings.Contains(u.JSON, `"data":"s:1"`)
	}
	if !pressed {
		t.Errorf("got updates %v, want the button's data", tg.Updates())
	}
}

func TestOtherControlsByName(t *testing.T) {
	tg, w, control := desk(t)
	for _, tt := range []struct{ path, body, want string }{
		{"/telegram/group", "kind=group&title=New&members=Sara,Peyk", `{"id":-4000000001}`},
		{"/telegram/fault", "kind=slow&method=sendMessage&chat=Support&times=2&delay=2s", `{}`},
		{"/telegram/member", "chat=Desk&user=Omid&do=add", `{}`},
	} {
		if got := curl(control, "POST", tt.path, tt.body); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.path, got, tt.want)
		}
	}
	fault := tg.Armed()[0]
	if fault.Chat != w.Group || fault.Times != 2 || fault.Delay.Seconds() != 2 {
		t.Errorf("got fault %+v", fault)
	}
	if got, want := curl(control, "GET", "/telegram/messages?chat=Support", ""), "an SMS"; !strings.Contains(got, want) {
		t.Errorf("got %s, want it to hold %q", got, want)
	}
}

func TestWrongNamesAreToldTheRightOnes(t *testing.T) {
	_, _, control := desk(t)
	for _, tt := range []struct{ name, path, body, want string }{
		{"nobody", "/telegram/say", "text=hi", `from is needed: -d from=Ali`},
		{"a stranger to the sandbox", "/telegram/say", "from=Zed&text=hi", `nobody is called \"Zed\"; there are Peyk, Sara, Ali, Omid`},
		{"no such chat", "/telegram/say", "from=Ali&chat=x&text=hi", `no chat is called \"x\"; there are Support, Desk, Sales, and private`},
		{"no such topic", "/telegram/say", "from=Ali&chat=Desk&topic=x&text=hi", `Desk has no topic called \"x\"; there are [\"Prices\"]`},
		{"nothing to answer", "/telegram/say", "from=Sara&chat=private&reply=last&text=hi", `there is no such message yet`},
		{"no message", "/telegram/say", "from=Sara&reply=soon&text=hi", `\"soon\" is neither a message's id nor last`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, want := curl(control, "POST", tt.path, tt.body), `{"error":"`+tt.want+`"}`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}
