package bridge_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf16"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
	"peyk/sms"
)

// shows has a customer write to the first line and returns the message that shows the SMS in the group.
func (w *world) shows(customer, text string) telegram.Message {
	w.Helper()
	w.panel.Receive(customer, "30001234", text)
	return w.sees(w.group, text)
}

// settles waits until everything said so far was acted on and what it had to be answered in the chat stands there.
func (w *world) settles(chat int64) {
	w.Helper()
	who := w.ali
	if chat == w.sara {
		who = w.sara
	}
	id := w.says(telegram.Post{Chat: chat, From: who, Text: "/id"})
	if _, err := w.tg.WaitMessage(w.context(), chat, func(m telegram.Message) bool { return m.FromBot && m.ReplyTo == id }); err != nil {
		w.Fatalf("the bridge does not answer: %v\nlog:\n%s", err, w.logs)
	}
}

// answers runs an action of somebody's and returns what the bot posted in the chat because of it.
func (w *world) answers(chat int64, action func()) []string {
	w.Helper()
	w.settles(chat)
	before := len(w.fromBot(chat))
	action()
	w.settles(chat)
	posted := w.fromBot(chat)
	var said []string
	for _, m := range posted[before : len(posted)-1] {
		said = append(said, m.Text)
	}
	return said
}

// orders returns how many batches were ordered in a chat.
func (w *world) orders(chat int64) int {
	w.Helper()
	batches, err := w.store.Batches(sms.ChatID(chat), 1000)
	if err != nil {
		w.Fatal(err)
	}
	return len(batches)
}

// waits reports whether a chat is to show something it does not show yet.
func (w *world) waits(chat int64) bool {
	w.Helper()
	heads, _, err := w.store.Heads(func(c sms.ChatID) bool {
		return c == sms.ChatID(chat)
	})
	if err != nil {
		w.Fatal(err)
	}
	return len(heads) > 0
}

func TestStrangerInPrivateHearsOnlyWhoHeIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		for _, text := range []string{"hello", "/help", "/send 09121234567 free sms", "/credit", "/status", "/line", "/inbox on", "/nonsense", "/start@OtherBot"} {
			w.says(telegram.Post{Chat: w.omid, From: w.omid, Text: text})
		}
		for range 5 {
			w.says(telegram.Post{Chat: w.omid, From: w.omid, Text: "/start"})
			w.says(telegram.Post{Chat: w.omid, From: w.omid, Text: "/id"})
		}
		w.sees(w.omid, fmt.Sprint(w.omid))
		w.quiet()
		for w.waits(w.omid) {
			w.quiet()
		}
		answers := w.fromBot(w.omid)
		if len(answers) != 3 {
			t.Errorf("the stranger was answered %d times, want 3 times an hour:\n%s", len(answers), w.transcript(w.omid))
		}
		for _, m := range answers {
			if !containsAll(m.Text, []string{"private bot", fmt.Sprint(w.omid)}) {
				t.Errorf("the stranger was told %q", m.Text)
			}
		}
		if n := w.orders(w.omid); n != 0 || w.panel.SentCount() != 0 {
			t.Errorf("the stranger ordered %d batches", n)
		}
	})
}

func TestStrangerInGroupMeetsSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{NoPrivacy: true}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "where is my order?")
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121234567,09121234568 a question"})
		asked := w.sees(w.group, "Send this?", "Credit")
		said := w.answers(w.group, func() {
			for _, text := range []string{"hello", "/start", "/id", "/help", "/send 09121234567 free sms", "/credit", "/inbox off"} {
				w.says(telegram.Post{Chat: w.group, From: w.omid, Text: text})
			}
			w.says(telegram.Post{Chat: w.group, From: w.omid, Text: "an answer of mine", ReplyTo: shown.ID})
			w.says(telegram.Post{Chat: w.group, From: w.omid, Text: "another", ReplyTo: asked.ID})
		})
		if len(said) != 0 || w.orders(w.group) != 1 {
			t.Errorf("the stranger got %q, and there are %d orders", said, w.orders(w.group))
		}
		if a := w.presses(w.omid, asked, "Send"); !a.Alert || !strings.Contains(a.Text, "not on the list") {
			t.Errorf("the stranger who presses is told %+v", a)
		}
		w.settles(w.group)
		if w.panel.SentCount() != 0 {
			t.Error("the stranger's press sent an SMS")
		}
	})
}

func TestCommandIsForTheBotItNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{NoPrivacy: true}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "where is my order?")
		said := w.answers(w.group, func() {
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send@OtherBot 09121234567 not mine"})
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send@OtherBot 09121234567 not mine", ReplyTo: shown.ID})
		})
		if len(said) != 0 || w.orders(w.group) != 0 {
			t.Errorf("a command for another bot is answered %q and ordered %d", said, w.orders(w.group))
		}
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/SEND@peyksandboxbot 09121234567 mine"})
		if sent := w.sent(1)[0]; sent.Text != "mine" {
			t.Errorf("sent %+v", sent)
		}
	})
}

// TestWordsOfOthersAreNeverSent covers what an agent passes on without having written it.
func TestWordsOfOthersAreNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{NoPrivacy: true}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "where is my order?")
		for _, tc := range []struct {
			name string
			post telegram.Post
			told string // "" is silence
		}{
			{"a forwarded command", telegram.Post{Text: "/send 09121234567 hi", ForwardFrom: w.omid}, ""},
			{"a command by an inline bot", telegram.Post{Text: "/send 09121234567 hi", ViaBot: "gif"}, ""},
			{"a forwarded command of an admin's own", telegram.Post{Text: "/inbox off", ForwardFrom: w.sara}, ""},
			{"a forwarded reply", telegram.Post{Text: "hi", ForwardFrom: w.omid, ReplyTo: shown.ID}, "nothing was sent"},
			{"a reply by an inline bot", telegram.Post{Text: "hi", ViaBot: "gif", ReplyTo: shown.ID}, "nothing was sent"},
			{"a forwarded command in reply", telegram.Post{Text: "/send 09121234567 hi", ForwardFrom: w.omid, ReplyTo: shown.ID}, "nothing was sent"},
		} {
			t.Log(tc.name)
			tc.post.Chat, tc.post.From = w.group, w.ali
			checkTold(t, w.answers(w.group, func() { w.says(tc.post) }), tc.told)
			if n := w.orders(w.group); n != 0 {
				t.Errorf("it ordered %d batches", n)
			}
		}
	})
}

// checkTold compares what the bot said with the words it must hold; none when told is empty.
func checkTold(t *testing.T, said []string, told string) {
	t.Helper()
	switch {
	case told == "" && len(said) != 0:
		t.Errorf("the bot says %q, want silence", said)
	case told != "" && (len(said) != 1 || !strings.Contains(said[0], told)):
		t.Errorf("the bot says %q, want once %q", said, told)
	}
}

func TestFacelessAreRefusedWithAWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{NoPrivacy: true}, panel.Options{})
		// Listed by mistake, they still are nobody.
		w.opts.Users = append(w.opts.Users, 1087968824, 136817688, 777000)
		w.opts.Admins = append(w.opts.Admins, 1087968824, 136817688, 777000)
		w.start()
		channel := w.tg.AddChannel("News")
		shown := w.shows("09121111111", "where is my order?")
		const told = "cannot tell who you are"
		for _, tc := range []struct {
			name string
			post telegram.Post
			told string
		}{
			{"an anonymous admin's command", telegram.Post{Text: "/send 09121234567 hi", AsChat: w.group}, told},
			{"an anonymous admin's reply", telegram.Post{Text: "hi", AsChat: w.group, ReplyTo: shown.ID}, told},
			{"an anonymous admin's chatter", telegram.Post{Text: "hi all", AsChat: w.group}, ""},
			{"a channel's command", telegram.Post{Text: "/send 09121234567 hi", AsChat: channel}, told},
			{"a channel's reply", telegram.Post{Text: "hi", AsChat: channel, ReplyTo: shown.ID}, told},
			{"a linked channel's post that is a command", telegram.Post{Text: "/send 09121234567 hi", AsChat: channel, AutoForward: true}, told},
			{"a linked channel's post", telegram.Post{Text: "news", AsChat: channel, AutoForward: true}, ""},
		} {
			t.Log(tc.name)
			// Each case has a group of its own hour of words.
			tc.post.Chat, tc.post.From = w.group, w.sara
			w.restart()
			checkTold(t, w.answers(w.group, func() { w.says(tc.post) }), tc.told)
			if n := w.orders(w.group); n != 0 {
				t.Errorf("it ordered %d batches", n)
			}
		}
	})
}

