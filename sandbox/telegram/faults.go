package telegram

import "time"

// FaultKind says how a call goes wrong.
type FaultKind string

// The ways a call can go wrong.
const (
	Refuse      FaultKind = "refuse"       // not handled; answered with Code, Description and the parameters
	TooMany     FaultKind = "too_many"     // not handled; 429 with RetryAfter (0 means 1)
	BadGateway  FaultKind = "bad_gateway"  // not handled; HTTP 502 with an HTML page
	CloseBefore FaultKind = "close_before" // not handled; the connection is closed without an answer
	CloseAfter  FaultKind = "close_after"  // handled; the connection is closed without an answer
	CutAnswer   FaultKind = "cut_answer"   // handled; the connection is closed in the middle of the answer
	Slow        FaultKind = "slow"         // handled and answered after Delay
	Hang        FaultKind = "hang"         // not handled, never answered; ends with the caller's patience, Disarm or Close
)

// Fault is one thing to go wrong with the next calls that match.
type Fault struct {
	Method string    // as in "sendMessage", any case; "" matches all
	Chat   int64     // 0 matches all, also methods without a chat
	Skip   int       // matching calls let through first
	Times  int       // calls spoilt; 0 means 1, less than 0 all
	Kind   FaultKind // required

	Code        int    // for Refuse: 0 means 400
	Description string // for Refuse: "" means "Bad Request"
	RetryAfter  int    // seconds, for TooMany and Refuse
	MigrateTo   int64  // for Refuse
	Delay       time.Duration
}

// Arm makes matching calls go wrong. Faults are tried in the order they were armed; the first that matches is used up
// by one. It fails when the kind is unknown.
func (s *Server) Arm(f Fault) error { panic("later") }

// Disarm forgets all faults and lets hanging calls end as CloseBefore.
func (s *Server) Disarm() { panic("later") }

// Armed returns the faults not yet used up, with Skip and Times as they stand.
func (s *Server) Armed() []Fault { panic("later") }

// SetDown with true closes every connection of the bot, also those in long poll, without an answer, until called with false.
func (s *Server) SetDown(down bool) { panic("later") }

// Stage is a moment in a call of the bot.
type Stage string

// The moments OnCall tells of.
const (
	BeforeHandling Stage = "before" // the request was read, nothing has happened yet
	AfterHandling  Stage = "after"  // all has happened, nothing was answered yet
)

// OnCall sets the function called at both stages of every call, in the call's own goroutine: the call waits for it, so a
// test can kill the bridge at that very moment. Chat is 0 for methods without one. Nil removes it.
func (s *Server) OnCall(f func(stage Stage, method string, chat int64)) { panic("later") }
