package panel

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Control returns the panel's controls over HTTP, for a shell and for a page. Parameters are form fields or one JSON object with the same
// names; answers are JSON. It refuses requests for another host name and from other sites, as LocalOnly does.
//
//	POST /sms      from, text, to ("": the first line), time (Unix seconds; "": now)   a customer writes
//	GET  /sent                                                                   what was accepted
//	GET  /unread                                                                 {"unread":N}
//	GET  /requests                                                               the calls so far
//	POST /status   status, and id, or number (a pattern)                         set a status by hand
//	POST /fault    the fields of Fault; delay as "2s"; no kind: disarm all
//	POST /down     down (true, false)
//	POST /credit   credit
//	POST /password password
//	GET  /events                                                                 server-sent events, one Event each
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sms", s.controlSMS)
	mux.HandleFunc("GET /sent", func(w http.ResponseWriter, r *http.Request) { reply(w, s.Sent()) })
	mux.HandleFunc("GET /unread", func(w http.ResponseWriter, r *http.Request) { reply(w, map[string]int{"unread": s.Unread()}) })
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, r *http.Request) { reply(w, s.Requests()) })
	mux.HandleFunc("POST /status", s.controlStatus)
	mux.HandleFunc("POST /fault", s.controlFault)
	mux.HandleFunc("POST /down", s.controlDown)
	mux.HandleFunc("POST /credit", s.controlCredit)
	mux.HandleFunc("POST /password", s.controlPassword)
	mux.HandleFunc("GET /events", s.controlEvents)
	return LocalOnly(mux)
}

// LocalOnly passes on requests whose Host is a loopback address or localhost and which no other web site sent, and answers 403 to the
// rest: a page open in the same browser must not be able to play with the sandbox.
func LocalOnly(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		ip := net.ParseIP(strings.Trim(host, "[]"))
		if !strings.EqualFold(host, "localhost") && !ip.IsLoopback() {
			http.Error(w, "only loopback addresses are served", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) controlSMS(w http.ResponseWriter, r *http.Request) {
	f, ok := readForm(w, r)
	if !ok {
		return
	}
	if f.Get("from") == "" || f.Get("text") == "" {
		refuse(w, "from and text are needed: -d from=09121111111 -d text=...")
		return
	}
	at := time.Now()
	if v := f.Get("time"); v != "" {
		sec, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			refuse(w, "time is Unix seconds")
			return
		}
		at = time.Unix(sec, 0)
	}
	s.ReceiveAt(f.Get("from"), cmp.Or(f.Get("to"), s.opts.Lines[0]), f.Get("text"), at)
	reply(w, map[string]int{"unread": s.Unread()})
}

func (s *Server) controlStatus(w http.ResponseWriter, r *http.Request) {
	f, ok := readForm(w, r)
	if !ok {
		return
	}
	status, err := strconv.Atoi(f.Get("status"))
	if err != nil {
		refuse(w, "status is a number: 1 sending, 2 telecom problem, 3 at the telecom, 4 delivered, 5 not delivered, 6 blacklisted")
		return
	}
	switch {
	case f.Get("id") != "":
		if !s.SetStatus(f.Get("id"), status) {
			refuse(w, "no SMS has the id "+f.Get("id"))
			return
		}
	case f.Get("number") != "":
		if err := s.SetStatusOf(f.Get("number"), status); err != nil {
			refuse(w, err.Error())
			return
		}
	default:
		refuse(w, "id or number is needed")
		return
	}
	reply(w, struct{}{})
}

func (s *Server) controlFault(w http.ResponseWriter, r *http.Request) {
	f, ok := readForm(w, r)
	if !ok {
		return
	}
	if f.Get("kind") == "" {
		s.Disarm()
		reply(w, struct{}{})
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
		refuse(w, fmt.Sprintf("no fault is called %q; there are %s", fault.Kind, kinds))
		return
	}
	for name, field := range map[string]*int{"times": &fault.Times, "bytes": &fault.Bytes, "code": &fault.Code} {
		if v := f.Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil {
				refuse(w, name+" is a whole number")
				return
			}
			*field = n
		}
	}
	if v := f.Get("carry_out"); v != "" {
		b, err := strconv.ParseBool(v)
		if err != nil {
			refuse(w, "carry_out is true or false")
			return
		}
		fault.CarryOut = b
	}
	if v := f.Get("delay"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			refuse(w, "delay is a duration such as 2s")
			return
		}
		fault.Delay = d
	}
	s.Arm(fault)
	reply(w, struct{}{})
}

func (s *Server) controlDown(w http.ResponseWriter, r *http.Request) {
	f, ok := readForm(w, r)
	if !ok {
		return
	}
	down, err := strconv.ParseBool(cmp.Or(f.Get("down"), "true"))
	if err != nil {
		refuse(w, "down is true or false")
		return
	}
	if err := s.SetDown(down); err != nil {
		refuse(w, err.Error())
		return
	}
	reply(w, map[string]bool{"down": down})
}

func (s *Server) controlCredit(w http.ResponseWriter, r *http.Request) {
	f, ok := readForm(w, r)
	if !ok {
		return
	}
	credit, err := strconv.ParseFloat(f.Get("credit"), 64)
	if err != nil {
		refuse(w, "credit is a number")
		return
	}
	s.SetCredit(credit)
	reply(w, map[string]string{"credit": formatCredit(credit)})
}

func (s *Server) controlPassword(w http.ResponseWriter, r *http.Request) {
	f, ok := readForm(w, r)
	if !ok {
		return
	}
	if f.Get("password") == "" {
		refuse(w, "password is needed")
		return
	}
	s.SetPassword(f.Get("password"))
	reply(w, struct{}{})
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

// readForm reads form fields or a flat JSON object; if it cannot, it has answered.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/json" {
		if err := r.ParseForm(); err != nil {
			refuse(w, "read the form: "+err.Error())
			return nil, false
		}
		return r.Form, true
	}
	fields := map[string]any{}
	d := json.NewDecoder(r.Body)
	d.UseNumber() // a number keeps its digits, an id all of them
	if err := d.Decode(&fields); err != nil && err != io.EOF {
		refuse(w, "read the JSON object: "+err.Error())
		return nil, false
	}
	form := url.Values{}
	for name, v := range fields {
		form.Set(name, fmt.Sprint(v))
	}
	return form, true
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.Encode(v)
}

// refuse answers 400 with a sentence for whoever typed the request.
func refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"error": why})
}