// TestSenderChatIsFaceless has somebody on the list speak for a chat in a way no client can today.
func TestSenderChatIsFaceless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		checkTold(t, w.answers(w.group, func() {
			w.gives(fmt.Sprintf(`{"message":{"message_id":9001,"date":1,"chat":{"id":%[1]d,"type":"supergroup"},"from":{"id":%[2]d,"first_name":"Ali"},
			"sender_chat":{"id":%[1]d,"type":"supergroup"},"text":"/send 09121234567 hi","entities":[{"type":"bot_command","offset":0,"length":5}]}}`, w.group, w.ali))
		}), "cannot tell who you are")
		if n := w.orders(w.group); n != 0 {
			t.Errorf("it ordered %d batches", n)
		}
	})
}

// restart stops the bridge in good order and starts it again.
func (w *world) restart() {
	w.Helper()
	if err := w.end(); err != nil {
		w.Fatal(err)
	}
	w.start()
}

func TestFacelessCannotFloodTheChat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{NoPrivacy: true}, panel.Options{})
		w.start()
		channel := w.tg.AddChannel("News")
		said := w.answers(w.group, func() {
			for range 200 {
				w.says(telegram.Post{Chat: w.group, From: w.omid, AsChat: channel, Text: "/send 09121234567 hi"})
			}
		})
		if len(said) == 0 || len(said) > 5 {
			t.Errorf("200 commands of a channel are answered %d times, want a few", len(said))
		}
	})
}

func TestEditedOrderSendsNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{NoPrivacy: true}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "where is my order?")
		edit := func(id int, text string) func() {
			return func() {
				if err := w.tg.Edit(w.ali, w.group, id, text); err != nil {
					t.Fatal(err)
				}
			}
		}
		for n, p := range []telegram.Post{{Text: "/send 09121234567 hello"}, {Text: "on its way", ReplyTo: shown.ID}} {
			p.Chat, p.From = w.group, w.ali
			id := w.says(p)
			w.sent(n + 1)
			if p.ReplyTo == 0 {
				w.sees(w.group, "To 09121234567: ✔️")
			} else {
				w.bears(w.group, id, "👌")
				w.sees(w.group, "The marks")
			}
			checkTold(t, w.answers(w.group, edit(id, p.Text+" now")), "the edit changes nothing")
			checkTold(t, w.answers(w.group, edit(id, p.Text+" at once")), "") // told once
		}
		note := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "who takes this one?"})
		checkTold(t, w.answers(w.group, edit(note, "who takes that one?")), "")
		checkTold(t, w.answers(w.group, edit(note, "/send 09121234567 hello")), "I do not read edits")
		refused := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 0912111 hello"})
		w.sees(w.group, "not phone numbers")
		checkTold(t, w.answers(w.group, edit(refused, "/send 09121111111 hello")), "I do not read edits")
		if n := w.orders(w.group); n != 2 {
			t.Errorf("there are %d orders, want 2", n)
		}
		w.sent(2)
	})
}

// editsInvisibly has Telegram say that a message of the group was edited, as it stands.
func (w *world) editsInvisibly(message int) {
	w.Helper()
	for _, u := range w.tg.Updates() {
		var update struct {
			Message struct {
				ID   int `json:"message_id"`
				Chat struct{ ID int64 }
			}
		}
		if err := json.Unmarshal([]byte(u.JSON), &update); err != nil {
			w.Fatal(err)
		}
		if update.Message.ID == message && update.Message.Chat.ID == w.group {
			_, rest, _ := strings.Cut(u.JSON, `"message":`)
			w.gives(`{"edited_message":` + rest)
		}
	}
}

// TestInvisibleEditIsNoEdit is about edited_message that Telegram also sends for changes nobody can see.
func TestInvisibleEditIsNoEdit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "where is my order?")
		reply := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: shown.ID})
		command := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121234567 hello"})
		w.bears(w.group, reply, "👌")
		w.sees(w.group, "The marks")
		w.sees(w.group, "To 09121234567: ✔️")
		checkTold(t, w.answers(w.group, func() { w.editsInvisibly(reply); w.editsInvisibly(command) }), "")
		checkTold(t, w.answers(w.group, func() {
			if err := w.tg.Edit(w.ali, w.group, command, "/send 09121234568 hello"); err != nil {
				t.Fatal(err)
			}
		}), "the edit changes nothing")
	})
}

func TestInvisibleEditInATopicIsNoEdit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t)
		topic := w.receives("09121111111", "where is my order?").Topic
		command := w.commands(w.ali, topic, "/send on its way")
		w.sees(w.group, "To 09121111111", "delivered")
		checkTold(t, w.answers(w.group, func() { w.editsInvisibly(command) }), "")
		checkTold(t, w.answers(w.group, func() {
			if err := w.tg.Edit(w.ali, w.group, command, "/send 09121234568 on its way"); err != nil {
				t.Fatal(err)
			}
		}), "the edit changes nothing")
	})
}

func TestUpdateGivenAgainIsActedOnOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "where is my order?")
		again := func() {
			for _, u := range w.tg.Updates() {
				if err := w.tg.Redeliver(u.ID); err != nil {
					t.Fatal(err)
				}
			}
			w.settles(w.group)
		}
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: shown.ID})
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121234567 hello"})
		w.sent(2)
		if err := w.tg.WaitConfirmed(w.context()); err != nil {
			t.Fatal(err)
		}
		again()
		w.restart()
		again()
		w.restart()
		again()
		if n := w.orders(w.group); n != 2 {
			t.Errorf("there are %d orders, want 2", n)
		}
		w.sent(2)
	})
}

func TestUpdatesOfUnknownShapeArePassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		for _, shape := range []string{
			`{}`,
			`{"message":"a text"}`,
			`{"message":[1,2,3]}`,
			`{"message":{}}`,
			`{"message":null,"edited_message":{"chat":null}}`,
			`{"message":{"message_id":"seven","chat":{"id":1}}}`,
			`{"message":{"message_id":7,"chat":{"id":"one"},"text":"/id"}}`,
			`{"message":{"message_id":1e99,"chat":{"id":1},"text":"/id"}}`,
			`{"message":{"message_id":7,"date":0,"chat":{"id":5,"type":"private"},"text":"/id","entities":[{"type":"bot_command","offset":0,"length":-3}]}}`,
			`{"message":{"message_id":7,"date":0,"chat":{"id":5,"type":"private"},"text":"/id","entities":[{"type":"bot_command","offset":0,"length":3000000}]}}`,
			`{"message":{"message_id":7,"date":0,"chat":{"id":5,"type":"private"},"from":{"id":5},"reply_to_message":{"message_id":3}}}`,
			`{"callback_query":{"id":"1"}}`,
			`{"callback_query":{"id":"1","from":{"id":` + fmt.Sprint(w.ali) + `},"data":"b:1:1:send"}}`,
			`{"callback_query":{"id":"1","from":{"id":` + fmt.Sprint(w.ali) + `},"data":"b:1:1:send","message":{"message_id":3,"date":0,"chat":{"id":` + fmt.Sprint(w.group) + `}}}}`,
			`{"callback_query":{"id":1,"from":5}}`,
			`{"my_chat_member":{}}`,
			`{"my_chat_member":{"new_chat_member":{"status":"quantum"}}}`,
			`{"chat_boost":{"new":"kind"}}`,
			`{"message":{"message_id":` + strings.Repeat("9", 400) + `}}`,
			`{"message":` + strings.Repeat(`{"reply_to_message":`, 300) + `{}` + strings.Repeat(`}`, 300) + `}`,
		} {
			w.gives(shape)
			w.quiet()
		}
		if err := w.tg.WaitConfirmed(w.context()); err != nil {
			t.Error(err)
		}
		if n := w.orders(w.group); n != 0 || w.panel.SentCount() != 0 {
			t.Errorf("they ordered %d batches", n)
		}
	})
}

func TestUpdateIDsStartAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.quiet()
		if err := w.tg.WaitConfirmed(w.context()); err != nil {
			t.Fatal(err)
		}
		if err := w.tg.SetNextUpdateID(7); err != nil {
			t.Fatal(err)
		}
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/send 09121234567 after a quiet week"})
		w.sent(1)
		w.quiet()
		if n := w.orders(w.ali); n != 1 {
			t.Errorf("there are %d orders, want 1", n)
		}
	})
}

