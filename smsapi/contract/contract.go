// Package contract is what every panel's client must keep, whatever protocol it speaks: it plays against the panel's stand-in, and against
// what may stand where a panel should. Only tests use it. A client passes it by what its Traits say, no more and no less.
package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"peyk/relay"
	"peyk/sandbox/panel"
	"peyk/sandbox/sandboxtest"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// Secret is the password, or the key, that the stand-in of a Subject must ask for, and its client give.
const Secret = "pass-nobody/may?see"

// Subject is a panel: how its stand-in behaves, and its client.
type Subject struct {
	Panel panel.Options // Password and FirstID are the contract's
	Path  string        // of the panel's address
	New   func(address string, opts exchange.Options) (relay.Client, error)
	Lies  []panel.Fault // answers of status 200 that say that nothing was carried out, though the method was asked for properly
}

// Test holds a panel to the contract.
func Test(t *testing.T, s Subject) {
	for _, clause := range []struct {
		name string
		hold func(*bench)
	}{
		{"an order is carried out once, and told of each recipient in turn", holdOrders},
		{"what is no order is not asked", holdNoOrder},
		{"ids are text, and states have their words", holdStatus},
		{"SMS come as they were written, once", holdInbox},
		{"whatever an answer is cut to, nothing is made of it that was not in it", holdCut},
		{"a wrong login is told apart", holdLogin},
		{"an order sent again with its keys goes out once", holdKeys},
		{"an order is found by what it says", holdAlike},
		{"SMS that were taken are read again", holdAgain},
		{"SMS are read on from the last one, whatever shifts", holdCursor},
		{"a price is told, and costs nothing", holdPrice},
		{"an answer that says no is no success", holdLies},
		{"what stands where a panel should has errors of the right kind", holdTroubles},
	} {
		t.Run(clause.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { clause.hold(newBench(t, s)) })
		})
	}
}

// bench is a client and its panel on a network in memory.
type bench struct {
	testing.TB
	Subject
	panel   *panel.Server
	network *sandboxtest.Network
	client  relay.Client
	at      smsapi.Place     // where to fetch
	instead http.HandlerFunc // answers instead of the panel, if set
	asked   atomic.Int32     // POSTs
}

func newBench(t testing.TB, s Subject) *bench {
	s.Panel.Password, s.Panel.FirstID = Secret, 1<<53+1 // beyond what a float64 counts
	b := &bench{TB: t, Subject: s, panel: panel.New(s.Panel), at: smsapi.Place{Line: line}}
	b.network = &sandboxtest.Network{Handler: b}
	b.network.Up()
	t.Cleanup(b.network.Close)
	var err error
	if b.client, err = s.New("http://panel.example"+s.Path, exchange.Options{Dial: b.network.Dial}); err != nil {
		t.Fatal(err)
	}
	return b
}

// ServeHTTP passes a request to the panel, or to what stands there instead. What only reads may be a GET: there net/http may repeat it. A WSDL is only
// how to ask, and always the panel's.
func (b *bench) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		b.asked.Add(1)
	}
	if _, wsdl := r.URL.Query()["wsdl"]; wsdl || b.instead == nil {
		b.panel.ServeHTTP(w, r)
		return
	}
	io.Copy(io.Discard, r.Body)
	b.instead(w, r)
}

const line = sms.Number("30001234")

var to = []sms.Number{"09120000001", "09120000002", "09120000003"}

const text = "متن nobody may see"

