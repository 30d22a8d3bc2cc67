package telegram

import (
	"encoding/json"
	"maps"
)

// A Bot API server of December 2021, version 5.5. What came later it does not know: such methods are not found, parameters and fields are ignored, a tag
// of HTML or a button whose only action is unknown has the message refused; and of what happens in newer apps it tells what was there in 2021.

// newMethods are those of methods, newUpdates the kinds of updates, that came after 5.5.
var (
	newMethods = map[string]bool{
		"setmessagereaction": true, "createforumtopic": true, "editforumtopic": true, "closeforumtopic": true, "reopenforumtopic": true,
		"deleteforumtopic": true, "getforumtopiciconstickers": true,
	}
	newUpdates = map[string]bool{"message_reaction": true, "message_reaction_count": true}
)

// newParameters, newButtonFields and newTags came after 5.5.
var (
	newParameters   = []string{"message_thread_id", "reply_parameters", "link_preview_options"}
	newButtonFields = []string{"copy_text", "style", "icon_custom_emoji_id"}
	newTags         = []string{"blockquote", "tg-emoji", "tg-spoiler", "span"}
)

// oldTags are htmlTags without the new ones.
var oldTags = func() map[string]string {
	tags := maps.Clone(htmlTags)
	for _, name := range newTags {
		delete(tags, name)
	}
	return tags
}()

// SetOld has this be a Bot API server of 2021 from now on, as a self-hosted one may be, until called with false.
func (s *Server) SetOld(old bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.old = old
}

// dropNew takes from a request what an old server does not know. mu is held.
func (s *Server) dropNew(r *request) {
	if r.old = s.old; !r.old {
		return
	}
	for _, name := range newParameters {
		delete(r.params, name)
	}
}

// dropNewFields takes from a button of a request what an old server does not know.
func (r *request) dropNewFields(cell map[string]json.RawMessage) {
	if !r.old {
		return
	}
	for _, name := range newButtonFields {
		delete(cell, name)
	}
}

// tags returns the tags of HTML that the server knows.
func (r *request) tags() map[string]string {
	if r.old {
		return oldTags
	}
	return htmlTags
}

// dropNew takes from a message what an old server does not tell.
func (w *wireMessage) dropNew() {
	w.ThreadID, w.IsTopicMessage, w.External, w.Quote, w.ForwardOrigin, w.Preview = 0, false, nil, nil, nil, nil
	w.Story, w.PaidMedia, w.Checklist, w.Rich = nil, nil, nil, nil
	w.TopicCreated, w.TopicEdited, w.TopicClosed, w.TopicReopened = nil, nil, nil, nil
}
