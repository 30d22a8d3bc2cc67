// Package panel is an SMS panel on loopback: the other side of the wire for the bridge, for its tests and for the sandbox.
//
// It speaks the five SOAP methods of the panels it stands for (GetCredit, SendSMS, SendMultipleSMS, GetStatus, GetMsg) byte for byte in
// the shapes measured on the two kinds of server they run on, and is as strict: parameters by position, error codes with their texts,
// sixty numbers, repeated numbers dropped, unread messages taken away by the answer that carries them. It is written from the protocol
// and imports nothing of the bridge, so that a mistake in the client cannot be repeated here.
//
//	Receive -> unread -> GetMsg          a customer writes, the bridge fetches
//	SendSMS -> Sent -> Steps -> GetStatus   the bridge sends, the status moves by itself or by SetStatus
//	Arm, SetDown, OnCall                 what can go wrong, and when
//
// A Server is a Handler; Start gives it a listener of its own, which SetDown needs to refuse connections as a machine that is down does.
package panel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Dialect is the kind of server the panel runs on.
type Dialect int

const (
	// Nusoap is the PHP library nusoap 0.9.5: parameters by position, answers as structs.
	Nusoap Dialect = iota
	// Native is PHP's own SoapServer: parameters by name, answers as Maps. With NoWSDL it goes by position, as the real one does.
	Native
)

// kindsOf are what the bridge's settings call them.
var kindsOf = map[string]Dialect{"soap": Nusoap, "kavenegar": Kavenegar, "edge": Edge, "rest": REST}

// Kind returns what the bridge's SMS_PANEL calls a panel of the dialect.
func (d Dialect) Kind() string {
	for kind, of := range kindsOf {
		if of == d {
			return kind
		}
	}
	return "soap"
}

// OfKind returns a dialect of a kind of panel, and whether there is one.
func OfKind(kind string) (Dialect, bool) {
	d, ok := kindsOf[kind]
	return d, ok
}

// Path is where a panel of the kind listens.
func (d Dialect) Path() string {
	if d == REST {
		return "/class/sms/restful"
	}
	if d == Kavenegar || d == Edge {
		return "/v1"
	}
	return "/class/sms/webservice3/server.php"
}

// Options says how a panel behaves. The zero value is a nusoap panel for user "demo" with password "demo-pass", the lines 30001234 and
// 30005678 and a million of credit.
type Options struct {
	Dialect  Dialect
	User     string
	Password string
	// Lines are the account's own numbers; sending from another is error -5.
	Lines []string
	// Credit falls by one for each part of each SMS. For none at all: SetCredit(0).
	Credit float64
	// FirstID is the first send id; 5000000001 when zero.
	FirstID int64
	// NoWSDL answers 404 to ?wsdl.
	NoWSDL bool
	// OldOrder takes the parameters of the two sending methods in the order of the older family's WSDL: fromNum, toNum,
	// messageContent, messageType, user, pass.
	OldOrder bool
	// Resend does not mark as read: GetMsg hands out the last fifty every time.
	Resend bool
	// NewestFirst makes GetMsg hand out the newest fifty, newest first, instead of the oldest fifty in order.
	NewestFirst bool
	// LeavesOut makes GetStatus leave out unknown ids instead of answering an empty status for them.
	LeavesOut bool
	// Of Kavenegar. Debug sends nothing, ResendFailed says that the panel itself sends again what failed.
	Debug, ResendFailed bool
	// DocumentedErrors answers errors as the documentation shows them, which is no JSON; BareUnknown leaves out the id of what it does not
	// know; EmptyIsNull says null for no SMS.
	DocumentedErrors, BareUnknown, EmptyIsNull bool
	// PageSize is how many rows a page has at most, at Kavenegar of ListMsg: 200 when zero; at Edge of all, 100 when zero.
	PageSize int
	// Of REST. Form is how it answers; Basic has it ask for the login over HTTP, too.
	Form  RESTForm
	Basic bool
	// Of Edge, besides EmptyIsNull. FromIDBelow takes from_id to be the upper end: those at or below it, newest first; else it has those after it,
	// oldest first. ErrorsAre200 has errors come with the status 200; Millions counts far more rows and pages than there are; PersianDigits writes
	// the digits of texts so.
	FromIDBelow, ErrorsAre200, Millions, PersianDigits bool
	// ListDelay is how long ListSent does not know what was accepted.
	ListDelay time.Duration
	// Statuses are the steps each accepted SMS takes by itself; without any it stays at 1.
	Statuses []Step
}

