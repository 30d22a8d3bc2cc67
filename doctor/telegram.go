package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

func (d Doctor) checkTelegram(ctx context.Context, f *findings, inboxes []store.Chat, admins []sms.AgentID) {
	telegramSide := side{f.CheckTelegramName, "TELEGRAM_API_URL", "TELEGRAM_PROXY"}
	if d.Telegram.InClear() {
		f.add(Noted, f.CheckTelegramClear)
	}
	hearsAll := false
	me, err := ask(ctx, func(ctx context.Context) (me telegram.User, err error) {
		me, hearsAll, err = d.Telegram.GetMe(ctx)
		return me, err
	})
	if err != nil {
		if telegram.FateOf(err) == telegram.Revoked {
			f.add(Wrong, f.CheckToken)
		} else {
			f.unreached(telegramSide, err)
		}
		return
	}
	link := "https://t.me/" + me.UserName
	f.list = append(f.list, Finding{Link: link, HTML: f.Say(f.CheckBot, text.Isolated("@"+me.UserName), text.Escape(link))})
	if hearsAll {
		f.add(Noted, f.CheckHearsAll)
	} else {
		f.add(Right, f.CheckPrivacy)
	}
	hook, err := ask(ctx, d.Telegram.Webhook)
	switch {
	case err != nil:
		f.unreached(telegramSide, err)
		return
	case hook != "":
		f.add(Wrong, f.Say(f.CheckWebhook, text.Code(`curl "https://api.telegram.org/bot$TELEGRAM_BOT_TOKEN/deleteWebhook"`)))
	}
	admins = slices.DeleteFunc(slices.Clone(admins), func(id sms.AgentID) bool { // reported with the chats
		return slices.ContainsFunc(inboxes, func(c store.Chat) bool { return c.ID == sms.ChatID(id) })
	})
	each := make([]findings, len(inboxes)+len(admins))
	var asking errgroup.Group
	asking.SetLimit(asked)
	for i := range each {
		each[i].Language = f.Language
		asking.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			if i < len(inboxes) {
				d.checkChat(ctx, &each[i], telegramSide, me.ID, inboxes[i])
			} else {
				d.checkAdmin(ctx, &each[i], me.ID, admins[i-len(inboxes)])
			}
			return nil
		})
	}
	asking.Wait()
	for _, found := range each {
		f.list = append(f.list, found.list...)
	}
}

// checkAdmin checks whether an administrator can be told anything.
func (d Doctor) checkAdmin(ctx context.Context, f *findings, self, id sms.AgentID) {
	if _, err := d.Telegram.Standing(ctx, sms.ChatID(id), self); telegram.FateOf(err) == telegram.ChatLost {
		f.add(Noted, f.Say(f.CheckAdmin, text.Code(fmt.Sprint(int64(id)))))
	}
}

// checkChat checks a chat that shows inbound SMS.
func (d Doctor) checkChat(ctx context.Context, f *findings, s side, self sms.AgentID, c store.Chat) {
	named := text.Code(fmt.Sprint(int64(c.ID)))
	may, err := d.Telegram.Standing(ctx, c.ID, self)
	if telegram.FateOf(err) == telegram.Migrated {
		moved, _ := errors.AsType[*telegram.Error](err)
		f.add(Noted, f.Say(f.CheckMoved, named, text.Code(fmt.Sprint(int64(moved.MigratedTo)))))
		named = text.Code(fmt.Sprint(int64(moved.MigratedTo)))
		may, err = d.Telegram.Standing(ctx, moved.MigratedTo, self)
	}
	if may.Title != "" {
		named = text.Isolated(may.Title) + " (" + named + ")"
	}
	failed, _ := errors.AsType[*telegram.Error](err)
	switch {
	case telegram.FateOf(err) == telegram.ChatLost && failed.Code == http.StatusForbidden:
		f.add(Wrong, f.Say(f.CheckThrownOut, named))
	case telegram.FateOf(err) == telegram.ChatLost || telegram.FateOf(err) == telegram.Refused:
		f.add(Wrong, f.Say(f.CheckNoChat, named))
	case err != nil:
		f.unreached(s, err)
	case !may.In:
		f.add(Wrong, f.Say(f.CheckThrownOut, named))
	case !may.Write:
		f.add(Wrong, f.Say(f.CheckMuted, named))
	case c.Topics && !(may.Forum && may.Topics):
		f.add(Wrong, f.Say(f.CheckNoTopics, named))
	case may.Forum && !may.Topics:
		f.add(Noted, f.Say(f.CheckTopics, named))
	default:
		f.add(Right, f.Say(f.CheckChat, named))
	}
	if may.Write && c.ID < 0 && !may.Admin {
		f.add(Noted, f.Say(f.CheckReactions, named))
	}
}