// TestNothingButOrdersIsSent has agents write what is not an order, in a group where the bot hears everything.
func TestNothingButOrdersIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{NoPrivacy: true}, panel.Options{})
		w.start()
		shown := w.shows("09121111111", "where is my order?")
		note := w.says(telegram.Post{Chat: w.group, From: w.sara, Text: "09121111111 is a difficult one"})
		help := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/help"})
		w.sees(w.group, "joins SMS to Telegram")
		for _, m := range w.fromBot(w.group) {
			if m.ReplyTo == help {
				help = m.ID
			}
		}
		w.panel.Receive("DigiKala", "30001234", "your parcel is here")
		name := w.sees(w.group, "your parcel is here")
		photo := &telegram.Document{Name: "photo.jpg", MIME: "image/jpeg", Data: []byte("not really")}
		for _, tc := range []struct {
			name string
			post telegram.Post
			told string
		}{
			{"a note", telegram.Post{Text: "this one is angry"}, ""},
			{"a note that names the bot", telegram.Post{Text: "@PeykSandboxBot send 09121234567 hi"}, ""},
			{"a note with a number first", telegram.Post{Text: "09121111111 call him"}, ""},
			{"a reply to a colleague", telegram.Post{Text: "I know", ReplyTo: note}, ""},
			{"a command in the middle", telegram.Post{Text: "try /send 09121234567 hi"}, ""},
			{"a file", telegram.Post{Document: photo}, ""},
			{"a file with a note", telegram.Post{Document: photo, Caption: "his order"}, ""},
			{"a reply to help", telegram.Post{Text: "thanks", ReplyTo: help}, "nothing was sent"},
			{"a reply with a file", telegram.Post{Document: photo, ReplyTo: shown.ID}, "nothing was sent"},
			{"a reply with a file and a text", telegram.Post{Document: photo, Caption: "here it is", ReplyTo: shown.ID}, "nothing was sent"},
			{"a command under a file", telegram.Post{Document: photo, Caption: "/send 09121234567 here it is"}, "nothing was sent"},
			{"a reply to a sender's name", telegram.Post{Text: "thanks", ReplyTo: name.ID}, "DigiKala is a sender's name"},
			{"an unknown command", telegram.Post{Text: "/sned@PeykSandboxBot 09121234567 hi"}, "no command /sned"},
			{"an unknown command that may be another bot's", telegram.Post{Text: "/sned 09121234567 hi"}, ""},
			{"an unknown command in reply", telegram.Post{Text: "/ok", ReplyTo: shown.ID}, "no command /ok"},
		} {
			t.Log(tc.name)
			tc.post.Chat, tc.post.From = w.group, w.ali
			checkTold(t, w.answers(w.group, func() { w.says(tc.post) }), tc.told)
			if n := w.orders(w.group); n != 0 {
				t.Fatalf("it ordered %d batches", n)
			}
		}
		if w.panel.SentCount() != 0 {
			t.Errorf("sent %+v", w.panel.Sent())
		}
	})
}

// call calls a method as another program with the bot's token would, and returns the answer's result.
func (w *world) call(method string, params url.Values) json.RawMessage {
	w.Helper()
	resp := httptest.NewRecorder()
	w.tg.ServeHTTP(resp, httptest.NewRequest("GET", "/bot"+w.token+"/"+method+"?"+params.Encode(), nil))
	var answer struct {
		OK     bool
		Result json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || !answer.OK {
		w.Fatalf("%s: %v, %+v", method, err, answer)
	}
	return answer.Result
}

func TestTopicsOfAForum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.storeOpts.Inbox = nil
		w.group = w.tg.AddForum("Support", w.sara, w.ali, w.tg.Bot().ID)
		if err := w.tg.SetBotRights(w.group, telegram.Rights{Admin: true, ManageTopics: true}); err != nil {
			t.Fatal(err)
		}
		w.start()
		people, err := w.tg.AddTopic(w.sara, w.group, "made by people")
		if err != nil {
			t.Fatal(err)
		}
		var made struct {
			ID int `json:"message_thread_id"`
		}
		if err := json.Unmarshal(w.call("createForumTopic", url.Values{"chat_id": {fmt.Sprint(w.group)}, "name": {"made by the bot"}}), &made); err != nil {
			t.Fatal(err)
		}
		for n, topic := range []int{people, made.ID} {
			w.says(telegram.Post{Chat: w.group, Topic: topic, From: w.sara, Text: "/inbox on"})
			w.settles(w.group)
			text := fmt.Sprint("where is order ", n)
			w.panel.Receive("09121111111", "30001234", text)
			shown, err := w.tg.WaitMessage(w.context(), w.group, func(m telegram.Message) bool {
				return m.FromBot && m.Topic == topic && strings.Contains(m.Text, text)
			})
			if err != nil {
				t.Fatalf("%v:\n%s\n%s", err, w.transcript(w.group), w.logs)
			}
			said := w.answers(w.group, func() {
				w.says(telegram.Post{Chat: w.group, Topic: topic, From: w.ali, Text: "who takes this one?"})
				w.says(telegram.Post{Chat: w.group, Topic: topic, From: w.ali, Text: "I do", ReplyTo: topic})
			})
			checkTold(t, said, "")
			if got := w.orders(w.group); got != n {
				t.Fatalf("a note in a topic was taken for an order: %d, want %d", got, n)
			}
			reply := w.says(telegram.Post{Chat: w.group, Topic: topic, From: w.ali, Text: fmt.Sprint("on its way ", n), ReplyTo: shown.ID})
			w.sent(n + 1)
			w.bears(w.group, reply, "👌")
			if told := w.sees(w.group, "The marks"); told.Topic != people {
				t.Errorf("what the marks mean is told in topic %d, want %d", told.Topic, people)
			}
		}
	})
}

