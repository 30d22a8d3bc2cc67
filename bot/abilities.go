package bot

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"peyk/telegram"
)

// ability is something that a Telegram server may be too old for. api.telegram.org is always new; a server of one's own is as old as whoever set it up
// left it, and none tells its version. What an older server only ignores, as it does with the colours of buttons, is no ability: nothing depends on it.
type ability string

const (
	reactions ability = "reactions" // to set them, and to be told of people's: Bot API 7.0
	topics    ability = "topics"    // to make them, and their icons: 6.3
	quotes    ability = "quotes"    // block quotes: 7.0
	copying   ability = "copying"   // buttons that copy: 7.11
)

// probes are methods that cannot do anything when nothing is said with them. The other abilities show only in messages.
var probes = map[ability]string{reactions: "setMessageReaction", topics: "createForumTopic"}

// lackingFor is how long an ability counts as lacking. After that it is tried again: the server may be another one, or have been mistaken.
const lackingFor = time.Hour

// abilities is what the server at hand can. Whatever has a new way and an old one asks here which to go. The zero value has them all, as most servers
// do; a restart may forget what was found.
type abilities struct {
	log *slog.Logger

	mu      sync.Mutex
	lacking map[ability]time.Time // since when
}

func (a *abilities) has(one ability) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	since, lacking := a.lacking[one]
	return !lacking || time.Since(since) >= lackingFor
}

// lacks notes that the server has just said, in whatever words, that it does not know of an ability.
func (a *abilities) lacks(one ability) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.lacking[one]; !known {
		a.log.Info("this telegram server is too old", "for", string(one))
	}
	if a.lacking == nil {
		a.lacking = map[ability]time.Time{}
	}
	a.lacking[one] = time.Now()
}

// probe asks the server what it can. If that fails, the first use will tell.
func (a *abilities) probe(ctx context.Context, tg *telegram.Client) {
	for one, method := range probes {
		switch has, err := tg.Has(ctx, method); {
		case err != nil:
			a.log.Debug("ask what telegram can", "err", err)
		case !has:
			a.lacks(one)
		}
	}
}

// learnFrom learns from the refusal of a message what the server lacks, and reports whether the message is to be posted again, as suited has it.
func (a *abilities) learnFrom(err error) bool {
	one := map[telegram.Fate]ability{telegram.LackingTag: quotes, telegram.LackingButton: copying}[telegram.FateOf(err)]
	if one == "" || !a.has(one) {
		return false
	}
	a.lacks(one)
	return true
}

// suited returns a message as the server can take it.
func (a *abilities) suited(o telegram.Outgoing) telegram.Outgoing {
	if !a.has(quotes) {
		o.HTML = telegram.InItalics(o.HTML)
	}
	if !a.has(copying) {
		o.Buttons = withoutCopying(o.Buttons)
	}
	return o
}

// withoutCopying returns rows of buttons without those that copy.
func withoutCopying(rows [][]telegram.Button) (rest [][]telegram.Button) {
	for _, row := range rows {
		row = slices.DeleteFunc(slices.Clone(row), func(b telegram.Button) bool { return b.Copy != "" })
		if len(row) > 0 {
			rest = append(rest, row)
		}
	}
	return rest
}
