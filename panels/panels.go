// Package panels is the table of the kinds of panel there are: what a login to each takes, who speaks to it, who reads what it said.
// Nobody but it names them.
package panels

import (
	"fmt"
	"slices"

	"peyk/relay"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/edge"
	"peyk/smsapi/exchange"
	"peyk/smsapi/kavenegar"
	"peyk/smsapi/rest"
	"peyk/smsapi/soap"
)

// Login is where a panel is and what it asks for: Key alone at a kind that is OneKey, else User and Password.
type Login struct {
	URL, User, Password, Key string
	Lines                    map[sms.Number]string // how the panel writes our lines, by sms.NormalizeLine's form of them
}

// Kind is a kind of panel.
type Kind struct {
	Name    string // what SMS_PANEL says, and smsapi.Traits
	OneKey  bool
	Address string // where it is if nothing else is said; empty: there are many
	// New returns a client. It asks the panel nothing; its error means that the login cannot be used, and repeats none of it.
	New func(Login, exchange.Options) (relay.Client, error)
	// Decode reads an answer to a fetch without asking anybody, as the client of that kind does.
	Decode func(smsapi.Answer) (smsapi.Inbox, error)
}

// Kinds are all there are; the first is meant where none is named.
var Kinds = []Kind{
	{"soap", false, "", func(l Login, opts exchange.Options) (relay.Client, error) {
		return soap.New(l.URL, l.User, l.Password, soap.Options{Options: opts, Lines: l.Lines})
	}, soap.Decode},
	{"kavenegar", true, kavenegar.Address, func(l Login, opts exchange.Options) (relay.Client, error) {
		return kavenegar.New(l.URL, l.Key, kavenegar.Options{Options: opts, Lines: l.Lines})
	}, kavenegar.Decode},
	{"edge", true, edge.Address, func(l Login, opts exchange.Options) (relay.Client, error) { return edge.New(l.URL, l.Key, opts) }, edge.Decode},
	{"rest", false, "", func(l Login, opts exchange.Options) (relay.Client, error) {
		return rest.New(l.URL, l.User, l.Password, rest.Options{Options: opts, Lines: l.Lines})
	}, rest.Decode},
}

// Names are those of Kinds.
func Names() (names []string) {
	for _, k := range Kinds {
		names = append(names, k.Name)
	}
	return names
}

// Named returns the kind of that name; the empty name is that of the first, as it was alone once. It reports whether there is one.
func Named(name string) (Kind, bool) {
	i := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Name == name })
	if name == "" {
		i = 0
	}
	if i < 0 {
		return Kind{}, false
	}
	return Kinds[i], true
}

// Decode reads an answer that was kept of a panel of a kind, whichever is asked now.
func Decode(name string, a smsapi.Answer) (smsapi.Inbox, error) {
	k, known := Named(name)
	if !known {
		return smsapi.Inbox{}, fmt.Errorf("the answer of a panel of kind %q, which this version does not know", name)
	}
	return k.Decode(a)
}