// holdOrders also has a number come twice where each recipient has a text of its own.
func holdOrders(b *bench) {
	twice := []sms.Number{to[0], to[1], to[0]}
	for _, o := range []smsapi.Order{
		{Line: line, To: to, Text: text},
		{Line: line, To: to[:1], Text: "یک & <b>\nدو 😀"},
		{Line: line, To: twice, Texts: []string{"one", "دو", "three"}},
	} {
		before, asked := b.panel.SentCount(), b.asked.Load()
		sent, err := b.client.Send(b.Context(), o)
		if err != nil || sent.IDs != nil || len(sent.Results) != len(o.To) {
			b.Fatalf("got %+v, %v", sent, err)
		}
		most := int32(1)
		if b.client.Traits().Keyed {
			most = int32(max(1, len(o.Texts))) // what is asked for twice goes out once
		}
		if n := b.asked.Load() - asked; n < 1 || n > most {
			b.Errorf("the panel was asked %d times to send, want %d at most", n, most)
		}
		accepted := b.panel.Sent()[before:]
		if len(accepted) != len(o.To) {
			b.Fatalf("the panel accepted %d SMS, want %d", len(accepted), len(o.To))
		}
		for i, r := range sent.Results {
			want := o.Text
			if len(o.Texts) > 0 {
				want = o.Texts[i]
			}
			at := slices.IndexFunc(accepted, func(m panel.SMS) bool { return m.ID == string(r.ID) })
			if at < 0 || r.Err != nil || r.Recipient != o.To[i] || accepted[at].Customer != string(o.To[i]) || accepted[at].Text != want || accepted[at].Line != string(line) {
				b.Errorf("result %d: got %+v, want that of %s; the panel has %+v", i, r, o.To[i], accepted)
			}
		}
	}
}

func holdNoOrder(b *bench) {
	many := make([]sms.Number, smsapi.MaxRecipients+1)
	for i := range many {
		many[i] = sms.Number(fmt.Sprintf("0912%07d", i))
	}
	for name, o := range map[string]smsapi.Order{
		"no recipients":       {Line: line, Text: text},
		"too many recipients": {Line: line, To: many, Text: text},
		"no text":             {Line: line, To: to, Text: " \n"},
		"a text too few":      {Line: line, To: to, Texts: []string{"one", "two"}},
		"an empty text":       {Line: line, To: to, Texts: []string{"one", "", "three"}},
		"no UTF-8":            {Line: line, To: to, Text: "\xd3\xe1"},
	} {
		_, err := b.client.Send(b.Context(), o)
		b.kind(name, err, smsapi.Rejected)
	}
	if n := b.asked.Load(); n != 0 {
		b.Errorf("the panel was asked %d times, want never", n)
	}
	if sent, err := b.client.Send(b.Context(), smsapi.Order{Line: line, To: many[1:], Text: text}); err != nil || len(sent.Results) != smsapi.MaxRecipients {
		b.Errorf("to %d: got %d results, %v", smsapi.MaxRecipients, len(sent.Results), err)
	}
}

func holdStatus(b *bench) {
	var many []sms.Number
	for i := range 7 {
		many = append(many, sms.Number(fmt.Sprintf("0912%07d", i)))
	}
	ids := []sms.ID{"1"} // nobody's
	want := []smsapi.Delivery{{ID: "1"}}
	for i, d := range []smsapi.Delivery{
		{Status: sms.Sent}, {Status: sms.Failed, Reason: sms.TelecomProblem}, {Status: sms.AtTelecom}, {Status: sms.Delivered},
		{Status: sms.Failed, Reason: sms.NotDelivered}, {Status: sms.Failed, Reason: sms.Blacklisted}, {Status: sms.Sent},
	} {
		sent, err := b.client.Send(b.Context(), smsapi.Order{Line: line, To: many[i : i+1], Text: text})
		if err != nil {
			b.Fatal(err)
		}
		d.ID = sent.Results[0].ID
		name, _, _ := strings.Cut(string(d.ID), "/") // of a batch, or of the SMS
		if n, err := strconv.ParseInt(name, 10, 64); err != nil || n <= 1<<53 {
			b.Errorf("got id %s, want one beyond 2^53", d.ID)
		}
		if i < 6 && !b.panel.SetStatus(string(d.ID), i+1) {
			b.Errorf("the panel has no SMS of id %s", d.ID)
		}
		ids, want = append(ids, d.ID), append(want, d)
	}
	ids, want = append(ids, ids[3]), append(want, want[3]) // one twice
	got, err := b.client.Status(b.Context(), ids)
	if err != nil || len(got) != len(ids) {
		b.Fatalf("got %d states of %d, %v", len(got), len(ids), err)
	}
	for i := range got {
		got[i].Code = ""
		if got[i] != want[i] {
			b.Errorf("state %d: got %+v, want %+v", i, got[i], want[i])
		}
	}
	if none, err := b.client.Status(b.Context(), nil); err != nil || len(none) != 0 {
		b.Errorf("of no ids: got %v, %v", none, err)
	}
}

