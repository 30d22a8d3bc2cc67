package panel

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Control returns the panel's controls over HTTP, for a shell and for a page. Parameters are form fields or one JSON object with the same
// names; answers are JSON. It refuses requests for another host name and from other sites, as LocalOnly does.
//
//	POST /sms      from, text, to ("": the first line), time (Unix seconds; "": now)   a customer writes; at Edge, with late as "30s",
//	                                                                             no answer has it before then
//	POST /repeat                                                                 the last SMS handed out is handed out again
//	GET  /sent                                                                   what was accepted
//	GET  /inbox                                                                  what customers wrote, and whether it was fetched
//	GET  /unread                                                                 {"unread":N}
//	GET  /state                                                                  what was done to the panel by hand
//	GET  /requests                                                               the calls so far
//	POST /status   status, and id, or number (a pattern)                         set a status by hand; with a number and later=true only
//	                                                                             of what is still to come, 0: it moves by itself
//	POST /batch    id, state                                                     set what becomes of a batch at Edge: 3 rejected, 8 no credit, …
//	POST /fault    the fields of Fault; delay as "2s"; no kind: disarm all; off=true:
//	                                                                             take back those of this kind, method and code
//	POST /down     down (true, false)
//	POST /credit   credit
//	POST /password password
//	GET  /events                                                                 server-sent events, one Event each
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sms", s.controlSMS)
	mux.HandleFunc("POST /repeat", s.controlRepeat)
	mux.HandleFunc("GET /sent", func(w http.ResponseWriter, r *http.Request) { Reply(w, s.Sent()) })
	mux.HandleFunc("GET /inbox", func(w http.ResponseWriter, r *http.Request) { Reply(w, s.Inbox()) })
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, r *http.Request) { Reply(w, s.State()) })
	mux.HandleFunc("GET /unread", func(w http.ResponseWriter, r *http.Request) { Reply(w, map[string]int{"unread": s.Unread()}) })
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, r *http.Request) { Reply(w, s.Requests()) })
	mux.HandleFunc("POST /status", s.controlStatus)
	mux.HandleFunc("POST /batch", s.controlBatch)
	mux.HandleFunc("POST /fault", s.controlFault)
	mux.HandleFunc("POST /down", s.controlDown)
	mux.HandleFunc("POST /credit", s.controlCredit)
	mux.HandleFunc("POST /password", s.controlPassword)
	mux.HandleFunc("GET /events", s.controlEvents)
	return LocalOnly(mux)
}

func (s *Server) controlSMS(w http.ResponseWriter, r *http.Request) {
	f, ok := readForm(w, r)
	if !ok {
		return
	}
	if f.Get("from") == "" || f.Get("text") == "" {
		Refuse(w, "from and text are needed: -d from=09121111111 -d text=...")
		return
	}
	at := s.Now()
	if v := f.Get("time"); v != "" {
		sec, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			Refuse(w, "time is Unix seconds")
			return
		}
		at = time.Unix(sec, 0)
	}
	from := f.Get("from")
	if strings.HasPrefix(from, " ") {
		from = "+" + from[1:] // what a form makes of a plus
	}
	if v := f.Get("late"); v != "" {
		late, err := time.ParseDuration(v)
		if err != nil {
			Refuse(w, "late is a duration such as 30s")
			return
		}
		s.ReceiveLate(from, cmp.Or(f.Get("to"), s.opts.Lines[0]), f.Get("text"), late)
		Reply(w, map[string]int{"unread": s.Unread()})
		return
	}
	s.ReceiveAt(from, cmp.Or(f.Get("to"), s.opts.Lines[0]), f.Get("text"), at)
	Reply(w, map[string]int{"unread": s.Unread()})
}

func (s *Server) controlRepeat(w http.ResponseWriter, r *http.Request) {
	if !s.Repeat() {
		Refuse(w, "no SMS was fetched yet")
		return
	}
	Reply(w, map[string]int{"unread": s.Unread()})
}

func (s *Server) controlStatus(w http.ResponseWriter, r *http.Request) {
	f, ok := readForm(w, r)
	if !ok {
		return
	}
	status, err := strconv.Atoi(f.Get("status"))
	if err != nil {
		Refuse(w, "status is a number: 1 sending, 2 telecom problem, 3 at the telecom, 4 delivered, 5 not delivered, 6 blacklisted")
		return
	}
	switch {
	case f.Get("id") != "":
		if !s.SetStatus(f.Get("id"), status) {
			Refuse(w, "no SMS has the id "+f.Get("id"))
			return
		}
	case f.Get("number") != "":
		set := s.SetStatusOf
		if f.Get("later") == "true" {
			set = s.ExpectStatus
		}
		if err := set(f.Get("number"), status); err != nil {
			Refuse(w, err.Error())
			return
		}
	default:
		Refuse(w, "id or number is needed")
		return
	}
	Reply(w, struct{}{})
}

