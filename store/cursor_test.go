package store

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"peyk/sms"
)

// TestWhereACursorGoesBackTo moves a cursor once a minute: what was read in the last quarter of an hour, and a little more, is read again.
func TestWhereACursorGoesBackTo(t *testing.T) {
	begun := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	var c Cursor
	if _, may := c.Back(begun); may {
		t.Error("nothing was read yet")
	}
	for minute := range 120 {
		now := begun.Add(time.Duration(minute) * time.Minute)
		c = c.moved(sms.ID(fmt.Sprint(minute)), now)
		back, may := c.Back(now)
		at := -1
		fmt.Sscan(string(back), &at)
		if ago := minute - at; !may || ago > 25 || minute > 16 && ago < 15 {
			t.Errorf("after %d minutes: back to %q, %t", minute, back, may)
		}
		if len(c.Marks) > 6 {
			t.Errorf("%d marks", len(c.Marks))
		}
	}
	end := begun.Add(119 * time.Minute)
	if c.Settled(end.Add(20*time.Minute)) || !c.Settled(end.Add(30*time.Minute)) {
		t.Error("it is settled too early, or never")
	}
	if same := c.moved("119", end.Add(time.Hour)); !reflect.DeepEqual(same, c) {
		t.Errorf("it did not move: %+v", same)
	}
	if _, may := c.Back(end.Add(4 * aDay)); may {
		t.Error("what is that old is told apart no more")
	}
}

// TestACursorIsStoredWithItsSMS reads a round in two parts, and opens the file again after each.
func TestACursorIsStoredWithItsSMS(t *testing.T) {
	s := open(t, tempFile(t), newClock().inbox(group))
	message := func(id string) sms.Message {
		return sms.Message{Conversation: sms.Conversation{Line: "30001234", Customer: "09121111111"}, Text: "yes", InboxID: sms.ID(id), Time: time.Unix(1790000000, 0), Received: time.Now()}
	}
	c, err := s.Cursor("ours")
	if err != nil || !reflect.DeepEqual(c, Cursor{Account: "ours"}) {
		t.Fatalf("got %+v, %v", c, err)
	}
	if n, err := s.SaveRead([]sms.Message{message("1"), message("2"), message("2")}, &c, "", false); n != 2 || err != nil { // 2 came twice, as pages shifted
		t.Errorf("%d are new, %v", n, err)
	}
	if c, err := s.Cursor("ours"); err != nil || c.After != "" {
		t.Errorf("in the midst of a round: got %+v, %v", c, err)
	}
	if n, err := s.SaveRead([]sms.Message{message("2"), message("3")}, &c, "3", true); n != 1 || err != nil || c.After != "3" {
		t.Errorf("%d are new, %v; %+v", n, err, c)
	}
	if got, err := s.Cursor("ours"); err != nil || got.After != "3" || len(got.Marks) != 1 {
		t.Errorf("after the round: got %+v, %v", got, err)
	}
	if got, err := s.Cursor("theirs"); err != nil || got.After != "" {
		t.Errorf("of another account: got %+v, %v", got, err)
	}
}