func TestButtons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{NoPrivacy: true}, panel.Options{})
		w.start()
		alert := func(who int64, m telegram.Message, data, words string) {
			t.Helper()
			if a := w.pressesData(who, m, data); !a.Alert || !strings.Contains(a.Text, words) {
				t.Errorf("who presses %q is told %+v, want %q", data, a, words)
			}
		}
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/send 09121234567,09121234568 to both"})
		asked := w.sees(w.group, "Send this?", "Credit")
		data := asked.Buttons[0][0].Data
		alert(w.omid, asked, data, "not on the list")
		alert(w.sara, asked, data, "Only the person who asked")
		note := w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "a message of mine"})
		// A client may say that the button stood under any message.
		for _, made := range []string{data, "inbox"} {
			press := fmt.Sprintf(`{"callback_query":{"id":"9","from":{"id":%[1]d,"first_name":"Ali"},"data":%[2]q,"message":{"message_id":%[3]d,"date":1,"from":{"id":%[1]d},"chat":{"id":%[4]d,"type":"supergroup"},"text":"mine"}}}`,
				w.ali, made, note, w.group)
			w.gives(press)
		}
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/help"})
		alert(w.ali, w.sees(w.ali, "joins SMS"), data, "out of date") // a question of another chat
		for _, made := range []string{
			"b", "b:", "b:::", "b:1:1", "b:1:1:send:x", "b:1:0:send", "b:1:2:send", "b:1:-1:send", "b:1:1:SEND", "b:1:1:", "b:1:1:again", "b:1:1:was",
			"b:2:1:send", "b:zzzzzzzzzzzzz:1:send", "b:-1:1:send", "b:1:99999999999999999999:send", "x:1:1:send", "inboxx", "\x00", "سلام", strings.Repeat("b:", 32),
		} {
			alert(w.ali, asked, made, "out of date")
		}
		if w.panel.SentCount() != 0 {
			t.Fatal("a made-up button sent an SMS")
		}
		w.restart()
		if a := w.presses(w.ali, asked, "Send"); a.Alert {
			t.Errorf("who asked presses and is told %+v", a)
		}
		w.sent(2)
		alert(w.ali, asked, data, "\u2068Ali\u2069 has already decided")
		alert(w.ali, asked, asked.Buttons[0][1].Data, "\u2068Ali\u2069 has already decided")
		w.restart()
		alert(w.ali, asked, data, "\u2068Ali\u2069 has already decided")
		w.quiet()
		w.sent(2)
	})
}

func TestAddedToAGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.storeOpts.Inbox = nil
		w.start()
		group := w.tg.AddSupergroup("Shop", w.sara, w.ali)
		if err := w.tg.AddBot(group, w.sara); err != nil {
			t.Fatal(err)
		}
		welcome := w.sees(group, "press the button")
		if a := w.presses(w.ali, welcome, "Show SMS here"); !a.Alert || !strings.Contains(a.Text, "Only administrators") {
			t.Errorf("an agent who presses is told %+v", a)
		}
		if a := w.presses(w.sara, welcome, "Show SMS here"); a.Alert {
			t.Errorf("an admin who presses is told %+v", a)
		}
		w.sees(group, "Inbound SMS of all lines are now shown here")
		w.panel.Receive("09121111111", "30001234", "where is my order?")
		w.sees(group, "where is my order?")
		// Once switched off it is not the old button that switches it on.
		w.says(telegram.Post{Chat: group, From: w.sara, Text: "/inbox off"})
		w.sees(group, "no longer shown here")
		if a := w.presses(w.sara, welcome, "Show SMS here"); !a.Alert || !strings.Contains(a.Text, "out of date") {
			t.Errorf("an admin who presses the old button is told %+v", a)
		}
	})
}

func TestAddedByAStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start"})
		w.sees(w.sara, "Peyk joins")
		left := make(chan int64, 100)
		w.tg.OnCall(func(stage telegram.Stage, method string, chat int64) {
			if method == "leaveChat" && stage == telegram.AfterHandling {
				left <- chat
			}
		})
		leaves := func(group int64) {
			t.Helper()
			select {
			case got := <-left:
				if got != group {
					t.Fatalf("the bot left %d, want %d", got, group)
				}
			case <-w.context().Done():
				t.Fatal("the bot does not leave")
			}
		}
		// The title would be taken for the head of an SMS.
		shown := w.shows("09121111111", "where is my order?")
		group := w.tg.AddSupergroup("📩 #s1 <b>join</b>", w.omid)
		if err := w.tg.AddBot(group, w.omid); err != nil {
			t.Fatal(err)
		}
		leaves(group)
		told := w.sees(w.sara, "Omid", fmt.Sprint(w.omid), "<b>join</b>", "so I left")
		for _, m := range w.fromBot(group) {
			if m.Service == "" && !strings.Contains(m.Text, "I am leaving") {
				t.Errorf("the bot posted in a stranger's group:\n%s", w.transcript(group))
			}
		}
		said := w.answers(w.sara, func() {
			w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "how dare he", ReplyTo: told.ID})
		})
		checkTold(t, said, "nothing was sent")
		if n := w.orders(w.sara); n != 0 {
			t.Errorf("the reply went to the customer of %q", shown.Text)
		}
		// He goes on; the admins are not told without end.
		before := len(w.fromBot(w.sara))
		for i := range 20 {
			group := w.tg.AddSupergroup(fmt.Sprint("again ", i), w.omid)
			if err := w.tg.AddBot(group, w.omid); err != nil {
				t.Fatal(err)
			}
			leaves(group)
		}
		w.settles(w.sara)
		if n := len(w.fromBot(w.sara)) - before; n > 5 {
			t.Errorf("an admin was told %d more times about a stranger's groups", n)
		}
	})
}

func TestOwnerCodeWorksAfterWrongOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.opts.Users, w.opts.Admins, w.storeOpts.Admins, w.storeOpts.Inbox = nil, nil, nil, nil
		w.start()
		code := w.logged("code=")
		for range 10 {
			w.says(telegram.Post{Chat: w.omid, From: w.omid, Text: "/start"})
			w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/start " + code[1:]})
		}
		// In a group everybody could read it.
		w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "/start " + code})
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: "/START  " + strings.ToUpper(code) + " "})
		w.sees(w.sara, "You are now the owner")
		agents, err := w.store.Agents()
		if err != nil || len(agents) != 1 || agents[0].ID != sms.AgentID(w.sara) || !agents[0].Admin {
			t.Errorf("the allow-list is %+v, %v", agents, err)
		}
		w.says(telegram.Post{Chat: w.ali, From: w.ali, Text: "/start " + code})
		w.sees(w.ali, "private bot")
	})
}

func TestNobodyIsOfferedOwnershipWhileThereAreAgents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.quiet()
		if strings.Contains(w.logs.String(), "code=") {
			t.Error("a code is in the log although there is an admin")
		}
	})
}

// TestInboxMovesBetweenTopics is about the one place a chat shows an SMS in: the last that asked for it.
func TestInboxMovesBetweenTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.storeOpts.Inbox = nil
		w.group = w.tg.AddForum("Support", w.sara, w.ali, w.tg.Bot().ID)
		w.start()
		var topics [2]int
		for i, name := range []string{"first", "second"} {
			var err error
			if topics[i], err = w.tg.AddTopic(w.sara, w.group, name); err != nil {
				t.Fatal(err)
			}
		}
		for n, step := range []struct {
			topic   int
			command string
			shown   [2]int // where SMS to the two lines are shown then
		}{
			{topics[0], "/inbox on", [2]int{topics[0], topics[0]}},
			{topics[1], "/inbox on 30005678", [2]int{topics[0], topics[1]}},
			{topics[1], "/inbox on", [2]int{topics[1], topics[1]}},
			{topics[0], "/inbox on 30001234 30005678", [2]int{topics[0], topics[0]}},
			{0, "/inbox on 30001234", [2]int{0, topics[0]}},
			{0, "/inbox off", [2]int{topics[1], topics[0]}},
		} {
			w.says(telegram.Post{Chat: w.group, Topic: step.topic, From: w.sara, Text: step.command})
			w.settles(w.group)
			for i, line := range []string{"30001234", "30005678"} {
				text := fmt.Sprintf("message %d to line %d", n, i)
				w.panel.Receive("09121111111", line, text)
				if m := w.sees(w.group, text); m.Topic != step.shown[i] {
					t.Errorf("after %q in topic %d the line %s is shown in topic %d, want %d", step.command, step.topic, line, m.Topic, step.shown[i])
				}
			}
		}
	})
}

