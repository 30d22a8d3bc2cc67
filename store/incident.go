package store

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"peyk/sms"
)

// IncidentKind says what the team must be told.
type IncidentKind string

const (
	FetchLost    IncidentKind = "fetch lost"    // between From and To up to 50 SMS may be lost
	FetchCut     IncidentKind = "fetch cut"     // an answer broke off; Count SMS of it were saved
	Undecodable  IncidentKind = "undecodable"   // an answer could not be read; its bytes are kept as raw Raw
	Garbled      IncidentKind = "garbled"       // likewise, but what is in it the panel has still: it is asked again
	NoChat       IncidentKind = "no chat"       // SMS arrive and no chat shows them
	ChatLost     IncidentKind = "chat lost"     // Chat takes no posts, for Reason
	PostRefused  IncidentKind = "post refused"  // Chat refused one post, for Reason
	Restored     IncidentKind = "restored"      // from a backup: nothing is known of what came and was sent between From and To
	LinkLost     IncidentKind = "link lost"     // a topic of Chat that Customer was linked to is gone
	NoTopics     IncidentKind = "no topics"     // Chat lets us make no topics, for Reason
	PanelRefuses IncidentKind = "panel refuses" // the panel says that user name or password are wrong, or blocks our address; until To
	PanelSilent  IncidentKind = "panel down"    // the panel cannot be reached, or answers nothing that makes sense; until To
	PanelRepeats IncidentKind = "panel repeats" // the panel gave the same SMS for the Count-th time, with other times: they are counted from now on
	LowCredit    IncidentKind = "low credit"    // the Credit at the panel is below Low; lately Burn went in a day
	ClockWrong   IncidentKind = "clock wrong"   // Telegram's clock is Off ahead of ours
	Forgotten    IncidentKind = "forgotten"     // Agent had a customer forgotten, of whom there were Count SMS
	Exported     IncidentKind = "exported"      // Agent was given Count SMS as a file
	AwayStopped  IncidentKind = "away stopped"  // customers get no away text, for Reason: see AwayHour; Count may go out in an hour
)

// IncidentKinds are all of them.
var IncidentKinds = []IncidentKind{FetchLost, FetchCut, Undecodable, Garbled, NoChat, ChatLost, PostRefused, Restored, LinkLost, NoTopics, PanelRefuses, PanelSilent, PanelRepeats, LowCredit, ClockWrong, Forgotten, Exported, AwayStopped}

// Trouble tells whether something went wrong. Of the others admins must know all the same.
func (k IncidentKind) Trouble() bool { return k != Forgotten && k != Exported }

// Incident is something that went wrong and that only the team can put right.
type Incident struct {
	ID        uint64        `json:"-"`
	Kind      IncidentKind  `json:"kind"`
	From      time.Time     `json:"from"`
	To        time.Time     `json:"to,omitzero"`
	Count     int           `json:"count,omitempty"`  // failures it consists of; 0 is one
	Saved     int           `json:"saved,omitempty"`  // SMS of broken answers that were saved
	Lost      int           `json:"lost,omitempty"`   // of a Loss: how many fetches were never answered,
	Cut       int           `json:"cut,omitempty"`    // how many answers broke off,
	Unread    int           `json:"unread,omitempty"` // and how many could not be read
	Raw       uint64        `json:"raw,omitempty"`
	Open      bool          `json:"open,omitempty"` // of a Loss: the next one belongs to it
	Kept      []uint64      `json:"kept,omitempty"` // sums of the answers that were kept of it
	Bytes     [2]int        `json:"bytes,omitzero"` // kept of answers that seem to hold no SMS, and of others
	Gone      int           `json:"gone,omitempty"` // answers that there was no room for
	Chat      sms.ChatID    `json:"chat,omitempty"`
	Seq       Seq           `json:"seq,omitempty"`
	Customer  sms.Number    `json:"customer,omitempty"`
	Agent     sms.AgentID   `json:"agent,omitempty"`
	AgentName string        `json:"who,omitempty"`
	Class     Class         `json:"class,omitempty"` // with Post: which post Chat refused
	Post      uint64        `json:"post,omitempty"`
	Reason    string        `json:"reason,omitempty"`
	Credit    float64       `json:"credit,omitempty"`
	Low       float64       `json:"low,omitempty"`
	Burn      float64       `json:"burn,omitempty"` // a day; 0 when not known
	Off       time.Duration `json:"off,omitempty"`
	Told      bool          `json:"told,omitempty"`
	Lasts     bool          `json:"lasts,omitempty"`  // more is known of it than was told; it is told again when it is over
	Places    int           `json:"places,omitempty"` // chats that tell of it, shown or still to be
}

