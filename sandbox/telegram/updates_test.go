package telegram

import (
	"context"
	"fmt"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// private is a server with one person who can write to the bot.
func private(t testing.TB) (*Server, *bot, int64) {
	t.Helper()
	s, b := start(t, Options{})
	u := s.AddUser(User{})
	return s, b, u.ID
}

func TestUpdatesStayUntilALaterOffset(t *testing.T) {
	s, b, user := private(t)
	for i := range 5 {
		say(t, s, Post{Chat: user, From: user, Text: fmt.Sprint(i)})
	}
	fetch := func(p params) (texts []string, last int64) {
		t.Helper()
		var batch []got
		b.must(&batch, "getUpdates", p)
		for _, u := range batch {
			texts = append(texts, u.Message.Text)
			last = u.ID
		}
		return texts, last
	}
	expect := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	texts, last := fetch(params{"limit": 2})
	expect("limit", texts, "0", "1")
	texts, _ = fetch(params{"offset": last})
	expect("offset at the last one", texts, "1", "2", "3", "4")
	texts, _ = fetch(params{"offset": last})
	expect("the same offset at once", texts, "1")
	texts, _ = fetch(params{"offset": -2})
	expect("negative offset", texts, "3", "4")
	texts, last = fetch(params{"offset": 0})
	expect("offset 0 confirms nothing", texts, "3", "4")
	texts, _ = fetch(params{"offset": last + 1})
	expect("all confirmed", texts)
	check(t, s.WaitConfirmed(deadline(t)))
}

func TestALongPollWakesAtOnce(t *testing.T) {
	s, b, user := private(t)
	polled := make(chan answer)
	polling := make(chan struct{})
	s.OnCall(func(stage Stage, method string, chat int64) {
		if stage == BeforeHandling {
			close(polling)
		}
	})
	go func() {
		a, err := b.try(deadline(t), "getUpdates", params{"timeout": 50}) // longer than we wait
		if err != nil {
			t.Error(err)
		}
		polled <- a
	}()
	<-polling
	s.OnCall(nil)
	say(t, s, Post{Chat: user, From: user, Text: "x"})
	if a := <-polled; !a.OK || len(a.Result) < 10 {
		t.Errorf("got %+v", a)
	}
}

// poll starts a long poll and returns once the server is in it.
func (b *bot) poll(p params) <-chan error {
	b.t.Helper()
	b.s.mu.Lock()
	before := b.s.updates.poll
	b.s.mu.Unlock()
	done := make(chan error, 1)
	ctx := deadline(b.t)
	go func() {
		a, err := b.try(ctx, "getUpdates", p)
		if err == nil && !a.OK {
			err = fmt.Errorf("%d %s", a.Code, a.Description)
		}
		done <- err
	}()
	for ; ctx.Err() == nil; runtime.Gosched() {
		b.s.mu.Lock()
		now := b.s.updates.poll
		b.s.mu.Unlock()
		if now != nil && now != before {
			return done
		}
	}
	b.t.Fatal("no poll began")
	return nil
}

func TestASecondPollEndsTheFirst(t *testing.T) {
	s, b, user := private(t)
	first := b.poll(params{"timeout": 50})
	second := b.poll(params{"timeout": 50})
	want := "409 Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
	if err := <-first; err == nil || err.Error() != want {
		t.Errorf("first: got %v, want %s", err, want)
	}
	say(t, s, Post{Chat: user, From: user, Text: "x"})
	if err := <-second; err != nil {
		t.Errorf("second: got %v", err)
	}
}

func TestAWebhookRefusesPolls(t *testing.T) {
	_, b, _ := private(t)
	first := b.poll(params{"timeout": 50})
	b.must(nil, "setWebhook", params{"url": "https://example.com/hook"})
	if err := <-first; err == nil || err.Error() != "409 Conflict: terminated by setWebhook request" {
		t.Errorf("got %v", err)
	}
	b.refused("Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first", "getUpdates", nil)
	var info struct{ URL string }
	b.must(&info, "getWebhookInfo", nil)
	if info.URL != "https://example.com/hook" {
		t.Errorf("got %+v", info)
	}
	b.must(nil, "deleteWebhook", nil)
	b.must(nil, "getUpdates", nil)
}

func TestAPollEndsWhenTheServerGoesDownOrCloses(t *testing.T) {
	s, b, user := private(t)
	polled := b.poll(params{"timeout": 50})
	s.SetDown(true)
	if err := <-polled; err == nil {
		t.Error("a poll survived SetDown")
	}
	if _, err := b.try(deadline(t), "getMe", nil); err == nil {
		t.Error("a call was answered while down")
	}
	if _, err := b.try(deadline(t), "sendMessage", params{"chat_id": user, "text": "x"}); err == nil {
		t.Error("a call was answered while down")
	}
	if calls := s.Calls(); len(calls) < 2 || calls[len(calls)-1].Chat != user || calls[len(calls)-1].Code != 0 || calls[len(calls)-1].Fault != CloseBefore {
		t.Errorf("of the calls while down: got %+v", calls)
	}
	s.SetDown(false)
	polled = b.poll(params{"timeout": 50})
	s.Close()
	if err := <-polled; err == nil {
		t.Error("a poll survived Close")
	}
}

func TestOnlyWantedKindsComeAndTheListIsKept(t *testing.T) {
	s, b, user := private(t)
	id := say(t, s, Post{Chat: user, From: user, Text: "x"})
	check(t, s.React(user, user, id, "👍"))
	if u := b.updates(); len(u) != 1 || u[0].Message == nil {
		t.Errorf("by default: got %+v", u)
	}
	b.must(nil, "getUpdates", params{"allowed_updates": []string{"message_reaction"}})
	b.must(nil, "getUpdates", params{"allowed_updates": "null"})
	say(t, s, Post{Chat: user, From: user, Text: "y"})
	check(t, s.React(user, user, id))
	if u := b.updates(); len(u) != 1 || u[0].Reaction == nil {
		t.Errorf("named: got %+v", u)
	}
	b.must(nil, "getUpdates", params{"allowed_updates": "[]"})
	say(t, s, Post{Chat: user, From: user, Text: "z"})
	if texts := b.texts(); !slices.Equal(texts, []string{"z"}) {
		t.Errorf("an empty list is the default: got %v", texts)
	}
}

func TestAConfirmedUpdateCanComeAgain(t *testing.T) {
	s, b, user := private(t)
	say(t, s, Post{Chat: user, From: user, Text: "old"})
	say(t, s, Post{Chat: user, From: user, Text: "older"})
	again := b.updates()[0].ID
	say(t, s, Post{Chat: user, From: user, Text: "new"})
	check(t, s.Redeliver(again))
	if err := s.Redeliver(again); err == nil {
		t.Error("redelivered while it waits")
	}
	var batch []got
	b.must(&batch, "getUpdates", params{"offset": again + 1})
	if len(batch) != 2 || batch[0].ID != again || batch[0].Message.Text != "old" || batch[1].Message.Text != "new" {
		t.Fatalf("got %+v", batch)
	}
	b.must(&batch, "getUpdates", params{"offset": batch[1].ID + 1})
	if len(batch) != 0 {
		t.Errorf("got %+v", batch)
	}
	for _, u := range s.Updates() {
		if !u.Confirmed || u.Kind != "message" {
			t.Errorf("got %+v", u)
		}
	}
}

func TestIDsMayBeginAnewLower(t *testing.T) {
	s, b, user := private(t)
	say(t, s, Post{Chat: user, From: user, Text: "old"})
	if err := s.SetNextUpdateID(5); err == nil {
		t.Error("ids began anew under a waiting update")
	}
	offset := b.updates()[0].ID + 1
	check(t, s.SetNextUpdateID(5))
	say(t, s, Post{Chat: user, From: user, Text: "new"})
	var batch []got
	b.must(&batch, "getUpdates", params{"offset": offset})
	if len(batch) != 1 || batch[0].ID != 5 {
		t.Fatalf("got %+v", batch)
	}
	b.must(&batch, "getUpdates", params{"offset": 6})
	if len(batch) != 0 {
		t.Errorf("got %+v", batch)
	}
}

func TestARawUpdateComesAsItIs(t *testing.T) {
	s, b, _ := private(t)
	id, err := s.RawUpdate(` {"new_kind": {"x": [1]}} `)
	check(t, err)
	a := b.call("getUpdates", nil)
	if want := fmt.Sprintf(`[{"update_id":%d,"new_kind":{"x":[1]}}]`, id); string(a.Result) != want {
		t.Errorf("got %s, want %s", a.Result, want)
	}
	for _, wrong := range []string{"[]", "x", `{"update_id":1}`} {
		if _, err := s.RawUpdate(wrong); err == nil {
			t.Errorf("%s was taken", wrong)
		}
	}
}

func TestWaitConfirmedEndsWithItsContext(t *testing.T) {
	s, _, user := private(t)
	say(t, s, Post{Chat: user, From: user, Text: "x"})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.WaitConfirmed(ctx); err == nil {
		t.Error("an update that waits was confirmed")
	}
}

func TestUpdatesAreKeptForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		defer s.Close()
		get := func() string {
			answer := httptest.NewRecorder()
			s.ServeHTTP(answer, httptest.NewRequest("GET", "/bot"+s.Token()+"/getUpdates", nil))
			return answer.Body.String()
		}
		say := func(word string) {
			_, err := s.RawUpdate(fmt.Sprintf(`{"message":%q}`, word))
			check(t, err)
		}
		say("early")
		time.Sleep(time.Hour)
		say("late")
		time.Sleep(23*time.Hour - time.Second)
		if got := get(); !strings.Contains(got, "early") || !strings.Contains(got, "late") {
			t.Errorf("within a day the bot gets %s", got)
		}
		time.Sleep(2 * time.Second)
		if got := get(); strings.Contains(got, "early") || !strings.Contains(got, "late") {
			t.Errorf("after a day the bot gets %s", got)
		}
		all := s.Updates()
		if len(all) != 2 || !all[0].Lost || all[0].Confirmed || all[1].Lost || s.Redeliver(all[0].ID) == nil {
			t.Errorf("the updates are %+v", all)
		}
	})
}
