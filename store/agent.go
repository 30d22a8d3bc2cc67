package store

import (
	"slices"
	"time"

	"peyk/sms"
)

// Agent is somebody on the allow-list in the store.
type Agent struct {
	ID    sms.AgentID `json:"-"`
	Name  string      `json:"name,omitempty"`
	Admin bool        `json:"admin,omitempty"`
	Since time.Time   `json:"since"`
	// Update is that which let them in: what came before it a stranger said. 0 from a version that did not note it.
	Update int64 `json:"update,omitempty"`
}

// allow puts an agent on the list.
func (t *tx) allow(a Agent) error {
	if err := put(t.bucket(bucketAgent), i64(a.ID), a); err != nil {
		return err
	}
	return t.editChat(sms.ChatID(a.ID), func(c *Chat) { c.Off = false })
}

// deny takes an agent off the list, and has their private chat show no more SMS, even if the settings name it.
func (t *tx) deny(id sms.AgentID) error {
	if err := t.bucket(bucketAgent).Delete(i64(id)); err != nil {
		return err
	}
	if err := t.closePrivateChat(sms.ChatID(id)); err != nil {
		return err
	}
	return t.editChat(sms.ChatID(id), func(c *Chat) { c.Off = true })
}

// closePrivateChat has a private chat show no more SMS: its user may not read them any more. SMS that still wait there go elsewhere.
func (t *tx) closePrivateChat(chat sms.ChatID) error {
	c, err := t.chat(chat)
	if err != nil {
		return err
	}
	c.Inboxes, c.Pin = nil, nil
	if err := t.putChat(c); err != nil {
		return err
	}
	if err := t.unbindChat(chat); err != nil {
		return err
	}
	return t.movePosts(chat, func(p *Post) bool {
		p.Chat, p.Topic, p.Part, p.Digest, p.Repeated, p.Reason = 0, 0, 0, 0, true, "" // another chat may show it already
		return p.Kind == PostSMS
	})
}

// CloseToStrangers has the private chats of everybody who is not an agent show no more SMS, nor who waits. Agents are those given, who stand in the settings,
// and those in the store. A stranger who has an inbox, a pinned list or a link was taken off the settings' list.
func (s *Store) CloseToStrangers(agents []sms.AgentID) error {
	var strangers []sms.ChatID
	find := func(t *tx) error {
		strangers = nil
		known := map[sms.ChatID]bool{}
		for _, id := range agents {
			known[sms.ChatID(id)] = true
		}
		own, err := t.agents()
		if err != nil {
			return err
		}
		for _, a := range own {
			known[sms.ChatID(a.ID)] = true
		}
		chats, err := t.chats()
		if err != nil {
			return err
		}
		for _, c := range chats {
			if c.ID > 0 && !known[c.ID] && (len(c.Inboxes) > 0 || c.Pin != nil) {
				strangers = append(strangers, c.ID)
			}
		}
		return t.bucket(bucketBound).ForEach(func(key, _ []byte) error {
			if id := readI64[sms.ChatID](key[:8]); id > 0 && !known[id] {
				strangers = append(strangers, id)
			}
			return nil
		})
	}
	if err := s.view(find); err != nil || len(strangers) == 0 {
		return err
	}
	return s.update(func(t *tx) error {
		if err := find(t); err != nil {
			return err
		}
		for _, id := range strangers {
			if err := t.closePrivateChat(id); err != nil {
				return err
			}
		}
		return t.routeWaiting()
	})
}

// Agents returns the allow-list kept in the store.
func (s *Store) Agents() ([]Agent, error) {
	var agents []Agent
	err := s.view(func(t *tx) error {
		var err error
		agents, err = t.agents()
		return err
	})
	return agents, err
}

func (t *tx) agents() ([]Agent, error) {
	var agents []Agent
	err := t.bucket(bucketAgent).ForEach(func(key, value []byte) error {
		a := Agent{ID: readI64[sms.AgentID](key)}
		if err := decode(value, &a); err != nil {
			return err
		}
		agents = append(agents, a)
		return nil
	})
	return agents, err
}

// Admins returns the admins of the settings and of the store.
func (s *Store) Admins() ([]sms.AgentID, error) {
	var admins []sms.AgentID
	err := s.view(func(t *tx) error {
		var err error
		admins, err = t.admins()
		return err
	})
	return admins, err
}

func (t *tx) admins() ([]sms.AgentID, error) {
	admins := slices.Clone(t.store.opts.Admins)
	agents, err := t.agents()
	for _, a := range agents {
		if a.Admin && !slices.Contains(admins, a.ID) {
			admins = append(admins, a.ID)
		}
	}
	return admins, err
}