// Loss tells whether SMS may be lost by it.
func (i Incident) Loss() bool {
	return i.Kind == FetchLost || i.Kind == FetchCut || i.Kind == Undecodable
}

// Fails tells whether it is of fetches that failed: a Loss, or Garbled. Those of either that follow one another are one.
func (i Incident) Fails() bool { return i.Loss() || i.Kind == Garbled }

// Fetches returns how many fetches an incident that Fails is of, by what became of them: those that were never answered, whose answer broke off,
// and whose answer could not be read. Their times lie between From and To.
func (i Incident) Fetches() (lost, cut, unread int) {
	if i.Lost+i.Cut+i.Unread > 0 {
		return i.Lost, i.Cut, i.Unread
	}
	switch n := max(1, i.Count); i.Kind { // from a version that did not tell them apart
	case FetchLost:
		return n, 0, 0
	case FetchCut:
		return 0, n, 0
	default:
		return 0, 0, n
	}
}

// join adds a later one to i, of which was told. As there is more to tell now, i is told again when it is over.
func (i Incident) join(next Incident) Incident {
	lost, cut, unread := i.Fetches()
	l, c, u := next.Fetches()
	i.Lost, i.Cut, i.Unread = lost+l, cut+c, unread+u
	i.Count, i.Saved, i.Lasts = i.Lost+i.Cut+i.Unread, i.Saved+next.Saved, true
	if i.To.IsZero() {
		i.To = i.From
	}
	for _, at := range []time.Time{next.From, next.To} { // the clock may have been set back
		if at.After(i.To) {
			i.To = at
		}
		if !at.IsZero() && at.Before(i.From) {
			i.From = at
		}
	}
	return i
}

// openFails returns the incident that the next one belongs to, of a Loss or of those that are none, or ErrNotFound.
func (t *tx) openFails(loss bool) (Incident, error) {
	c := t.bucket(bucketIncident).Cursor()
	for key, value := c.Last(); key != nil; key, value = c.Prev() {
		i := Incident{ID: binary.BigEndian.Uint64(key)}
		if err := decode(value, &i); err != nil {
			return i, err
		}
		if !i.Fails() || i.Loss() != loss {
			continue
		}
		if i.Open || i.Lasts {
			return i, nil
		}
		break // those before it are over
	}
	return Incident{}, ErrNotFound
}

// addLoss notes that SMS may be lost, or that a fetch failed without that: as part of the one that is open, or as a new one, which is told. loss
// becomes what it is part of.
func (t *tx) addLoss(loss *Incident) error {
	if loss.To.Before(loss.From) && !loss.To.IsZero() { // between the two Telegram said that our clock is ahead
		loss.From, loss.To = loss.To, loss.From
	}
	before, err := t.openFails(loss.Loss())
	switch {
	case errors.Is(err, ErrNotFound):
		loss.Open = true
		return t.addIncident(loss)
	case err != nil:
		return err
	}
	*loss = before.join(*loss)
	return t.updateIncident(loss)
}

// EndLosses notes that fetches have gone well for long: the next that fails is another incident. If more is known of this one than was told, it
// is told again.
func (s *Store) EndLosses() error {
	return s.update(func(t *tx) error { return errors.Join(t.endFails(true), t.endFails(false)) })
}

func (t *tx) endFails(loss bool) error {
	i, err := t.openFails(loss)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	again := i.Lasts
	i.Open, i.Lasts = false, false
	if !again {
		return t.updateIncident(&i)
	}
	i.Told = false
	return t.tellIncident(&i)
}

// concernsAll tells whether the whole team is told, because SMS may be missing. Of other incidents only the admins are told.
func (i Incident) concernsAll() bool { return i.Loss() || i.Kind == Restored }

// addIncident notes i and queues the posts that tell of it, see concernsAll.
func (t *tx) addIncident(i *Incident) error {
	rows := t.bucket(bucketIncident)
	var err error
	if i.ID, err = rows.NextSequence(); err != nil {
		return err
	}
	if i.Kind.Trouble() {
		tally(&t.commit.Incidents, i.Kind)
	}
	return t.tellIncident(i)
}