// Step is one move of an SMS's status, After the step before it (the first, after the SMS was accepted).
type Step struct {
	After  time.Duration
	Status int
}

// SMS is one SMS as the panel knows it. Customer is in the form 09… where it is an Iranian mobile number, else as it was given.
type SMS struct {
	// ID is the send id; a customer's SMS has none, but at Kavenegar and Edge.
	ID       string    `json:"id,omitempty"`
	Line     string    `json:"line"`
	Customer string    `json:"customer"`
	Text     string    `json:"text"`
	Status   int       `json:"status,omitempty"`
	At       time.Time `json:"at"`
}

// Request is one call that reached the panel. Params holds what the panel took each parameter to be (after positions), without user
// and pass.
type Request struct {
	Method     string              `json:"method"`
	Params     map[string][]string `json:"params,omitempty"`
	At         time.Time           `json:"at"`
	CarriedOut bool                `json:"carried_out"`
	// Answer is the ErrCode given ("0", "-5"), or the Kind of the fault that took its place, or "fault", or "crash".
	Answer string `json:"answer"`
	Code   int    `json:"code,omitempty"` // of the fault ErrCode
	// Caller is the remote address of its connection.
	Caller string `json:"caller,omitempty"`
	// Given are the SMS that GetMsg handed out, in the order of the answer.
	Given []SMS `json:"given,omitempty"`
	// Told are the statuses that GetStatus told, by id.
	Told map[string]int `json:"told,omitempty"`
	// Recipients is how many numbers a sending call named, Accepted how many SMS came of it.
	Recipients int `json:"recipients,omitempty"`
	// Asked are the SMS that a sending call asks for, whatever its protocol. Their ID is the caller's key, if it has any.
	Asked    []SMS `json:"asked,omitempty"`
	Accepted int   `json:"accepted,omitempty"`
	// Answered says that the caller was told, truly and in full, what came of the call. It is set when the answer begins to be written, and
	// stays false when the caller was gone by then.
	Answered bool `json:"answered"`
}

// Inbound is a customer's SMS, and whether GetMsg has handed it out.
type Inbound struct {
	SMS
	Fetched bool      `json:"fetched"`
	hidden  time.Time // no answer has it before then
	// Lost says that the answer that handed it out did not arrive, or not whole: the caller may have read a part of it.
	Lost bool `json:"lost,omitempty"`
}

// State is what was done to the panel by hand.
type State struct {
	Down     bool    `json:"down"`
	Credit   float64 `json:"credit"`
	Password string  `json:"password"`
	// Faults are armed and have not struck, with Times as it stands.
	Faults []Fault `json:"faults"`
	// Expected is the status SMS to a number will have, by the pattern it was set for.
	Expected map[string]int `json:"expected"`
}

// Server is an SMS panel. All methods may be called at any time from any goroutine.
type Server struct {
	opts Options

	mu       sync.Mutex
	password string
	credit   float64
	nextID   int64
	inbox    []*Inbound // all that customers wrote, in order of arrival
	unread   []*Inbound // those not handed out; taken from either end
	sent     []*accepted
	byID     map[string]*accepted
	byKey    map[string]*accepted // at Kavenegar, by the caller's key
	inUse    map[string]int       // keys, by how many requests to send are under way with them
	overlaps int
	batches  map[string]*batch // at Edge, by their ids
	inOrder  []*batch
	twins    map[twin]time.Time
	rules    []rule
	requests []Request
	faults   []Fault
	onCall   func(Call)
	down     bool
	ahead    time.Duration // see Forward
	changed  chan struct{} // closed and replaced whenever anything above changes
	watchers map[*watcher]struct{}

	netMu sync.Mutex // guards the listener's own life; never held together with mu
	addr  string
	http  *http.Server
	ended chan struct{} // closed when http has stopped serving
}

// accepted is an SMS accepted for sending.
type accepted struct {
	SMS
	byHand bool // its status was set by hand and does not move by itself any more
	debug  bool // it was not really sent
	many   bool // of own texts, at REST
}

// rule gives every SMS to a matching customer a status by hand; 0 lets it move by itself.
type rule struct {
	pattern string
	status  int
}

