package relay

import (
	"testing"
	"time"

	"peyk/smsapi"
	"peyk/store"
)

func TestWhoCanTellOfALostAnswer(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	keyed := smsapi.Traits{Keyed: true, Account: "ours", KeyFor: 12 * time.Hour}
	lost := store.Piece{Account: "ours", Keys: []int64{7}, Lasted: now.Add(-time.Hour)}
	for name, tc := range map[string]struct {
		traits smsapi.Traits
		change func(*store.Piece)
		want   bool
	}{
		"the panel it was handed to":             {keyed, func(*store.Piece) {}, true},
		"after nearly as long as keys are known": {keyed, func(p *store.Piece) { p.Lasted = now.Add(-11*time.Hour - 49*time.Minute) }, true},
		"after that":                             {keyed, func(p *store.Piece) { p.Lasted = now.Add(-11*time.Hour - 51*time.Minute) }, false},
		"a clock that was ahead":                 {keyed, func(p *store.Piece) { p.Lasted = now.Add(24 * time.Hour) }, false},
		"another account":                        {keyed, func(p *store.Piece) { p.Account = "theirs" }, false},
		"a panel without keys":                   {smsapi.Traits{Account: "ours"}, func(*store.Piece) {}, false},
	} {
		p := lost
		tc.change(&p)
		if got := tells(tc.traits, p, now); got != tc.want {
			t.Errorf("%s: got %t, want %t", name, got, tc.want)
		}
	}
}