// tellIncident stores i and queues the posts that tell of it.
func (t *tx) tellIncident(i *Incident) error {
	places, err := t.noticePlaces(i.concernsAll())
	if err != nil {
		return err
	}
	if i.Kind == LinkLost && !slices.ContainsFunc(places, func(p sms.Place) bool { return p.Chat == i.Chat }) {
		places = append(places, sms.Place{Chat: i.Chat})
	}
	i.Places = len(places)
	if err := put(t.bucket(bucketIncident), u64(i.ID), *i); err != nil {
		return err
	}
	for _, p := range places {
		if _, err := t.addPost(Post{Chat: p.Chat, Topic: p.Topic, Kind: PostIncident, Incident: i.ID}); err != nil {
			return err
		}
	}
	return nil
}

// retellIncidents has other chats told of the incidents that a lost chat was to show, unless they are told already.
func (t *tx) retellIncidents(lost sms.ChatID) error {
	var due []uint64
	err := t.dropPosts(lost, func(p Post) bool {
		if p.Kind == PostIncident {
			due = append(due, p.Incident)
		}
		return p.Kind == PostIncident
	})
	if err != nil {
		return err
	}
	for _, id := range due {
		i := Incident{ID: id}
		if err := get(t.bucket(bucketIncident), u64(id), &i); err != nil {
			return err
		}
		if i.Places--; i.Places > 0 {
			err = put(t.bucket(bucketIncident), u64(id), i)
		} else {
			err = t.tellIncident(&i)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// AddIncident notes i and has it told.
func (s *Store) AddIncident(i Incident) error {
	return s.update(func(t *tx) error { return t.addIncident(&i) })
}

// UpdateIncident stores what is now known of an incident and, if tell is set, has it told again.
func (s *Store) UpdateIncident(i Incident, tell bool) error {
	return s.update(func(t *tx) error {
		if !tell {
			return t.updateIncident(&i)
		}
		if t.bucket(bucketIncident).Get(u64(i.ID)) == nil {
			return ErrNotFound
		}
		i.Told = false
		return t.tellIncident(&i)
	})
}

// updateIncident stores i, but for whom it was told to, which only the store knows.
func (t *tx) updateIncident(i *Incident) error {
	var row Incident
	if err := get(t.bucket(bucketIncident), u64(i.ID), &row); err != nil {
		return err
	}
	i.Told, i.Places = row.Told, row.Places
	return put(t.bucket(bucketIncident), u64(i.ID), *i)
}

// noticePlaces returns whom to tell: the admins, in private, and the inbox chats, too, if the whole team is concerned or no admin can be
// reached. If there is nobody at all, that is chat 0, where posts wait for a chat.
func (t *tx) noticePlaces(team bool) ([]sms.Place, error) {
	var places []sms.Place
	admins, err := t.admins()
	if err != nil {
		return nil, err
	}
	for _, id := range admins {
		chat, err := t.chat(sms.ChatID(id))
		if err != nil {
			return nil, err
		}
		if chat.Gone == "" {
			places = append(places, sms.Place{Chat: sms.ChatID(id)})
		}
	}
	if team || len(places) == 0 {
		inboxes, err := t.inboxes()
		if err != nil {
			return nil, err
		}
		told := map[sms.ChatID]bool{}
		for _, p := range places {
			told[p.Chat] = true
		}
		for _, in := range inboxes {
			if !told[in.place.Chat] && !in.gone {
				told[in.place.Chat] = true
				places = append(places, in.place)
			}
		}
	}
	if len(places) == 0 {
		places = []sms.Place{{}}
	}
	return places, nil
}

func (t *tx) incidentTold(id uint64) error {
	rows := t.bucket(bucketIncident)
	var i Incident
	if err := get(rows, u64(id), &i); err != nil || i.Told {
		return err
	}
	i.Told = true
	return put(rows, u64(id), i)
}

// Incident returns one incident, or ErrNotFound.
func (s *Store) Incident(id uint64) (Incident, error) {
	i := Incident{}
	err := s.view(func(t *tx) error { return get(t.bucket(bucketIncident), u64(id), &i) })
	i.ID = id
	return i, err
}

// Incidents returns all incidents, the oldest first.
func (s *Store) Incidents() ([]Incident, error) {
	var all []Incident
	err := s.view(func(t *tx) error {
		all = nil
		return t.bucket(bucketIncident).ForEach(func(key, value []byte) error {
			i := Incident{ID: binary.BigEndian.Uint64(key)}
			if err := decode(value, &i); err != nil {
				return err
			}
			all = append(all, i)
			return nil
		})
	})
	return all, err
}
