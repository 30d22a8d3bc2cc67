package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// hitsShown is how many SMS a list of what was found has.
const hitsShown = 10

// find looks for SMS that hold all of some words. It reads in the background, so that no flow waits.
func (b *Bot) find(ctx context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	query := text.Query(m.Args)
	if len(soughtWords(query)) == 0 {
		return b.respond(m, t.FindUsage)
	}
	if _, err := b.store.Take(updateKey(m), store.Caused{}); err != nil {
		return err
	}
	b.search(ctx, m.From.ID, response(m, ""), query, store.FindFrom{}, b.store.AddPost)
	return nil
}

// soughtWords returns the words of a query, folded. Those that a half-space joins count as two, as they may stand apart in an SMS; a whole number counts as
// we write it.
func soughtWords(query string) (words []string) {
	for _, word := range strings.FieldsFunc(query, func(r rune) bool { return r == ' ' || r == '\u200c' }) {
		if n, err := sms.ParseRecipient(word); err == nil {
			word = string(n)
		}
		if word = sms.Fold(word); word != "" && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

// search has answer store p with what is found, unless the same agent asks something else meanwhile.
func (b *Bot) search(ctx context.Context, agent sms.AgentID, p store.Post, query string, from store.FindFrom, answer func(store.Post) error) {
	of := question{sms.ChatID(agent), "find"}
	b.readStore(ctx, of, func(ctx context.Context) (store.Post, error) { return b.found(ctx, p, query, from) }, answer)
}

// found returns p with what is found for a query.
func (b *Bot) found(ctx context.Context, p store.Post, query string, from store.FindFrom) (store.Post, error) {
	t := b.language(p.Chat)
	s := store.Search{Words: soughtWords(query), From: from, Limit: hitsShown}
	if p.Chat < 0 { // a group finds what its members have seen
		s.Chat = p.Chat
	}
	found, customers, next, done, err := b.store.Find(ctx, s)
	if err != nil {
		return p, err
	}
	if len(found) == 0 && len(customers) == 0 {
		p.Text = t.Say(t.FindNone, text.Reason(query))
		if from != (store.FindFrom{}) {
			p.Text = t.Say(t.FindNoMore, text.Reason(query))
		}
		return p, nil
	}
	hits := make([]text.Hit, len(found))
	for i, f := range found {
		told, err := b.told(t, f.SMS)
		if err != nil {
			return p, err
		}
		c, err := b.store.Customer(f.Customer)
		if err != nil {
			return p, err
		}
		hits[i] = text.Hit{Told: told, Name: c.Name, Link: telegram.MessageLink(f.At.Place, f.At.ID)}
	}
	p.Text = text.Hits(t, query, customers, hits, b.now())
	if !done {
		p.Buttons = []store.Button{{Label: t.FindMore, Data: findData(next)}}
	}
	return p, nil
}

// findData is the data of [More]: where the search goes on. What is sought, the list says.
func findData(from store.FindFrom) string {
	return fmt.Sprintf("find:%s:%s:%d", strconv.FormatInt(int64(from.Chat), 36), strconv.FormatUint(from.Row, 36), from.Within)
}

func readFind(data string) (from store.FindFrom, ok bool) {
	parts := strings.Split(data, ":")
	if len(parts) != 4 || parts[0] != "find" {
		return from, false
	}
	chat, chatErr := strconv.ParseInt(parts[1], 36, 64)
	row, rowErr := strconv.ParseUint(parts[2], 36, 64)
	within, withinErr := strconv.ParseUint(parts[3], 10, 16)
	return store.FindFrom{Chat: sms.ChatID(chat), Row: row, Within: int(within)}, errors.Join(chatErr, rowErr, withinErr) == nil
}

// findPressed goes on with a search, once for each list: the next one has a button of its own.
func (b *Bot) findPressed(ctx context.Context, p *telegram.Press, t *text.Language, from store.FindFrom) (word string, alert bool, err error) {
	m := p.Message
	query, ok := text.QueryOf(m)
	if !ok || p.Gone || len(soughtWords(query)) == 0 {
		return t.PressOld, true, nil
	}
	same := from.Chat == 0 && m.Chat > 0
	if from.Chat != 0 && m.Chat < 0 {
		if same, err = b.sameChat(from.Chat, m.Chat); err != nil {
			return "", false, err
		}
	}
	key := store.UpdateKey{Chat: m.Chat, Message: m.ID, Kind: store.Written}
	taken, err := b.store.Taken(key)
	if err != nil || taken || !same {
		return t.PressOld, true, err
	}
	b.search(ctx, p.From.ID, response(m, ""), query, from, func(next store.Post) error {
		_, err := b.store.Take(key, store.Caused{Posts: []store.Post{next}})
		return err
	})
	return "", false, nil
}