// fetch fetches and decodes, at a panel with a cursor until it has all.
func (b *bench) fetch() (all smsapi.Inbox, err error) {
	for range 20 {
		answer, err := b.client.Fetch(b.Context(), b.at)
		in, wrong := b.client.Decode(answer)
		all.Messages, all.More = append(all.Messages, in.Messages...), in.More
		if err := errors.Join(err, wrong); err != nil {
			return all, err
		}
		if !b.client.Traits().Cursor {
			break
		}
		if b.at = in.Next; !in.More {
			break
		}
	}
	return all, nil
}

func holdInbox(b *bench) {
	if in, err := b.fetch(); err != nil || len(in.Messages) != 0 || in.More {
		b.Errorf("an empty inbox: got %+v, %v", in, err)
	}
	at := b.panel.Now().Add(-time.Minute).Truncate(time.Second)
	written := []panel.SMS{
		{Customer: "+989120000001", Text: "سلام <b>وقت بخیر</b> & 😀\u200c\nخط دوم", At: at},
		{Customer: "۰۹۱۲۰۰۰۰۰۰۲", Text: "۱۲۳", At: at.Add(time.Second)},
		{Customer: "9120000003", Text: `{"ErrCode":0} ]]> "quoted" \n`, At: at.Add(2 * time.Second)},
		{Customer: "Irancell", Text: "from a name", At: at.Add(3 * time.Second)},
	}
	for _, m := range written {
		b.panel.ReceiveAt(m.Customer, string(line), m.Text, m.At)
	}
	before, asked := b.at, b.asked.Load()
	in, err := b.fetch()
	if n := b.asked.Load() - asked; err != nil || n != 1 && !b.client.Traits().Cursor {
		b.Fatalf("asked %d times, %v", n, err)
	}
	smsapi.InboxOrder(0).Sort(in.Messages)
	if len(in.Messages) != len(written) {
		b.Fatalf("got %+v, want %d", in.Messages, len(written))
	}
	for i, m := range in.Messages {
		want := written[i]
		if m.InboxID != sms.ID(b.panel.Inbox()[i].ID) {
			b.Errorf("SMS %d: its id is %q, want %q", i, m.InboxID, b.panel.Inbox()[i].ID)
		}
		if m.Direction != sms.Inbound || m.Line != line || m.Customer != sms.Normalize(want.Customer) || m.Text != want.Text || !m.Time.Equal(want.At) || !m.Received.IsZero() {
			b.Errorf("SMS %d: got %+v, want %+v", i, m, want)
		}
	}
	if in, err := b.fetch(); err != nil || len(in.Messages) != 0 {
		b.Errorf("fetched again: got %+v, %v", in, err)
	}
	if b.client.Traits().Cursor {
		b.at = before
		if again, err := b.fetch(); err != nil || len(again.Messages) != len(written) {
			b.Errorf("read again: got %+v, %v", again, err)
		}
	}
}

