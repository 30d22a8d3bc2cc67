package telegram

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

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
	Hang        FaultKind = "hang"         // not handled, never answered; ends with the caller's patience, Disarm, SetDown or Close
)

// Fault is one thing to go wrong with the next calls that match.
type Fault struct {
	Method string    `json:"method,omitempty"` // as in "sendMessage", any case; "" matches all
	Chat   int64     `json:"chat,omitempty"`   // 0 matches all, also methods without a chat
	Skip   int       `json:"skip,omitempty"`   // matching calls let through first
	Chance float64   `json:"chance,omitempty"` // the share of matching calls spoilt, by chance; 0 means all
	Times  int       `json:"times,omitempty"`  // calls spoilt; 0 means 1, less than 0 all
	Kind   FaultKind `json:"kind"`             // required

	Code        int           `json:"code,omitempty"`        // for Refuse: 0 means 400
	Description string        `json:"description,omitempty"` // for Refuse: "" means "Bad Request"
	RetryAfter  int           `json:"retry_after,omitempty"` // seconds, for TooMany and Refuse
	MigrateTo   int64         `json:"migrate_to,omitempty"`  // for Refuse
	Parameters  string        `json:"parameters,omitempty"`  // for Refuse: the whole object "parameters" as it stands, of any form
	Delay       time.Duration `json:"delay,omitempty"`       // for Slow; nanoseconds in JSON

	disarmed <-chan struct{} // of a fault in effect: closed by the next Disarm
}

// Arm makes matching calls go wrong. Faults are tried in the order they were armed; the first that matches is used up
// by one. It fails when the kind is unknown
// or the chance is no share.
func (s *Server) Arm(f Fault) error {
	switch f.Kind {
	case Refuse, TooMany, BadGateway, CloseBefore, CloseAfter, CutAnswer, Slow, Hang:
	default:
		return fmt.Errorf("arm fault: unknown kind %q", f.Kind)
	}
	if !(f.Chance >= 0 && f.Chance <= 1) {
		return fmt.Errorf("arm fault: chance %v: it is a share of calls, at most 1", f.Chance)
	}
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
	return nil
}

// Disarm forgets all faults and lets hanging calls end as CloseBefore.
func (s *Server) Disarm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	close(s.disarmed)
	s.disarmed = make(chan struct{})
}

// TakeBack forgets the faults of a kind that are not yet used up, and leaves the others. What hangs goes on hanging until Disarm.
func (s *Server) TakeBack(kind FaultKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.DeleteFunc(s.faults, func(f *Fault) bool { return f.Kind == kind })
}

// Armed returns the faults not yet used up, with Skip and Times as they stand.
func (s *Server) Armed() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Fault
	for _, f := range s.faults {
		all = append(all, *f)
	}
	return all
}

// SetDown with true closes every connection of the bot, also those in long poll, without an answer, until called with false. Calls tells of those
// that come meanwhile as of ones that CloseBefore spoilt.
func (s *Server) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if down == s.down {
		return
	}
	s.down = down
	if down {
		close(s.wentDown)
	} else {
		s.wentDown = make(chan struct{})
	}
}

// Down returns what SetDown said last.
func (s *Server) Down() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down
}

// Stage is a moment in a call of the bot.
type Stage string

// The moments at which OnCall's function is called.
const (
	BeforeHandling Stage = "before" // the request was read, nothing has happened yet
	AfterHandling  Stage = "after"  // handled, not answered yet; not for calls that a fault kept from being handled
)

// OnCall sets the function called at both stages of every call, in the call's own goroutine: the call waits for it, so a
// test can kill the bridge at that very moment. Chat is 0 for methods without one. Nil removes it.
func (s *Server) OnCall(f func(stage Stage, method string, chat int64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onCall = f
}

// takeFault finds the fault for a call and uses it up by one. The zero Fault does nothing.
func (s *Server) takeFault(req *request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Method != "" && !strings.EqualFold(f.Method, req.method) || f.Chat != 0 && f.Chat != req.chat {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Chance > 0 && rand.Float64() >= f.Chance {
			continue
		}
		taken := *f
		taken.disarmed = s.disarmed
		if f.Times > 0 {
			f.Times--
		}
		if f.Times == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return taken
	}
	return Fault{}
}

// errGateway is answered with an HTML page.
var errGateway = errors.New("bad gateway")

const gatewayPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n" +
	"<hr><center>nginx/1.18.0</center>\r\n</body>\r\n</html>\r\n"

// spoilBefore does what a fault does before a call is handled. An error keeps it from being handled.
func (s *Server) spoilBefore(w http.ResponseWriter, req *request, f Fault) error {
	switch f.Kind {
	case Refuse:
		e := &apiError{code: f.Code, text: f.Description, retryAfter: f.RetryAfter, migrateTo: f.MigrateTo, parameters: f.Parameters}
		if e.code == 0 {
			e.code = 400
		}
		if e.text == "" {
			e.text = "Bad Request"
		}
		return e
	case TooMany:
		return tooMany(max(f.RetryAfter, 1))
	case BadGateway:
		return errGateway
	case CloseBefore:
		return errHangUp
	case Slow, Hang:
		s.mu.Lock()
		down, disarmed := s.wentDown, f.disarmed
		s.mu.Unlock()
		var late <-chan time.Time // never, for Hang
		if f.Kind == Slow {
			late, disarmed = time.After(f.Delay), nil
		}
		select {
		case <-late:
			return nil
		case <-disarmed:
		case <-down:
		case <-s.closed:
		case <-req.http.Context().Done():
			if f.Kind == Slow {
				return nil // it was sent: the caller giving up does not undo it
			}
		}
		return errHangUp
	}
	return nil
}
