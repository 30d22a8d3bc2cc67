package store

import (
	"slices"
	"time"

	"peyk/sms"
)

// Prompt is a message that opens one agent's reply field for the answer to an SMS. An app that starts opens the field again, so the message is deleted
// once it was answered, once the agent is given another, and when nobody answers it.
type Prompt struct {
	Message sms.ChatMessageID `json:"id"`
	Agent   sms.AgentID       `json:"agent"`
	Seq     Seq               `json:"seq"`
	Until   time.Time         `json:"until,omitzero"` // then it is deleted
}

// promptLasts is how long a prompt waits for its answer.
const promptLasts = 15 * time.Minute

// Open tells whether a prompt stands. One for longer than any is given was noted by a clock that was ahead.
func (p Prompt) Open(now time.Time) bool {
	return now.Before(p.Until) && p.Until.Sub(now) <= promptLasts+ClockOff
}

// Prompted returns the prompt that an agent was given for an SMS, unless it is deleted.
func (c Chat) Prompted(agent sms.AgentID, seq Seq) (Prompt, bool) {
	for _, p := range c.Prompts {
		if p.Agent == agent && p.Seq == seq {
			return p, true
		}
	}
	return Prompt{}, false
}

// prompt notes a prompt that was posted. Its agent needs no other.
func (c *Chat) prompt(p Prompt, now time.Time) {
	c.Prompts = slices.Clone(c.Prompts)
	for i := range c.Prompts {
		if c.Prompts[i].Agent == p.Agent {
			c.Prompts[i].Until = now
		}
	}
	c.Prompts = append(c.Prompts, p)
}

// Answered notes that somebody replied to a message, which may be a prompt.
func (c *Chat) Answered(message sms.ChatMessageID) {
	c.Prompts = slices.Clone(c.Prompts)
	for i := range c.Prompts {
		if c.Prompts[i].Message == message {
			c.Prompts[i].Until = time.Time{}
		}
	}
}

// PromptGone notes that a prompt was deleted.
func (s *Store) PromptGone(chat sms.ChatID, message sms.ChatMessageID) error {
	return s.update(func(t *tx) error {
		return t.editChat(chat, func(c *Chat) {
			c.Prompts = slices.DeleteFunc(slices.Clone(c.Prompts), func(p Prompt) bool { return p.Message == message })
		})
	})
}
