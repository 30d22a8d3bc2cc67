package store

import (
	"encoding/binary"
	"time"
)

// IncidentKind says what the team must be told.
type IncidentKind string

const (
	FetchLost    IncidentKind = "fetch lost"    // between From and To up to 50 SMS may be lost
	FetchCut     IncidentKind = "fetch cut"     // an answer broke off; Count SMS of it were saved
	Undecodable  IncidentKind = "undecodable"   // an answer could not be read; its bytes are kept as raw Raw
	NoChat       IncidentKind = "no chat"       // SMS arrive and no chat shows them
	ChatLost     IncidentKind = "chat lost"     // Chat takes no posts, for Reason
	PostRefused  IncidentKind = "post refused"  // Chat refused one post, for Reason
	Restored     IncidentKind = "restored"      // from a backup: of what came and was sent between From and To nothing is known
	NoTopics     IncidentKind = "no topics"     // Chat lets us make no topics, for Reason
	PanelRefuses IncidentKind = "panel refuses" // user name or password are wrong, says the panel, or the address is blocked
	LowCredit    IncidentKind = "low credit"    // the Credit at the panel is below Low; lately Burn went in a day
)

// IncidentKinds are all of them.
var IncidentKinds = []IncidentKind{FetchLost, FetchCut, Undecodable, NoChat, ChatLost, PostRefused, Restored, NoTopics, PanelRefuses, LowCredit}

// Incident is something that went wrong and that nobody but the team can mend.
type Incident struct {
	ID     uint64       `json:"-"`
	Kind   IncidentKind `json:"kind"`
	From   time.Time    `json:"from"`
	To     time.Time    `json:"to,omitzero"`
	Count  int          `json:"count,omitempty"` // failures it consists of; 0 is one
	Saved  int          `json:"saved,omitempty"` // SMS of broken answers that were saved
	Raw    uint64       `json:"raw,omitempty"`
	Chat   ChatID       `json:"chat,omitempty"`
	Seq    Seq          `json:"seq,omitempty"`
	Reason string       `json:"reason,omitempty"`
	Credit float64      `json:"credit,omitempty"`
	Low    float64      `json:"low,omitempty"`
	Burn   float64      `json:"burn,omitempty"` // a day; 0 when not known
	Told   bool         `json:"told,omitempty"`
	Lasts  bool         `json:"lasts,omitempty"`  // more is known of it than was told; it is told once more when it is over
	Places int          `json:"places,omitempty"` // chats that tell of it, shown or still to be
}

// addIncident notes i and queues the posts that tell of it. Where SMS may be missing the whole team is told, of the rest the admins.
func (t *tx) addIncident(i *Incident) error {
	rows := t.bucket(bucketIncident)
	var err error
	if i.ID, err = rows.NextSequence(); err != nil {
		return err
	}
	tally(&t.commit.Incidents, i.Kind)
	return t.tellIncident(i)
}

// tellIncident stores i and queues the posts that tell of it.
func (t *tx) tellIncident(i *Incident) error {
	places, err := t.noticePlaces(i.Kind == FetchLost || i.Kind == FetchCut || i.Kind == Undecodable || i.Kind == Restored)
	if err != nil {
		return err
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

// retellIncidents has the incidents a lost chat was to tell of told elsewhere, unless another chat tells of them, too.
func (t *tx) retellIncidents(lost ChatID) error {
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

// UpdateIncident stores what is known of an incident by now and, if tell is set, has it told again.
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

// updateIncident stores i but for who was told of it, which is of the store's own knowing.
func (t *tx) updateIncident(i *Incident) error {
	var row Incident
	if err := get(t.bucket(bucketIncident), u64(i.ID), &row); err != nil {
		return err
	}
	i.Told, i.Places = row.Told, row.Places
	return put(t.bucket(bucketIncident), u64(i.ID), *i)
}

// noticePlaces returns whom to tell: the admins, in private, and the inbox chats too when the whole team is concerned or no
// admin can be reached. Nobody at all is chat 0, where posts wait.
func (t *tx) noticePlaces(team bool) ([]Place, error) {
	var places []Place
	admins, err := t.admins()
	if err != nil {
		return nil, err
	}
	for _, id := range admins {
		chat, err := t.chat(ChatID(id))
		if err != nil {
			return nil, err
		}
		if chat.Gone == "" {
			places = append(places, Place{Chat: ChatID(id)})
		}
	}
	if team || len(places) == 0 {
		inboxes, err := t.inboxes()
		if err != nil {
			return nil, err
		}
		told := map[ChatID]bool{}
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
		places = []Place{{}}
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
