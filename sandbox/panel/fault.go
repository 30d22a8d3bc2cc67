package panel

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Kind is a way for a call to go wrong.
type Kind string

const (
	// Close closes the connection without an answer.
	Close Kind = "close"
	// Cut sends the headers and Bytes of the answer (0: half of it), then closes the connection. The call is always carried out.
	Cut Kind = "cut"
	// Slow answers as usual, after Delay. The call is always carried out, even if the caller has left by then; before the delay with
	// CarryOut, else after it.
	Slow Kind = "slow"
	// Hang never answers; it ends when the caller hangs up.
	Hang Kind = "hang"
	// SOAPFault answers 500 with a SOAP Fault whose text is Text.
	SOAPFault Kind = "soap_fault"
	// Crash answers 500 with an empty body, as PHP does when it dies.
	Crash Kind = "crash"
	// HTML answers 200 with a web page, as a suspended or unfinished hosting account does.
	HTML Kind = "html"
	// Redirect answers 302 to Location.
	Redirect Kind = "redirect"
	// ErrCode answers Code with Text ("": the guide's text of that code).
	ErrCode Kind = "errcode"
	// Empty answers 200 with an empty body.
	Empty Kind = "empty"
	// Endless begins the answer and never ends it; it stops when the caller hangs up. The call is always carried out.
	Endless Kind = "endless"
	// Garbage puts Body before the answer ("": a byte order mark and a PHP warning). The call is always carried out.
	Garbage Kind = "garbage"
	// Custom answers 200 with Body as ContentType ("": text/xml; charset=utf-8).
	Custom Kind = "custom"
)

var kinds = []Kind{Close, Cut, Slow, Hang, SOAPFault, Crash, HTML, Redirect, ErrCode, Empty, Endless, Garbage, Custom}

func (k Kind) known() bool { return slices.Contains(kinds, k) }

// Fault is something that is to go wrong.
type Fault struct {
	Kind Kind `json:"kind"`
	// Method is the method to strike; "" means any.
	Method string `json:"method,omitempty"`
	// Times is how many calls it strikes: 0 means one, a negative number all until Disarm.
	Times int `json:"times,omitempty"`
	// Chance is the share of the calls it matches that it strikes, by chance: 0 means all.
	Chance float64 `json:"chance,omitempty"`
	// Unread has it strike only while there is something unread to hand out.
	Unread bool `json:"unread,omitempty"`
	// CarryOut has the call carried out first: the SMS is sent, the unread are taken away, only the answer suffers.
	CarryOut bool `json:"carry_out,omitempty"`

	Delay       time.Duration `json:"delay,omitempty"`
	Bytes       int           `json:"bytes,omitempty"`
	Code        int           `json:"code,omitempty"`
	Text        string        `json:"text,omitempty"`
	Location    string        `json:"location,omitempty"`
	Body        string        `json:"body,omitempty"`
	ContentType string        `json:"content_type,omitempty"`
}

// carriesOut reports whether a call struck by the fault is carried out anyway.
func (f Fault) carriesOut() bool {
	switch f.Kind {
	case Cut, Endless, Garbage, Slow:
		return true
	}
	return f.CarryOut
}

// Arm has a fault strike the next calls that it matches. Faults strike one at a time, in the order they were armed.
func (s *Server) Arm(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// Disarm forgets every fault that has not struck.
func (s *Server) Disarm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// TakeBack forgets those faults of f's kind, method and code that have not struck, and leaves the others.
func (s *Server) TakeBack(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.DeleteFunc(s.faults, func(x Fault) bool { return x.Kind == f.Kind && x.Method == f.Method && x.Code == f.Code })
}

// strike uses up the fault that matches a call of method, if one is armed. mu is held.
func (s *Server) strike(method string) *Fault {
	for i := range s.faults {
		f := s.faults[i]
		if f.Method != "" && f.Method != method {
			continue
		}
		if f.Unread && len(s.unread) == 0 {
			continue
		}
		if f.Chance > 0 && rand.Float64() >= f.Chance {
			continue
		}
		if s.faults[i].Times--; s.faults[i].Times == 0 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		s.wake()
		return &f
	}
	return nil
}

// Stage is a moment of a call.
type Stage string

const (
	// Arrived: the call was read, nothing was carried out.
	Arrived Stage = "arrived"
	// CarriedOut: it was carried out, nothing was answered.
	CarriedOut Stage = "carried_out"
	// HalfAnswered: half of the answer is on the wire.
	HalfAnswered Stage = "half_answered"
	// Answered: all of the answer is on the wire.
	Answered Stage = "answered"
)

// Call is what OnCall's function is given.
type Call struct {
	Method string
	Stage  Stage
}

// OnCall has fn called at each stage of each call, in the call's own goroutine and without any lock. The call waits until fn
// returns, so a test can kill the bridge at that very moment. nil removes it.
func (s *Server) OnCall(fn func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onCall = fn
}
