package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"peyk/bot/text"
	"peyk/internal/crashpoint"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// showNotice shows a notice in place of a post that Telegram refused.
func (w *poster) showNotice(ctx context.Context, t *text.Language, p store.Post) error {
	o := telegram.Outgoing{
		Chat: p.Chat, Topic: p.Topic, ReplyTo: p.ReplyTo, Loud: true,
		HTML: t.Say(t.Unshown, text.Reason(p.Reason)), Buttons: showAgainButton(t, p.Chat, p.Class, p.ID),
	}
	if p.Kind == store.PostSMS {
		show, err := w.store.ToShow(p, 1, GroupPerMinute, time.Time{})
		if errors.Is(err, store.ErrNotFound) { // as in showSMS
			return nil
		}
		if err != nil {
			return err
		}
		place, made, err := w.topicFor(ctx, show, p)
		if err != nil || made {
			return err
		}
		o.Topic = place.Topic
		// The head comes first: there a reply finds it if the id of the notice was never learned.
		o.HTML = text.Head(t, show.SMS[0], "", w.now()) + "\n" + t.Say(t.UnshownSMS, text.Reason(p.Reason))
	}
	o.Plain = text.Plain(o.HTML)
	var id sms.ChatMessageID
	var err error
	crashpoint.At("notice.due")
	if p.Kind == store.PostSMS {
		id, _, err = w.postSMS(ctx, o)
	} else {
		id, err = w.post(ctx, &o)
	}
	crashpoint.At("notice.answered")
	if err != nil || id == 0 {
		return err
	}
	return w.store.Persist(ctx, "note a post", func() error { return w.store.NoticePosted(p, id) })
}

// smsHead returns the head of an SMS; "" when it is no longer in the store.
func (v voice) smsHead(t *text.Language, seq store.Seq) string {
	if seq == 0 {
		return ""
	}
	m, err := v.store.SMS(seq)
	if err != nil {
		return ""
	}
	return text.Head(t, m, "", v.now())
}

// showInFlight shows a post. Before that the store notes that a post to this group may be in flight, so that after a crash it counts
// against the group's minute. The note is withdrawn after a call that surely did not arrive; one that may have is noted with the post.
func (w *poster) showInFlight(ctx context.Context, p store.Post) error {
	note := func(begun bool) error {
		if p.Chat > 0 || w.pace.noteInFlight(p.Chat, begun) {
			return nil
		}
		return w.store.Persist(ctx, "note that a post begins", func() error { return w.store.SetInFlight(p.Chat, begun) })
	}
	if err := note(true); err != nil {
		return err
	}
	err := w.show(ctx, p)
	switch e, failed := errors.AsType[*telegram.Error](err); {
	case !failed:
		return err
	case e.Arrived: // tried again only once that is noted
		return errors.Join(err, w.store.Persist(ctx, "note a post", func() error { return w.store.PostUncertain(p) }))
	}
	return errors.Join(err, note(false))
}

// show shows a post, or the next part of it, and notes in the store that it did.
func (w *poster) show(ctx context.Context, p store.Post) error {
	t := w.language(p.Chat)
	if p.Reason != "" {
		return w.showNotice(ctx, t, p)
	}
	o := telegram.Outgoing{Chat: p.Chat, Topic: p.Topic, ReplyTo: p.ReplyTo, Edit: p.Message}
	switch p.Kind {
	case store.PostText:
		o.HTML, o.Plain = p.Text, text.Plain(p.Text)
		var row []telegram.Button
		for _, button := range p.Buttons {
			row = append(row, telegram.Button{Label: button.Label, Data: button.Data, Copy: button.Copy, Style: button.Style})
		}
		if len(row) > 0 {
			o.Buttons = [][]telegram.Button{row}
		}
		if p.Photo != nil {
			o.File = &telegram.File{Name: "stats.png", Data: bytes.NewReader(p.Photo), Size: int64(len(p.Photo)), Photo: true}
		}
	case store.PostSMS:
		return w.showSMS(ctx, t, p)
	case store.PostCard:
		return w.showCard(ctx, t, p)
	case store.PostAwake, store.PostRemind, store.PostEscalate:
		return w.showWaits(ctx, t, p)
	case store.PostPin:
		return w.showPin(ctx, t, p)
	case store.PostWish:
		return w.showWishes(ctx, t, p)
	case store.PostPrompt:
		return w.showPrompt(ctx, t, p)
	case store.PostIcon:
		return w.showIcon(ctx, p)
	case store.PostMarks:
		o.HTML, o.Plain = t.Marks, text.Plain(t.Marks)
	case store.PostIncident:
		i, err := w.store.Incident(p.Incident)
		if err != nil {
			return fmt.Errorf("read incident %d: %w", p.Incident, err)
		}
		o.HTML = w.renderIncident(t, i, w.now())
		o.Plain, o.Loud = text.Plain(o.HTML), true
		if i.Post != 0 {
			o.Buttons = showAgainButton(t, i.Chat, i.Class, i.Post)
		}
	case store.PostBatch:
		return w.showBatch(ctx, p, t)
	case store.PostResult:
		batch, err := w.store.Batch(p.Batch)
		if errors.Is(err, store.ErrNotFound) { // deleted, as it was old
			return w.store.Persist(ctx, "note a post", func() error { return w.store.PostNotNeeded(p) })
		}
		if err == nil {
			o.File, err = w.resultFile(t, batch)
		}
		if err != nil {
			return fmt.Errorf("read what became of batch %d: %w", p.Batch, err)
		}
		o.HTML = t.Say(t.BulkResult, renderCounts(t, batch))
		o.Plain = text.Plain(o.HTML)
	case store.PostSample:
		var err error
		if o.File, err = sampleFile(t); err != nil {
			return fmt.Errorf("make a sample: %w", err)
		}
		o.HTML, o.Plain = p.Text, text.Plain(p.Text)
	}
	crashpoint.At("text.due")
	id, err := w.post(ctx, &o)
	crashpoint.At("text.answered")
	if err != nil {
		return err
	}
	return w.store.Persist(ctx, "note a post", func() error { return w.store.Posted(p, id, false) })
}