// New returns a panel without a listener. It needs no Close unless Start was called.
func New(opts Options) *Server {
	opts.User = cmp.Or(opts.User, "demo")
	opts.Credit = cmp.Or(opts.Credit, 1_000_000)
	if opts.Lines == nil {
		opts.Lines = []string{"30001234", "30005678"}
	}
	return &Server{
		opts:     opts,
		password: cmp.Or(opts.Password, "demo-pass"),
		credit:   opts.Credit,
		nextID:   cmp.Or(opts.FirstID, 5000000001),
		byID:     map[string]*accepted{},
		byKey:    map[string]*accepted{},
		inUse:    map[string]int{},
		batches:  map[string]*batch{},
		twins:    map[twin]time.Time{},
		changed:  make(chan struct{}),
		watchers: map[*watcher]struct{}{},
	}
}

// Start serves the panel on addr ("" means a free port of 127.0.0.1) and returns its address. Close ends it.
func (s *Server) Start(addr string) (string, error) {
	s.netMu.Lock()
	defer s.netMu.Unlock()
	if s.http != nil {
		return "", errors.New("start panel: already started")
	}
	s.addr = cmp.Or(addr, "127.0.0.1:0")
	if err := s.listen(); err != nil {
		return "", err
	}
	return "http://" + s.addr + s.opts.Dialect.Path(), nil
}

// listen serves on s.addr, which becomes the real address. netMu is held.
func (s *Server) listen() error {
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("start panel: %w", err)
	}
	s.addr = l.Addr().String()
	server, ended := &http.Server{Handler: s}, make(chan struct{})
	s.http, s.ended = server, ended
	go func() {
		defer close(ended)
		server.Serve(l)
	}()
	return nil
}

// hangUp closes the listener and every connection. netMu is held.
func (s *Server) hangUp() {
	if s.http == nil {
		return
	}
	s.http.Close()
	<-s.ended
	s.http = nil
}

// Close ends what Start began: the port is free and all connections are closed when it returns.
func (s *Server) Close() {
	s.netMu.Lock()
	defer s.netMu.Unlock()
	s.hangUp()
	s.addr = ""
}

// SetDown takes the panel off the network or brings it back. After Start connections are refused while it is down; a panel served as a
// Handler closes them unanswered. It fails only if the port was taken by another in the meantime.
func (s *Server) SetDown(down bool) error {
	s.netMu.Lock()
	defer s.netMu.Unlock()
	if s.addr != "" {
		switch {
		case down:
			s.hangUp()
		case s.http == nil:
			if err := s.listen(); err != nil {
				return err
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down == down {
		return nil
	}
	s.down = down
	kind := Up
	if down {
		kind = Down
	}
	s.publish(Event{Kind: kind})
	return nil
}

// Receive has a customer write to a line. The SMS is unread until GetMsg hands it out.
func (s *Server) Receive(customer, line, text string) {
	s.ReceiveAt(customer, line, text, s.Now())
}

// Forward has the panel's clock go forward by so much.
func (s *Server) Forward(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += by
}

// Now returns what time it is by the panel's clock.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// now is Now. mu is held.
func (s *Server) now() time.Time { return time.Now().Add(s.ahead) }

// ReceiveAt is Receive with the time of the SMS. The bridge gets the numbers exactly as given here.
func (s *Server) ReceiveAt(customer, line, text string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiveAt(customer, line, text, at, time.Time{})
}

// receiveAt is ReceiveAt of an SMS that is hidden until some time. mu is held.
func (s *Server) receiveAt(customer, line, text string, at, hidden time.Time) {
	m := SMS{Line: line, Customer: customer, Text: text, At: at}
	if s.opts.Dialect == Kavenegar || s.opts.Dialect == Edge {
		m.ID = strconv.FormatInt(firstInboxID+int64(len(s.inbox)), 10)
	}
	in := &Inbound{SMS: m, hidden: hidden}
	s.inbox, s.unread = append(s.inbox, in), append(s.unread, in)
	s.publish(Event{Kind: Received, SMS: m})
}

// Repeat has GetMsg hand out once more the last SMS that it handed out, as panels do whose mark of what was read is lost. It reports whether there is one.
func (s *Server) Repeat() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range slices.Backward(s.inbox) {
		if m.Fetched {
			if !slices.Contains(s.unread, m) {
				s.unread = append(s.unread, m)
				s.wake()
			}
			return true
		}
	}
	return false
}

// Inbox returns all that customers wrote so far, in order.
func (s *Server) Inbox() []Inbound {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Inbound, len(s.inbox))
	for i, m := range s.inbox {
		out[i] = *m
	}
	return out
}

// State returns what was done to the panel by hand.
func (s *Server) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := State{Down: s.down, Credit: s.credit, Password: s.password, Faults: append([]Fault{}, s.faults...), Expected: map[string]int{}}
	for _, r := range s.rules {
		st.Expected[r.pattern] = r.status
	}
	return st
}

