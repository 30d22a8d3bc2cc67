package telegram

import (
	"context"
	"errors"
	"testing"
)

func TestWaitMessageSeesWhatIsThereAndWhatComes(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	id := say(t, s, Post{Chat: team, From: owner.ID, Text: "there"})
	ctx := deadline(t)
	for _, chat := range []int64{team, 0} {
		if m, err := s.WaitMessage(ctx, chat, func(m Message) bool { return m.Text == "there" }); err != nil || m.ID != id {
			t.Errorf("got %+v, %v", m, err)
		}
	}
	found := make(chan Message)
	shown := make(chan struct{}, 100)
	go func() {
		m, err := s.WaitMessage(ctx, team, func(m Message) bool { shown <- struct{}{}; return m.Edits == 1 })
		if err != nil {
			t.Error(err)
		}
		found <- m
	}()
	<-shown // it watches by now
	m := b.send(params{"chat_id": team, "text": "one"})
	b.send(params{"chat_id": owner.ID, "text": "elsewhere"})
	b.must(nil, "editMessageText", params{"chat_id": team, "message_id": m.ID, "text": "two"})
	if got := <-found; got.ID != m.ID || got.Text != "two" {
		t.Errorf("got %+v", got)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.WaitMessage(ended, team, func(Message) bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWatchLosesNothingAndEnds(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	ctx, cancel := context.WithCancel(deadline(t))
	events, ending := s.Watch(ctx), s.Watch(deadline(t))
	for range 500 {
		say(t, s, Post{Chat: team, From: owner.ID, Text: "x"})
	}
	b.send(params{"chat_id": team, "text": "last"})
	seq := int64(0)
	for i := range 501 {
		e := <-events
		if seq != 0 && e.Seq != seq+1 {
			t.Fatalf("event %d: got number %d after %d", i, e.Seq, seq)
		}
		seq = e.Seq
		if i == 500 && (e.Kind != Posted || e.By != s.Bot().ID || e.Message.Text != "last") {
			t.Errorf("got %+v", e)
		}
	}
	cancel()
	for range events { // ends
	}
	s.Close()
	for range ending {
	}
}

func TestASnapshotStaysAsItWas(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	id := say(t, s, Post{Chat: team, From: owner.ID, Text: "one"})
	check(t, s.React(owner.ID, team, id, "👍"))
	check(t, s.Edit(owner.ID, team, id, "two"))
	before, _ := s.Message(team, id)
	check(t, s.Edit(owner.ID, team, id, "three"))
	check(t, s.React(owner.ID, team, id))
	b.must(nil, "setMessageReaction", params{"chat_id": team, "message_id": id, "reaction": `[{"type":"emoji","emoji":"👌"}]`})
	if before.Text != "two" || len(before.History) != 1 || len(before.Reactions) != 1 || before.Reactions[0].Emoji != "👍" {
		t.Errorf("got %+v", before)
	}
}

func TestWaitCallSeesTheNextOne(t *testing.T) {
	s, b, _, team := room(t, Options{})
	seen := make(chan Call)
	ctx := deadline(t)
	go func() {
		c, err := s.WaitCall(ctx, func(c Call) bool { return c.Method == "sendMessage" && c.Code == 200 })
		if err != nil {
			t.Error(err)
		}
		seen <- c
	}()
	for { // until the waiter listens, a call goes unseen
		b.send(params{"chat_id": team, "text": "x"})
		select {
		case c := <-seen:
			if c.Chat != team || c.At.IsZero() {
				t.Errorf("got %+v", c)
			}
			return
		default:
		}
	}
}
