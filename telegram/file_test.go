package telegram

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	sandbox "peyk/sandbox/telegram"
	"peyk/sms"
)

// room is a client whose bot is in a team's group, and in a forum where it may make topics.
func room(t *testing.T) (c *Client, server *sandbox.Server, team sandbox.Team, forum sms.ChatID) {
	t.Helper()
	server = sandbox.New(sandbox.Options{})
	web := httptest.NewServer(server)
	t.Cleanup(func() { server.Close(); web.Close() })
	team = server.AddTeam()
	forum = sms.ChatID(server.AddForum("Desk", team.Sara, server.Bot().ID))
	if err := server.SetBotRights(int64(forum), sandbox.Rights{Admin: true, ManageTopics: true}); err != nil {
		t.Fatal(err)
	}
	return New(Options{Token: server.Token(), URL: web.URL}), server, team, forum
}

func picture(t *testing.T, width, height int) *File {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White, color.Black})); err != nil {
		t.Fatal(err)
	}
	return &File{Name: "stats.png", Data: bytes.NewReader(b.Bytes()), Size: int64(b.Len()), Photo: true}
}

func TestFilesAreSent(t *testing.T) {
	c, server, team, forum := room(t)
	topic, err := c.MakeTopic(context.Background(), forum, "a customer", "")
	if err != nil {
		t.Fatal(err)
	}
	said, err := server.Say(sandbox.Post{Chat: int64(forum), Topic: int(topic), From: team.Sara, Text: "/stats"})
	if err != nil {
		t.Fatal(err)
	}
	photo := picture(t, 80, 60)
	big := &File{Name: `گزارش "1".xlsx`, Data: bytes.NewReader(make([]byte, 1<<20)), Size: 1 << 20}
	for _, f := range []*File{photo, big} {
		id, err := c.Post(context.Background(), Outgoing{Chat: forum, Topic: topic, ReplyTo: sms.ChatMessageID(said), HTML: "<b>90</b> days", Plain: "90 days", File: f})
		if err != nil {
			t.Fatal(err)
		}
		m, _ := server.Message(int64(forum), int(id))
		if m.Text != "90 days" || m.ParseMode != "HTML" || m.Topic != int(topic) || m.ReplyTo != said || m.Document == nil || m.Document.Photo != f.Photo || len(m.Document.Data) != int(f.Size) || !m.Silent {
			t.Errorf("%s: posted %+v", f.Name, m)
		}
		if !f.Photo && m.Document.Name != f.Name {
			t.Errorf("its name is %q, want %q", m.Document.Name, f.Name)
		}
	}
}

// Whatever keeps a photo from being shown, the words beneath it are.
func TestAPhotoThatIsRefusedLeavesItsWords(t *testing.T) {
	c, server, team, _ := room(t)
	post := func(o Outgoing) sandbox.Message {
		t.Helper()
		o.Chat = sms.ChatID(team.Group)
		id, err := c.Post(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := server.Message(team.Group, int(id))
		return m
	}
	if m := post(Outgoing{HTML: "<b>12</b>", File: picture(t, 9524, 477)}); m.Document != nil || m.Text != "12" {
		t.Errorf("too large: posted %+v", m)
	}
	if m := post(Outgoing{HTML: strings.Repeat("x", CaptionUnits+1), File: picture(t, 2, 2)}); m.Document != nil || len(m.Text) != CaptionUnits+1 {
		t.Errorf("with too many words: posted %+v", m)
	}
	if m := post(Outgoing{HTML: "<b>12", Plain: "12", File: picture(t, 2, 2)}); m.Document == nil || m.Text != "12" {
		t.Errorf("with broken markup: posted %+v", m)
	}
}

func TestAChatWithoutTheRightToSendFilesIsNotLost(t *testing.T) {
	c, server, team, _ := room(t)
	document := &File{Name: "x.txt", Data: strings.NewReader("x"), Size: 1}
	if err := server.OnlyAdminsSendFiles(team.Group, true); err != nil {
		t.Fatal(err)
	}
	o := Outgoing{Chat: sms.ChatID(team.Group), HTML: "12", File: document}
	if _, err := c.Post(context.Background(), o); FateOf(err) != Refused {
		t.Errorf("a document: %v", err)
	}
	o.File = picture(t, 2, 2)
	id, err := c.Post(context.Background(), o)
	if m, _ := server.Message(team.Group, int(id)); err != nil || m.Text != "12" || m.Document != nil {
		t.Errorf("a photo: posted %+v, %v", m, err)
	}
	if err := server.OnlyAdminsWrite(team.Group, true); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Post(context.Background(), o); FateOf(err) != ChatLost {
		t.Errorf("where nothing may be written: %v", err)
	}
}

func TestAFileWhoseFateIsUnknownIsNotSentAgain(t *testing.T) {
	var calls atomic.Int32
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(web.Close)
	c := New(Options{Token: "1:secret", URL: web.URL})
	_, err := c.Post(context.Background(), Outgoing{Chat: 1, HTML: "x", File: &File{Name: "x", Data: strings.NewReader("x"), Size: 1}})
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Fate != Passing || !e.Arrived || strings.Contains(e.Error(), "secret") {
		t.Errorf("got %+v", err)
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
}

func TestTheTokenIsInNoErrorOfAFile(t *testing.T) {
	for _, address := range []string{"http://127.0.0.1:1", "http://[::1", "http://a b", "ftp://x"} {
		c := New(Options{Token: "1:secret", URL: address})
		_, err := c.Post(context.Background(), Outgoing{Chat: 1, HTML: "x", File: &File{Name: "x", Data: strings.NewReader("x"), Size: 1}})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
