package store

import (
	"errors"
	"slices"

	"peyk/sms"
)

// What an agent asked for may take a while, such as a file that has to be fetched. Its update is taken before, or each start would begin it anew. So
// what they are told if the process does not live to do it is stored with that, as a post of class IfEnded, by the message that asked, and gives way to
// the answer.

// IfEnded returns p as what the agent is told who asked for it by k, if the process ends before it answers that.
func (k UpdateKey) IfEnded(p Post) Post {
	p.Class, p.ID = IfEnded, uint64(k.Message)
	return p
}

// Answer answers what was taken with a post IfEnded.
func (s *Store) Answer(k UpdateKey, p Post) error {
	return s.update(func(t *tx) error {
		_, err := t.addPost(p)
		return errors.Join(err, t.fulfil(k))
	})
}

// fulfil notes that what k asked for is done, or stored.
func (t *tx) fulfil(k UpdateKey) error {
	return t.bucket(bucketPost).Delete(postKey(t.resolve(k.Chat), IfEnded, uint64(k.Message)))
}

// TellEnded has agents be told of what the process before this one did not live to do. It is called before anything is taken.
func (s *Store) TellEnded() error {
	var left bool
	err := s.view(func(t *tx) error {
		left = slices.ContainsFunc(t.queues(), func(chat sms.ChatID) bool {
			key, _ := t.bucket(bucketPost).Cursor().Seek(postKey(chat, IfEnded, 0))
			return ofClass(key, chat, IfEnded)
		})
		return nil
	})
	if err != nil || !left {
		return err
	}
	return s.update(func(t *tx) error {
		var failed error
		for _, chat := range t.queues() {
			failed = errors.Join(failed, t.movePosts(chat, func(p *Post) bool {
				ended := p.Class == IfEnded
				if ended {
					p.Class, p.ID = Answers, 0
				}
				return ended
			}))
		}
		return failed
	})
}

// dropEnded forgets what the process before this one did not live to do: one that went on after a backup may have done it.
func (t *tx) dropEnded() (failed error) {
	for _, chat := range t.queues() {
		failed = errors.Join(failed, t.dropPosts(chat, func(p Post) bool { return p.Class == IfEnded }))
	}
	return failed
}