// holdCut cuts an answer of two SMS at every byte.
func holdCut(b *bench) {
	b.panel.Receive("09120000001", string(line), "first")
	b.panel.Receive("09120000002", string(line), "second")
	answer, err := b.client.Fetch(b.Context(), b.at)
	if err != nil {
		b.Fatal(err)
	}
	whole, err := b.client.Decode(answer)
	again, wrong := b.client.Decode(answer)
	if err != nil || len(whole.Messages) != 2 || wrong != nil || !reflect.DeepEqual(whole, again) {
		b.Fatalf("got %+v, %v, then %+v, %v", whole, err, again, wrong)
	}
	kept := 0
	for n := range answer.Body {
		cut := answer
		cut.Body, cut.Cut = answer.Body[:n], true
		in, err := b.client.Decode(cut)
		if err == nil && len(in.Messages) < 2 {
			b.Errorf("cut at %d: %d SMS, and no error", n, len(in.Messages))
		}
		for _, m := range in.Messages {
			if !slices.Contains(whole.Messages, m) {
				b.Errorf("cut at %d: got %+v", n, m)
			}
		}
		kept = max(kept, len(in.Messages))
	}
	if kept != 2 {
		b.Errorf("at most %d SMS of an answer without its end were kept, want 2", kept)
	}
}

// calls is each call once; each returns its error.
var calls = map[string]func(*bench) error{
	"credit": func(b *bench) error { _, err := b.client.Credit(b.Context()); return err },
	"send": func(b *bench) error {
		_, err := b.client.Send(b.Context(), smsapi.Order{Line: line, To: to, Text: text})
		return err
	},
	"send each": func(b *bench) error {
		sent, err := b.client.Send(b.Context(), smsapi.Order{Line: line, To: to, Texts: []string{text, "two", "three"}})
		for _, r := range sent.Results {
			if err == nil && r.Err != nil {
				err = r.Err
			}
		}
		return err
	},
	"status": func(b *bench) error { _, err := b.client.Status(b.Context(), []sms.ID{"51"}); return err },
	"fetch":  func(b *bench) error { _, err := b.fetch(); return err },
}

// keyed is what a client has whose Traits say that it is Keyed.
type keyed interface {
	Find(context.Context, smsapi.Order) (smsapi.Found, error)
}

func holdKeys(b *bench) {
	finder, has := b.client.(keyed)
	if b.client.Traits().Keyed != has {
		b.Fatalf("it is Keyed: %t, but has Find: %t", b.client.Traits().Keyed, has)
	}
	if !has {
		return
	}
	keys := []int64{1<<53 - 1, 7, 8}
	for i, o := range []smsapi.Order{
		{Line: line, To: to, Text: text, Keys: keys},
		{Line: line, To: to, Texts: []string{"one", "two", "one"}, Keys: []int64{1<<53 - 4, 1<<53 - 3, 1<<53 - 2}},
	} {
		none, err := finder.Find(b.Context(), o)
		if err != nil || !slices.Equal(none.IDs, make([]sms.ID, 3)) {
			b.Errorf("before it was sent: got %+v, %v", none, err)
		}
		// Each request is carried out, and its answer lost.
		for b.panel.Arm(panel.Fault{Kind: panel.Close, CarryOut: true, Times: 3}); ; {
			sent, err := b.client.Send(b.Context(), o)
			if err == nil {
				for j, r := range sent.Results {
					if r.Err != nil || r.Recipient != o.To[j] || r.ID == "" {
						b.Errorf("result %d: got %+v", j, r)
					}
				}
				found, err := finder.Find(b.Context(), o)
				for j, r := range sent.Results {
					if err != nil || found.IDs[j] != r.ID {
						b.Errorf("found %v, %v, want %+v", found.IDs, err, sent.Results)
					}
				}
				break
			}
			b.kind("send", err, smsapi.Uncertain)
		}
		if n := b.panel.SentCount(); n != 3*(i+1) {
			b.Errorf("%d went out in all, want %d", n, 3*(i+1))
		}
		b.panel.Disarm()
	}
	// A key of another SMS: nothing goes out, and nobody is told that it did.
	_, err := b.client.Send(b.Context(), smsapi.Order{Line: line, To: []sms.Number{"09129999999"}, Text: "x", Keys: keys[:1]})
	b.kind("a key used before", err, smsapi.Uncertain)
	b.panel.Forward(b.client.Traits().KeyFor + time.Minute)
	b.network.Down()
	_, err = finder.Find(b.Context(), smsapi.Order{Keys: keys})
	b.kind("find", err, smsapi.Unavailable)
}