// TestTopicBesideTheInboxOfTheSettings has the settings name the forum: what one topic asks for takes nothing from the rest.
func TestTopicBesideTheInboxOfTheSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.group = w.tg.AddForum("Support", w.sara, w.ali, w.tg.Bot().ID)
		w.storeOpts.Inbox = []sms.ChatID{sms.ChatID(w.group)}
		w.start()
		topic, err := w.tg.AddTopic(w.sara, w.group, "second")
		if err != nil {
			t.Fatal(err)
		}
		for n, step := range []struct {
			command string
			shown   [2]int // where SMS to the two lines are shown then
		}{
			{"/inbox off", [2]int{0, 0}},
			{"/inbox on 30005678", [2]int{0, topic}},
			{"/inbox off", [2]int{0, 0}},
			{"/inbox on", [2]int{topic, topic}},
		} {
			w.commands(w.sara, topic, step.command)
			w.settles(w.group)
			for i, line := range []string{"30001234", "30005678"} {
				text := fmt.Sprintf("message %d to line %d", n, i)
				w.panel.Receive("09121111111", line, text)
				if m := w.sees(w.group, text); m.Topic != step.shown[i] {
					t.Errorf("after %q the line %s is shown in topic %d, want %d", step.command, line, m.Topic, step.shown[i])
				}
			}
		}
	})
}

// TestReplyToWhatAnotherStoreShowed: the file is lost and a new one begun, so that the short ids in old messages name other SMS, or none.
func TestReplyToWhatAnotherStoreShowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		old := w.shows("09121111111", "where is my order?")
		if err := w.end(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(w.path); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.shows("09122222222", "my password is 1234")
		checkTold(t, w.answers(w.group, func() {
			w.says(telegram.Post{Chat: w.group, From: w.ali, Text: "on its way", ReplyTo: old.ID})
		}), "nothing was sent")
		// Several at once, of which none is known.
		head, block := "📩 09121111111 → 30001234 · 12:00 · #s5", "hello"
		text := "2 SMS.\n" + head + "1\n" + block + "\n" + head + "2\n" + block
		at := func(s string) int { return len(utf16.Encode([]rune(s))) }
		checkTold(t, w.answers(w.group, func() {
			w.gives(fmt.Sprintf(`{"message":{"message_id":9001,"date":1,"chat":{"id":%[1]d,"type":"supergroup"},"from":{"id":%[2]d,"first_name":"Ali"},"text":"on its way",
			"reply_to_message":{"message_id":9000,"date":1,"chat":{"id":%[1]d,"type":"supergroup"},"from":{"id":%[3]d,"is_bot":true},"text":%[4]q,
			"entities":[{"type":"blockquote","offset":%[5]d,"length":5},{"type":"blockquote","offset":%[6]d,"length":5}]}}}`,
				w.group, w.ali, w.tg.Bot().ID, text, at("2 SMS.\n"+head+"1\n"), at(text)-5))
		}), "nothing was sent")
		if n := w.orders(w.group); n != 0 {
			t.Errorf("%d replies went to customers they were not for", n)
		}
	})
}

// TestWhatAStrangerSaidStaysAStrangers has Telegram give again what somebody wrote and pressed before they were allowed to.
func TestWhatAStrangerSaidStaysAStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, telegram.Options{}, panel.Options{})
		w.start()
		w.agentSays("/send 09121111111,09122222222 to both")
		asked := w.sees(w.group, "Send this?")
		w.says(telegram.Post{Chat: w.group, From: w.omid, Text: "/send 09123333333 of a stranger"})
		w.presses(w.omid, asked, "Send")
		w.settles(w.group)
		strangers := w.tg.Updates()
		w.says(telegram.Post{Chat: w.sara, From: w.sara, Text: fmt.Sprint("/allow ", w.omid)})
		w.sees(w.sara, "may now use the bot")
		for _, u := range strangers {
			if strings.Contains(u.JSON, "of a stranger") || u.Kind == "callback_query" {
				if err := w.tg.Redeliver(u.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.settles(w.group)
		if n := w.orders(w.group); n != 1 || w.panel.SentCount() != 0 {
			t.Errorf("%d orders, %d SMS sent by what a stranger said", n, w.panel.SentCount())
		}
		w.says(telegram.Post{Chat: w.group, From: w.omid, Text: "/send 09123333333 of an agent"})
		if sent := w.sent(1)[0]; sent.Text != "of an agent" {
			t.Errorf("sent %+v", sent)
		}
	})
}