// Sent returns the SMS accepted so far, in order.
func (s *Server) Sent() []SMS {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]SMS, len(s.sent))
	for i, m := range s.sent {
		out[i] = m.SMS
	}
	return out
}

// SentCount is len(Sent()) without the copy, for conditions of Wait.
func (s *Server) SentCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

// Unread is how many SMS wait for GetMsg.
func (s *Server) Unread() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.unread)
}

// Requests returns every call so far, in the order they were answered.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// SetStatus sets the status of one SMS by hand; it does not move by itself any more. It reports whether there is such an id.
func (s *Server) SetStatus(id string, status int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.byID[id]
	if m == nil {
		return false
	}
	m.byHand = true
	s.setStatus(m, status)
	return true
}

// ExpectStatus gives every SMS to customers whose number in the form 09… matches the pattern (as path.Match has it: "0912*") a status as
// soon as it is accepted, from now on; 0 lets statuses move by themselves again. The last call that matches decides.
func (s *Server) ExpectStatus(pattern string, status int) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("expect a status of %q: %w", pattern, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, rule{pattern, status})
	return nil
}

// SetStatusOf is ExpectStatus, and also sets the status of SMS accepted already.
func (s *Server) SetStatusOf(pattern string, status int) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("set status of %q: %w", pattern, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, rule{pattern, status})
	for _, m := range s.sent {
		if ok, _ := path.Match(pattern, m.Customer); ok {
			m.byHand = true
			s.setStatus(m, status)
		}
	}
	return nil
}

// accept accepts one SMS for sending and returns its id. mu is held.
func (s *Server) accept(line, customer, text string) string {
	id := strconv.FormatInt(s.nextID, 10)
	s.nextID++
	return s.acceptAs(id, line, customer, text).ID
}

// acceptAs accepts one SMS under an id. mu is held.
func (s *Server) acceptAs(id, line, customer, text string) *accepted {
	m := &accepted{SMS: SMS{
		ID:       id,
		Line:     line,
		Customer: customer,
		Text:     text,
		Status:   1,
		At:       s.now(),
	}}
	s.sent = append(s.sent, m)
	s.byID[m.ID] = m
	s.publish(Event{Kind: Accepted, SMS: m.SMS})
	for _, r := range slices.Backward(s.rules) {
		if ok, _ := path.Match(r.pattern, m.Customer); ok {
			if r.status != 0 {
				m.byHand = true
				s.setStatus(m, r.status)
			}
			break
		}
	}
	s.schedule(m, s.opts.Statuses)
	return m
}

// schedule lets an SMS take its next steps by itself, until somebody sets its status by hand.
func (s *Server) schedule(m *accepted, steps []Step) {
	if len(steps) == 0 {
		return
	}
	time.AfterFunc(steps[0].After, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if m.byHand {
			return
		}
		s.setStatus(m, steps[0].Status)
		s.schedule(m, steps[1:])
	})
}

// setStatus moves an SMS's status. mu is held.
func (s *Server) setStatus(m *accepted, status int) {
	if m.Status == status {
		return
	}
	m.Status = status
	s.publish(Event{Kind: StatusChanged, SMS: m.SMS})
}

// Credit returns what GetCredit answers now.
func (s *Server) Credit() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.credit
}

// SetCredit sets the account's credit.
func (s *Server) SetCredit(credit float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credit = credit
	s.wake()
}

// SetPassword changes the account's password: calls with the old one are answered -1.
func (s *Server) SetPassword(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.password = password
	s.wake()
}

// SetOddities changes how the account is set, at Kavenegar: see Options' Debug and ResendFailed.
func (s *Server) SetOddities(debug, resendFailed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Debug, s.opts.ResendFailed = debug, resendFailed
	s.wake()
}

// Wait returns nil as soon as cond holds. It asks cond again whenever the panel's state changed, without holding any lock. Otherwise it
// returns ctx's error.
func (s *Server) Wait(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for panel: %w", ctx.Err())
		}
	}
}

// wake makes every Wait look again. mu is held.
func (s *Server) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// formatCredit writes a credit as PHP would: no exponent, no trailing zeros.
func formatCredit(c float64) string { return strconv.FormatFloat(c, 'f', -1, 64) }