// alike is what a client has whose Traits say that it Finds.
type alike interface {
	FindAlike(context.Context, smsapi.Order, time.Time) ([][]sms.ID, error)
}

func holdAlike(b *bench) {
	finder, has := b.client.(alike)
	if b.client.Traits().Finds != has {
		b.Fatalf("it Finds: %t, but has FindAlike: %t", b.client.Traits().Finds, has)
	}
	if !has {
		return
	}
	begun := b.panel.Now()
	for i, o := range []smsapi.Order{
		{Line: line, To: to, Text: text},
		{Line: line, To: to[:1], Text: "یک"},
		{Line: line, To: to, Texts: []string{"one", "two", "one"}},
	} {
		want := make([][]sms.ID, len(o.To))
		for n := range 2 { // that it is sent twice shows, too
			found, err := finder.FindAlike(b.Context(), o, begun)
			if err != nil || !reflect.DeepEqual(found, want) {
				b.Errorf("order %d, %d times: found %v, %v, want %v", i, n, found, err, want)
			}
			b.panel.Arm(panel.Fault{Kind: panel.Close, CarryOut: true})
			_, err = b.client.Send(b.Context(), o)
			b.kind("send", err, smsapi.Uncertain)
			for _, m := range b.panel.Sent()[b.panel.SentCount()-len(o.To):] {
				at := slices.IndexFunc(o.To, func(n sms.Number) bool { return string(n) == m.Customer })
				want[at] = append([]sms.ID{sms.ID(m.ID)}, want[at]...)
			}
			_, err = b.client.Send(b.Context(), o)
			if b.kind("the same again at once", err, smsapi.Unavailable); !errors.Is(err, smsapi.ErrTwin) {
				b.Errorf("the same again at once: got %v", err)
			}
			b.panel.Forward(b.client.Traits().Twin)
		}
		found, err := finder.FindAlike(b.Context(), o, begun)
		if err != nil || !reflect.DeepEqual(found, want) {
			b.Errorf("order %d: found %v, %v, want %v", i, found, err, want)
		}
		// Others are not like it.
		if _, err := b.client.Send(b.Context(), smsapi.Order{Line: line, To: []sms.Number{to[0], "09129999999"}, Text: o.Text + "!"}); err != nil {
			b.Fatal(err)
		}
		if found, err := finder.FindAlike(b.Context(), o, begun); err != nil || !reflect.DeepEqual(found, want) {
			b.Errorf("order %d beside another: found %v, %v, want %v", i, found, err, want)
		}
		b.panel.Forward(5 * time.Minute)
		if found, err := finder.FindAlike(b.Context(), o, b.panel.Now()); err != nil || !reflect.DeepEqual(found, make([][]sms.ID, len(o.To))) {
			b.Errorf("order %d, begun later: found %v, %v", i, found, err)
		}
	}
}

// priced is what a client has whose Traits say that the panel tells Prices.
type priced interface {
	Price(ctx context.Context, line sms.Number, text string) (smsapi.Price, error)
}

func holdPrice(b *bench) {
	client, has := b.client.(priced)
	if b.client.Traits().Prices != has {
		b.Fatalf("it tells Prices: %t, but has Price: %t", b.client.Traits().Prices, has)
	}
	if !has {
		return
	}
	ask := func() (smsapi.Price, error) { return client.Price(b.Context(), line, "سلام") }
	if p, err := ask(); err != nil || p.Least <= 0 || p.Most < p.Least {
		b.Errorf("got %+v, %v", p, err)
	}
	if p, err := client.Price(b.Context(), line, strings.Repeat("سلام", 50)); err == nil {
		b.Errorf("of several parts: got %+v", p)
	}
	_, err := client.Price(b.Context(), "20009999", "سلام")
	b.kind("a line of others", err, smsapi.Rejected)
	for _, lie := range b.Lies {
		b.panel.Arm(lie)
		if p, err := ask(); err == nil {
			b.Errorf("%+v is taken for a price: %+v", lie, p)
		}
		b.panel.Disarm()
	}
	for _, trouble := range troubles(b) {
		b.instead = trouble.instead
		_, err := ask()
		b.kind("price, "+trouble.name, err, trouble.want)
	}
	b.instead = nil
	b.network.Down()
	_, err = ask()
	b.kind("price", err, smsapi.Unavailable)
	if n := b.panel.SentCount(); n != 0 {
		b.Errorf("%d SMS were accepted", n)
	}
}

