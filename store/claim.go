package store

import (
	"slices"
	"strings"
	"time"

	"peyk/sms"
)

// Claim says who answers a customer.
type Claim struct {
	Owner  sms.AgentID   `json:"owner,omitempty"`
	Name   string        `json:"name,omitempty"`
	At     time.Time     `json:"at,omitzero"`      // when the owner answered last
	Taken  bool          `json:"taken,omitempty"`  // by command, so it does not lapse
	Others []sms.AgentID `json:"others,omitempty"` // who answer, too, since they confirmed it
}

// claimLasts is how long a customer stays with the agent who answered last.
const claimLasts = 30 * time.Minute

// HeldAgainst tells whether somebody else answers the customer now, and id has not confirmed yet that they want to, too.
func (c Claim) HeldAgainst(id sms.AgentID, now time.Time) bool {
	return c.Held(now) && c.Owner != id && !slices.Contains(c.Others, id)
}

// Held tells whether anybody answers the customer now.
func (c Claim) Held(now time.Time) bool {
	return c.Owner != 0 && (c.Taken || now.Sub(c.At).Abs() < claimLasts)
}

// claimFor returns the name of an order's only recipient, and who else answers its recipients: if there is somebody, the agent must be asked.
// Otherwise, if the order claims its recipient, its agent becomes one who answers.
func (t *tx) claimFor(o Order) (named, others string, err error) {
	var owners []string
	to := slices.Concat(o.rows()...)
	lone := len(to) == 1 && o.Bulk == nil
	for _, row := range to {
		c, err := t.customer(row.To)
		if err != nil {
			return "", "", err
		}
		if lone {
			named = c.Name
		}
		if c.Claim.HeldAgainst(o.Agent, t.now) && !slices.Contains(owners, c.Claim.Name) {
			owners = append(owners, c.Claim.Name)
		}
		if lone && (!c.Known() || t.now.Sub(c.Written).Abs() > aDay) {
			c.Ours, c.Written = true, t.now
			if err := t.putCustomer(c); err != nil {
				return "", "", err
			}
		}
		if o.Claim && len(owners) == 0 {
			return named, "", t.claim(c, o.Line, o.Agent, o.AgentName)
		}
	}
	return named, strings.Join(owners, ", "), nil
}

// claimCustomerOf notes that the agent of b, called name, answers its customer, whoever else does.
func (t *tx) claimCustomerOf(b Batch, name string) error {
	m, err := t.sms(b.First)
	if err != nil {
		return err
	}
	c, err := t.customer(m.Customer)
	if err != nil {
		return err
	}
	return t.claim(c, b.Line, b.Agent, name)
}

// claim notes that an agent answers c, from a line of ours.
func (t *tx) claim(c Customer, from sms.Number, id sms.AgentID, name string) error {
	before := c.Claim
	if c.Line == "" {
		c.Line = from
	}
	switch {
	case !c.Claim.Held(t.now):
		c.Claim = Claim{Owner: id, Name: name, At: t.now}
	case c.Claim.Owner == id:
		c.Claim.At = t.now
	case !slices.Contains(c.Claim.Others, id):
		c.Claim.Others = append(c.Claim.Others, id)
	}
	if err := t.putCustomer(c); err != nil || before.Owner == c.Claim.Owner {
		return err
	}
	return t.showCards(c, 0)
}
