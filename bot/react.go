package bot

import (
	"fmt"
	"hash/fnv"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// deeds are the reactions of agents that do something about the customer of a shown SMS. /done, /take and /snooze tomorrow do the same.
var deeds = map[string]store.Deed{"👌": store.DeedDone, "✍": store.DeedTake, "😴": store.DeedSnooze}

// takeReaction does what an agent's reaction to a shown SMS asks for, and undoes it when they take it back. Nothing is said of it: the reaction itself
// stands there. In groups we are told of reactions only as an administrator.
func (b *Bot) takeReaction(u *telegram.Reaction) error {
	does := func(emoji []string) (found []store.Deed) {
		for _, e := range emoji {
			if d, is := deeds[e]; is {
				found = append(found, d)
			}
		}
		return found
	}
	done, undone := does(u.Added), does(u.Removed)
	if len(done)+len(undone) == 0 || u.From.ID == 0 || u.From.Bot {
		return nil
	}
	r, err := b.roleOf(u.From.ID)
	if err != nil || r < agent {
		return err
	}
	work, err := b.store.Hours()
	if err != nil {
		return err
	}
	when, _ := text.ReadWhen("tomorrow", b.now(), work.Opens)
	_, err = b.store.Take(b.reactionKey(u), store.Caused{React: &store.React{
		Message: u.Message, By: u.From.ID, Name: text.Short(u.From.Name, text.NameRunes), Undone: undone, Done: done, Until: when.At,
	}})
	return err
}

// reactionKey names an update about reactions. They may change to and fro within a second, so it takes the update's own number, too, which Telegram
// starts again only after a week.
func (b *Bot) reactionKey(u *telegram.Reaction) store.UpdateKey {
	h := fnv.New64a()
	fmt.Fprint(h, b.taking, u.Message, u.From.ID, u.Date, u.Added, u.Removed)
	return store.UpdateKey{Chat: u.Chat, Message: sms.ChatMessageID(h.Sum64()), Kind: store.Reacted}
}