// holdCursor has SMS come between the pages of a round, and one whose id is late.
func holdCursor(b *bench) {
	if !b.client.Traits().Cursor {
		return
	}
	b.panel.Receive(string(to[0]), string(line), "the first")
	if in, err := b.fetch(); err != nil || len(in.Messages) != 1 {
		b.Fatalf("got %+v, %v", in, err)
	}
	older := b.at
	var between atomic.Int32
	b.panel.OnCall(func(c panel.Call) {
		if c.Method != "GetMsg" || c.Stage != panel.Answered {
			return
		}
		if n := between.Add(1); n <= 7 {
			b.panel.Receive(string(to[1]), string(line), fmt.Sprint("between pages ", n))
		}
	})
	for i := range 7 {
		b.panel.Receive(string(to[i%3]), string(line), fmt.Sprint("SMS ", i))
	}
	b.panel.ReceiveLate(string(to[0]), string(line), "late", time.Minute)
	got := map[sms.ID]string{}
	rounds := func() {
		for range 9 {
			in, err := b.fetch()
			if err != nil {
				b.Fatal(err)
			}
			for _, m := range in.Messages {
				got[m.InboxID] = m.Text
			}
		}
	}
	rounds()
	if len(got) != 14 || between.Load() < 7 {
		b.Errorf("got %d SMS, want 14 and the one that is late: %v", len(got), got)
	}
	b.panel.Forward(time.Minute)
	b.at = older
	if rounds(); len(got) != 15 {
		b.Errorf("read again from before: got %d SMS, want 15: %v", len(got), got)
	}
	for _, m := range b.panel.Inbox()[1:] {
		if got[sms.ID(m.ID)] != m.Text {
			b.Errorf("SMS %s: got %q, want %q", m.ID, got[sms.ID(m.ID)], m.Text)
		}
	}
}

func holdAgain(b *bench) {
	again := b.client.Traits().Again
	if again == 0 {
		return
	}
	since := b.panel.Now()
	for i := range 7 {
		b.panel.Receive(string(to[i%3]), string(line), fmt.Sprint("SMS ", i%2)) // some say the same in the same second
	}
	b.panel.Receive(string(to[0]), "30005678", "to another line")
	taken, err := b.fetch()
	if err != nil || len(taken.Messages) != 7 {
		b.Fatalf("got %+v, %v", taken, err)
	}
	var listed []sms.Message
	for page := 0; ; page++ {
		answer, err := b.client.Fetch(b.Context(), smsapi.Place{Line: line, Since: since.Add(-time.Minute), Page: page})
		in, wrong := b.client.Decode(answer)
		if err != nil || wrong != nil || page > 7 {
			b.Fatalf("page %d: %v, %v", page, err, wrong)
		}
		listed = append(listed, in.Messages...)
		if !in.More {
			break
		}
	}
	smsapi.InboxOrder(0).Sort(listed)
	if !reflect.DeepEqual(listed, taken.Messages) {
		b.Errorf("read again: got %+v, want %+v", listed, taken.Messages)
	}
	for _, m := range listed {
		if m.InboxID == "" {
			b.Errorf("without an id nobody knows which was taken before: %+v", m)
		}
	}
}

func holdLogin(b *bench) {
	b.panel.SetPassword("another")
	for name, call := range calls {
		b.kind(name, call(b), smsapi.Auth)
	}
	if n := b.panel.SentCount(); n != 0 {
		b.Errorf("%d SMS were accepted", n)
	}
}

