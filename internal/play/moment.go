package play

import "math/rand/v2"

// Moment is the N-th time that a call of a method reaches a stage.
type Moment struct {
	Network, Method, Stage string
	N                      int
}

// moments are those at which networks kill the bridge, more of them where a flow has its steps.
var moments = []struct {
	network, method string
	stages          []string
	n               int // at most this many of them pass
}{
	{"panel", "GetMsg", []string{"arrived", "carried_out", "half_answered", "answered"}, 12},
	{"panel", "SendSMS", []string{"arrived", "carried_out", "half_answered", "answered"}, 3},
	{"panel", "SendMultipleSMS", []string{"arrived", "carried_out", "half_answered", "answered"}, 2},
	{"panel", "GetStatus", []string{"arrived", "carried_out", "half_answered", "answered"}, 2},
	{"panel", "GetCredit", []string{"arrived", "answered"}, 1},
	{"telegram", "sendMessage", []string{"before", "after"}, 6},
	{"telegram", "editMessageText", []string{"before", "after"}, 4},
	{"telegram", "createForumTopic", []string{"before", "after"}, 3},
	{"telegram", "setMessageReaction", []string{"before", "after"}, 6},
	{"telegram", "getUpdates", []string{"before", "after"}, 6},
	{"telegram", "answerCallbackQuery", []string{"before", "after"}, 2},
	{"telegram", "getMe", []string{"before", "after"}, 1},
	{"telegram", "setMyCommands", []string{"before", "after"}, 2},
}

// AMoment returns one of those, or of a method that only this kind of panel has.
func (k Kind) AMoment(r *rand.Rand) Moment {
	n := r.IntN(len(moments) + 2*len(k.methods))
	if n >= len(moments) {
		return Moment{"panel", k.methods[(n-len(moments))/2], []string{"arrived", "carried_out", "half_answered", "answered"}[r.IntN(4)], 1 + r.IntN(2)}
	}
	m := moments[n]
	return Moment{m.network, m.method, m.stages[r.IntN(len(m.stages))], 1 + r.IntN(m.n)}
}
