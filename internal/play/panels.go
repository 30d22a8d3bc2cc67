package play

import (
	"math/rand/v2"
	"slices"
	"strings"

	"peyk/sandbox/panel"
)

// Kind is a kind of panel that is played on, and what its networks and the invariants have to know of it.
type Kind struct {
	dialect panel.Dialect
	// methods are those that it has besides those that all have.
	methods []string
	// points are the flows in which it has a bridge come to points where not every panel has it.
	points []string
	// refused and login are the codes of an order that is refused, and of a login that is.
	refused, login int
	// failed is the status of an SMS to a number that ends with 7.
	failed int
	// vary makes of the panel one of those that its documentation allows.
	vary func(*rand.Rand, *panel.Options)

	// garbled reports whether the answer to a method cannot be read if something stands before it.
	garbled func(method string, o panel.Options) bool

	keyed bool // what becomes of each order shows, by its keys: nobody need be asked
	again bool // what was taken is listed for two days
	stays bool // fetching takes nothing away; what customers write is read in its order
}

// kinds are all; the first is that of seeds below firstOfAll.
var kinds = []Kind{
	{dialect: panel.Nusoap, points: []string{"fetch"}, refused: -3, login: -1, failed: 2, garbled: never, vary: func(*rand.Rand, *panel.Options) {}},
	{
		dialect: panel.Kavenegar, methods: []string{"FindKeys", "ListMsg"}, points: []string{"again", "settle"}, refused: 418, login: 403, failed: 2, keyed: true, again: true, garbled: always,
		vary: func(r *rand.Rand, o *panel.Options) {
			o.NewestFirst, o.Resend, o.PageSize = false, false, []int{0, 20}[r.IntN(2)]
			o.DocumentedErrors, o.BareUnknown, o.EmptyIsNull = r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0
		},
	},
	{
		dialect: panel.Edge, methods: []string{"ListSent", "GetBatch"}, points: []string{"read", "search"}, refused: 422, login: 401, failed: 5, stays: true, garbled: always,
		vary: func(r *rand.Rand, o *panel.Options) {
			o.NewestFirst, o.Resend, o.PageSize = false, false, []int{0, 20}[r.IntN(2)]
			o.FromIDBelow, o.Millions, o.PersianDigits, o.EmptyIsNull, o.ErrorsAre200 = r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0
		},
	},
	{
		dialect: panel.REST, points: []string{"fetch"}, refused: -3, login: -1, failed: 2,
		vary: func(r *rand.Rand, o *panel.Options) { o.Form = panel.RESTForm(r.IntN(4)) },
		garbled: func(method string, o panel.Options) bool { // but where it begins with a code
			return method == "SendMultipleSMS" || method == "GetMsg" && o.Form != panel.WithCode
		},
	},
}

func never(string, panel.Options) bool  { return false }
func always(string, panel.Options) bool { return true }

// firstOfAll is the seed from which on worlds take turns at the kinds of panel. Those before it play at the first, as they did when there was no other.
const firstOfAll = 1_000_000

// PanelOf returns the panel of the world of a seed: as opts say, or one of another kind.
func PanelOf(seed uint64, opts panel.Options) panel.Options {
	if k := kinds[seed%uint64(len(kinds))]; seed >= firstOfAll && k.dialect != panel.Nusoap {
		opts.Dialect = k.dialect
		k.vary(Chance(seed+200), &opts)
	}
	return opts
}

// Kinds is after how many seeds PanelOf comes back to a kind of panel.
func Kinds() int { return len(kinds) }

// SeedAt returns the first seed that PanelOf has at a kind of panel, by its name, and whether there is one.
func SeedAt(kind string) (uint64, bool) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.dialect.Kind() == kind })
	return firstOfAll + uint64(i), i >= 0
}

// kindOf returns the row of a dialect: of the two of SOAP it is the same.
func kindOf(d panel.Dialect) Kind {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.dialect == d })
	return kinds[max(0, i)]
}

// Comes reports whether bridges come to a point in the program at this kind of panel.
func (k Kind) Comes(point string) bool {
	of, _, _ := strings.Cut(point, ".")
	switch {
	case point == "fetch.decoded" || point == "fetch.stored":
		return !k.stays
	case slices.ContainsFunc(kinds, func(k Kind) bool { return slices.Contains(k.points, of) }):
		return slices.Contains(k.points, of)
	}
	return true
}

// Lose has an answer be lost if that is how a bridge comes to a point. Mu is held.
func (w *World) Lose(point string) {
	of, _, _ := strings.Cut(point, ".")
	switch {
	case of == "settle" || of == "search":
		w.Panel.Arm(panel.Fault{Kind: panel.Close, CarryOut: w.Rand.IntN(2) == 0, Method: "SendSMS"})
	case point == "again.listed":
		w.Panel.Arm(panel.Fault{Kind: panel.Close, CarryOut: true, Method: "GetMsg"})
	}
}