func holdLies(b *bench) {
	if len(b.Lies) == 0 {
		b.Fatal("the subject names no answer that says no")
	}
	for _, lie := range b.Lies {
		for name, call := range calls {
			lie.Times = -1
			b.panel.Arm(lie)
			err := call(b)
			b.panel.Disarm()
			if err == nil {
				b.Errorf("%s: %+v is taken for a success", name, lie)
				continue
			}
			b.noSecrets(name, err)
		}
	}
}

// trouble is what may stand where a panel should, and what an error says then.
type trouble struct {
	name    string
	instead http.HandlerFunc
	want    smsapi.Kind
}

const page = "<!DOCTYPE html><html><body><h1>Bad Gateway</h1>" + Secret + "</body></html>"

func answers(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func troubles(b *bench) []trouble {
	hangs := func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		for text := bytes.Repeat([]byte("x"), 1<<20); r.Context().Err() == nil; { // not spaces, which take long to read as JSON
			if _, err := w.Write(text); err != nil {
				return
			}
		}
	}
	all := []trouble{
		{"the connection ends", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, smsapi.Uncertain},
		{"no end comes", hangs, smsapi.Uncertain},
		{"it never ends", endless, smsapi.Uncertain},
		{"an empty answer", answers(http.StatusOK, "", ""), smsapi.Uncertain},
		{"null", answers(http.StatusOK, "application/json", "null"), smsapi.Uncertain},
		{"a page", answers(http.StatusOK, "text/html", page), smsapi.Uncertain},
		{"another address", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://elsewhere.example/?key="+Secret)
			w.WriteHeader(http.StatusFound)
		}, smsapi.Uncertain},
		{"half an answer", func(w http.ResponseWriter, r *http.Request) {
			whole := httptest.NewRecorder()
			b.panel.ServeHTTP(whole, httptest.NewRequest(http.MethodPost, "/", nil))
			w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()+1))
			w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
			panic(http.ErrAbortHandler)
		}, smsapi.Uncertain},
	}
	for _, status := range []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		all = append(all, trouble{fmt.Sprint(status), answers(status, "text/html", page), smsapi.Uncertain})
	}
	return all
}

func holdTroubles(b *bench) {
	for _, trouble := range troubles(b) {
		for name, call := range calls {
			b.instead = trouble.instead
			begun, asked := time.Now(), b.asked.Load()
			b.kind(name+", "+trouble.name, call(b), trouble.want)
			if n := b.asked.Load() - asked; n > 1 {
				b.Errorf("%s, %s: the panel was asked %d times", name, trouble.name, n)
			}
			if took := time.Since(begun); took > time.Minute {
				b.Errorf("%s, %s: took %v", name, trouble.name, took)
			}
		}
	}
	b.network.Down()
	for name, call := range calls {
		b.kind(name+", nobody listens", call(b), smsapi.Unavailable)
	}
	if n := b.panel.SentCount(); n != 0 {
		b.Errorf("%d SMS were accepted", n)
	}
}

// kind fails unless err is of that kind, and shows nothing that must not be seen.
func (b *bench) kind(name string, err error, want smsapi.Kind) {
	b.Helper()
	failed, ok := errors.AsType[*smsapi.Error](err)
	if !ok || failed.Kind != want {
		b.Errorf("%s: got %v, want one that is %v", name, err, want)
		return
	}
	b.noSecrets(name, err)
}

func (b *bench) noSecrets(name string, err error) {
	b.Helper()
	shown := fmt.Sprintf("%v %+v %#v", err, err, err)
	for ; err != nil; err = errors.Unwrap(err) {
		shown += fmt.Sprintf(" %v %+v %#v", err, err, err)
		if failed, ok := err.(*smsapi.Error); ok {
			shown += failed.Text
		}
	}
	for _, secret := range []string{Secret, "nobody", "may%3Fsee", string(to[0])} {
		if strings.Contains(shown, secret) {
			b.Errorf("%s: the error shows %q: %s", name, secret, shown)
		}
	}
}
