package bot

import (
	"context"
	"sync"
	"time"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// The icon of a customer's topic shows in the list of topics how things stand. It never stands without words: /waiting says who waits, the messages in the
// topic what became of answers, and cards what each icon means. It is changed only where it differs, some seconds later, when nobody else needs the
// chat's turn: changes of icons have silenced whole bots (https://github.com/alexei-led/ccgram/issues/199). A topic is made with the first.

// iconEmoji are the emoji of each icon, of which Telegram offers the first or at least another, without U+FE0F.
var iconEmoji = map[store.Icon][]string{
	store.IconWaiting:  {"❗", "❓", "🔥"},
	store.IconFailed:   {"‼", "⁉", "💔"},
	store.IconAnswered: {"💬", "🗣", "📝"},
	store.IconDone:     {"✅", "🏁", "☕"},
}

// iconLegend says what the icons mean.
func iconLegend(t *text.Language) string {
	return t.Say(t.Icons, iconEmoji[store.IconWaiting][0], iconEmoji[store.IconFailed][0], iconEmoji[store.IconAnswered][0], iconEmoji[store.IconDone][0])
}

// iconsAskedAgain is how long Telegram is not asked again for icons after it gave none.
const iconsAskedAgain = time.Hour

// icons are those that Telegram offers. The zero value asks when one is first needed.
type icons struct {
	mu    sync.Mutex
	ids   map[string]string // by emoji
	asked time.Time
}

// id returns Telegram's id of an icon; "" if it offers none. The error is that it did not say.
func (i *icons) id(ctx context.Context, w *poster, icon store.Icon) (string, error) {
	if icon == store.NoIcon || !w.abilities.has(topics) {
		return "", nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if now := time.Now(); i.ids == nil && (i.asked.IsZero() || now.Sub(i.asked) >= iconsAskedAgain) {
		ids, err := w.tg.TopicIcons(ctx)
		if fate := telegram.FateOf(err); err != nil && (fate == telegram.Passing || fate == telegram.SlowDown) {
			return "", err
		}
		if i.asked = now; err != nil {
			w.log.Info("telegram offers no icons for topics", "err", err)
		}
		i.ids = ids
	}
	for _, emoji := range iconEmoji[icon] {
		if id := i.ids[emoji]; id != "" {
			return id, nil
		}
	}
	return "", nil
}

// refused notes that Telegram took none of the icons it offers.
func (i *icons) refused() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ids, i.asked = nil, time.Now()
}

// showIcon gives a topic the icon of how things stand with its customer by now.
func (w *poster) showIcon(ctx context.Context, p store.Post) error {
	icon, differs, err := w.store.IconOf(p)
	if err != nil {
		return err
	}
	id, err := w.icons.id(ctx, w, icon)
	if differs && err != nil {
		return err
	}
	if !differs || id == "" && icon != store.NoIcon {
		return w.store.Persist(ctx, "note a post", func() error { return w.store.PostNotNeeded(p) })
	}
	if err := w.store.Persist(ctx, "note an icon", func() error { return w.store.IconBegins(p) }); err != nil {
		return err
	}
	err = w.tg.SetTopicIcon(ctx, sms.Place{Chat: p.Chat, Topic: p.Topic}, id)
	w.arrived(p.Chat, err)
	switch fate := telegram.FateOf(err); {
	case err == nil:
		return w.store.Persist(ctx, "note an icon", func() error { return w.store.IconShown(p, icon) })
	case fate == telegram.TopicLost, fate == telegram.TopicClosed, fate == telegram.Refused: // the next SMS finds out
		return w.store.Persist(ctx, "note a post", func() error { return w.store.PostNotNeeded(p) })
	case fate == telegram.TopicsDenied, fate == telegram.Lacking, fate == telegram.SlowDown: // if messages are to slow down as well, Telegram will say so to one of them
		w.log.Info("chat takes no icons", "chat", int64(p.Chat), "err", err)
		return w.store.Persist(ctx, "note a chat without icons", func() error { return w.store.IconsRefused(p.Chat) })
	}
	return err
}
