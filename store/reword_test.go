package store

import (
	"errors"
	"testing"
)

// TestAQuestionOfAnotherText: it is what is sent, each button belongs to the text it stood under, and the order is still known by its own words.
func TestAQuestionOfAnotherText(t *testing.T) {
	c := newClock()
	s := open(t, tempFile(t), c.inbox(group))
	o := asking(ali)
	o.Parts = 2
	b := ok(s.Batch(take(t, s, o)))
	first := b.Generation
	b = ok(s.Reword(b.ID, first, "short", 1))
	if b.Text != "short" || b.Written != o.Text || b.cost() != 1 || b.State != Asking {
		t.Errorf("it is %+v", b)
	}
	if _, err := s.Decide(b.ID, first, Send, "Ali"); !errors.Is(err, ErrDecided) {
		t.Errorf("a button of the question before: %v", err)
	}
	if again := ok(s.Batch(take(t, s, o))); !again.Duplicate {
		t.Error("the same order is not recognised")
	}
	if back := ok(s.Reword(b.ID, b.Generation, o.Text, 2)); back.Written != "" || back.Text != o.Text || back.cost() != 2 {
		t.Errorf("taken back it is %+v", back)
	}
	b = ok(s.Reword(b.ID, b.Generation+1, "short", 1))
	ok(s.Decide(b.ID, b.Generation, Send, "Ali"))
	if _, err := s.Reword(b.ID, b.Generation+1, "other", 1); !errors.Is(err, ErrDecided) {
		t.Errorf("after [Send]: %v", err)
	}
	claim(t, s)
	late := ok(s.Batch(take(t, s, asking(sara))))
	c.pass(askFor)
	if _, err := s.Reword(late.ID, late.Generation, "short", 1); !errors.Is(err, ErrExpired) {
		t.Errorf("too late: %v", err)
	}
	must(t, s.Check())
}