func (s *Server) controlBatch(w http.ResponseWriter, r *http.Request) {
	f, ok := readForm(w, r)
	if !ok {
		return
	}
	state, err := strconv.Atoi(f.Get("state"))
	if err != nil {
		Refuse(w, "state is a number: 3 rejected by monitoring, 4 bad recipients, 6 sent, 7 cancelled, 8 no credit, 9 system error")
		return
	}
	if !s.SetBatch(f.Get("id"), state) {
		Refuse(w, "no batch has the id "+f.Get("id"))
		return
	}
	Reply(w, struct{}{})
}

func (s *Server) controlFault(w http.ResponseWriter, r *http.Request) {
	f, ok := readForm(w, r)
	if !ok {
		return
	}
	if f.Get("kind") == "" {
		s.Disarm()
		Reply(w, struct{}{})
		return
	}
	fault := Fault{
		Kind:        Kind(f.Get("kind")),
		Method:      f.Get("method"),
		Text:        f.Get("text"),
		Location:    f.Get("location"),
		Body:        f.Get("body"),
		ContentType: f.Get("content_type"),
	}
	if !fault.Kind.known() {
		Refuse(w, fmt.Sprintf("no fault is called %q; there are %s", fault.Kind, kinds))
		return
	}
	off, err := strconv.ParseBool(cmp.Or(f.Get("off"), "false"))
	if err != nil {
		Refuse(w, "off is true or false")
		return
	}
	for name, field := range map[string]*int{"times": &fault.Times, "bytes": &fault.Bytes, "code": &fault.Code} {
		if v := f.Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil {
				Refuse(w, name+" is a whole number")
				return
			}
			*field = n
		}
	}
	if v := f.Get("chance"); v != "" {
		share, err := strconv.ParseFloat(v, 64)
		if err != nil || !(share > 0 && share <= 1) {
			Refuse(w, "chance is the share of calls that it strikes, above 0 and at most 1")
			return
		}
		fault.Chance = share
	}
	for name, field := range map[string]*bool{"carry_out": &fault.CarryOut, "unread": &fault.Unread} {
		if v := f.Get(name); v != "" {
			b, err := strconv.ParseBool(v)
			if err != nil {
				Refuse(w, name+" is true or false")
				return
			}
			*field = b
		}
	}
	if v := f.Get("delay"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			Refuse(w, "delay is a duration such as 2s")
			return
		}
		fault.Delay = d
	}
	if off {
		s.TakeBack(fault)
	} else {
		s.Arm(fault)
	}
	Reply(w, struct{}{})
}

func (s *Server) controlDown(w http.ResponseWriter, r *http.Request) {
	f, ok := readForm(w, r)
	if !ok {
		return
	}
	down, err := strconv.ParseBool(cmp.Or(f.Get("down"), "true"))
	if err != nil {
		Refuse(w, "down is true or false")
		return
	}
	if err := s.SetDown(down); err != nil {
		Refuse(w, err.Error())
		return
	}
	Reply(w, map[string]bool{"down": down})
}

func (s *Server) controlCredit(w http.ResponseWriter, r *http.Request) {
	f, ok := readForm(w, r)
	if !ok {
		return
	}
	credit, err := strconv.ParseFloat(f.Get("credit"), 64)
	if err != nil {
		Refuse(w, "credit is a number")
		return
	}
	s.SetCredit(credit)
	Reply(w, map[string]string{"credit": formatCredit(credit)})
}

func (s *Server) controlPassword(w http.ResponseWriter, r *http.Request) {
	f, ok := readForm(w, r)
	if !ok {
		return
	}
	if f.Get("password") == "" {
		Refuse(w, "password is needed")
		return
	}
	s.SetPassword(f.Get("password"))
	Reply(w, struct{}{})
}

func (s *Server) controlEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	events := s.Watch(r.Context())
	out := http.NewResponseController(w)
	out.Flush()
	for e := range events {
		b, err := json.Marshal(e)
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", b); err != nil {
			return
		}
		out.Flush()
	}
}
