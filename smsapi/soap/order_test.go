package soap

import (
	"testing"

	"peyk/smsapi"
)

func TestAnswerOfOneSecondIsReadInThePanelsOrder(t *testing.T) {
	body := []byte(answered("0", msg("a", "third", 10)+msg("a", "second", 10)+msg("a", "first", 10)))
	for known, want := range map[smsapi.InboxOrder]string{0: "third", -3: "third", 1: "first", 8: "first"} {
		messages, order, err := (*Client)(nil).Decode(smsapi.Answer{Body: body}, known)
		if err != nil || len(messages) != 3 || messages[0].Text != want || order != known {
			t.Errorf("%d: got %v, %d, %v, want %s first", known, messages, order, err, want)
		}
	}
}