// post posts o. If its topic, or the message it replies to or edits, is gone, it does without, and changes o so.
func (w *poster) post(ctx context.Context, o *telegram.Outgoing) (sms.ChatMessageID, error) {
	o.HTML = w.language(o.Chat).SetApart(o.HTML)
	for {
		id, err := w.tg.Post(ctx, w.abilities.suited(*o))
		w.arrived(o.Chat, err)
		switch {
		case err == nil:
			return id, nil
		case w.abilities.learnFrom(err):
		case (telegram.FateOf(err) == telegram.TopicLost || telegram.FateOf(err) == telegram.TopicClosed) && o.Topic != 0 && !o.Strict:
			o.Topic = 0
		case telegram.FateOf(err) == telegram.ReplyLost && o.ReplyTo != 0:
			o.ReplyTo = 0
		case telegram.FateOf(err) == telegram.NotModified && o.Edit != 0:
			return o.Edit, nil
		case (telegram.FateOf(err) == telegram.NotEditable || telegram.FateOf(err) == telegram.Refused) && o.Edit != 0:
			o.Edit = 0
		default:
			return 0, err
		}
	}
}

// arrived counts a message that Telegram took, or may have taken, by the error of its call.
func (w *poster) arrived(chat sms.ChatID, err error) {
	if e, failed := errors.AsType[*telegram.Error](err); !failed || e.Arrived {
		w.pace.arrived(chat, time.Now())
	}
}

// recipientsShown is how many recipients of a batch are read to find those to name.
const recipientsShown = 1000

// showBatch edits the message that reports on a batch, or posts it. Repeating it does no harm.
func (w *poster) showBatch(ctx context.Context, p store.Post, t *text.Language) error {
	batch, err := w.store.Batch(p.Batch)
	if err != nil {
		return fmt.Errorf("read batch %d: %w", p.Batch, err)
	}
	if !batch.NeedsMessage() && !p.Repeated { // the reason for a message has passed, and nobody was told of it
		return w.store.Persist(ctx, "note a post", func() error { return w.store.PostNotNeeded(p) })
	}
	if batch.Decision == store.Later {
		_, err := w.store.Scheduled(batch.Scheduled)
		if errors.Is(err, store.ErrNotFound) { // it went out or was cancelled, which is told in the place of its question
			return w.store.Persist(ctx, "note a post", func() error { return w.store.PostNotNeeded(p) })
		}
		if err != nil {
			return fmt.Errorf("read scheduled order %d: %w", batch.Scheduled, err)
		}
	}
	limit := 1
	if batch.Counts[sms.Failed] > 0 || batch.State == store.Asking {
		limit = recipientsShown
	}
	recipients, err := w.store.Recipients(batch, 0, limit)
	if err != nil {
		return fmt.Errorf("read recipients of batch %d: %w", p.Batch, err)
	}
	o := telegram.Outgoing{Chat: p.Chat, Topic: p.Topic, ReplyTo: batch.Message, Edit: batch.Shown}
	if p.Chat != batch.Chat {
		// The group became a supergroup: its old messages cannot be edited or replied to.
		o.ReplyTo, o.Edit = 0, 0
		if l, err := w.store.Shows(p.Chat, batch.Shown); err == nil && l.Batch == batch.ID {
			o.Edit = batch.Shown
		}
	}
	if batch.Away {
		c, err := w.store.Customer(recipients[0].Customer)
		if err != nil {
			return fmt.Errorf("read a customer: %w", err)
		}
		if topic, has := c.TopicIn(p.Chat); has { // made when their SMS was shown
			o.Topic = topic.Topic
		}
	}
	o.HTML, o.Buttons = renderBatch(t, batch, recipients, &w.opts)
	o.Plain, o.Loud = text.Plain(o.HTML), batch.Undecided()
	// In General nobody would know what a tick is about. Questions and failures name their customer, and may go there.
	o.Strict = o.Topic != 0 && !batch.Undecided() && batch.Counts[sms.Failed] == 0 && !batch.Away
	id, err := w.post(ctx, &o)
	if o.Strict && (telegram.FateOf(err) == telegram.TopicLost || telegram.FateOf(err) == telegram.TopicClosed) {
		id, err = 0, nil
	}
	if err != nil {
		return err
	}
	return w.store.Persist(ctx, "note a post", func() error { return w.store.Posted(p, id, false) })
}
