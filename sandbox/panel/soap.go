package panel

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxRequest is more bytes than any call needs: sixty numbers with a long text each.
const maxRequest = 4 << 20

// errCrash stands for PHP code that dies of its input: the caller sees only a 500 with an empty body.
var errCrash = errors.New("crash")

// job is a call as its protocol reads it, and how that answers.
type job struct {
	method     string
	named      map[string][]string // what it was taken to say, without secrets
	recipients int
	asked      []SMS
	carryOut   func() (answer, error) // its only error is errCrash; mu is held
	encode     func(answer) (status int, body []byte)
}

// ServeHTTP carries out calls at any path. A SOAP panel answers GET with ?wsdl with the service description.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	down, ahead, now := s.down, s.ahead, s.now()
	s.mu.Unlock()
	if down {
		panic(http.ErrAbortHandler)
	}
	if ahead != 0 {
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	}
	switch s.opts.Dialect {
	case Kavenegar:
		s.serveKavenegar(w, r)
		return
	case Edge:
		s.serveEdge(w, r)
		return
	case REST:
		s.serveREST(w, r)
		return
	}
	w.Header().Set("X-Powered-By", "PHP/8.2.36")
	_, wsdl := r.URL.Query()["wsdl"]
	switch {
	case r.Method == http.MethodPost:
		s.serveCall(w, r)
	case wsdl && !s.opts.NoWSDL:
		s.serveWSDL(w, r)
	case wsdl:
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		io.WriteString(w, "<html><head><title>smsserver</title></head><body></body></html>")
	}
}

func (s *Server) serveCall(w http.ResponseWriter, r *http.Request) {
	c, refused := s.readCall(r)
	if refused != "" {
		s.mu.Lock()
		s.record(Request{Answer: "fault"})
		s.mu.Unlock()
		s.writeFault(w, refused)
		return
	}

	s.serve(w, r, job{c.method, c.named(), c.recipients(), c.asked(), func() (answer, error) { return s.carryOut(c) }, func(a answer) (int, []byte) {
		return http.StatusOK, s.encode(r, c.method, a)
	}})
}

// serve carries out a call, unless a fault strikes it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, c job) {
	s.mu.Lock()
	hook := s.onCall
	fault := s.strike(c.method)
	s.mu.Unlock()
	if hook == nil {
		hook = func(Call) {}
	}
	hook(Call{c.method, Arrived})

	if fault != nil && fault.Kind == Slow && !fault.CarryOut {
		pause(r.Context(), fault.Delay)
	}
	if fault != nil && !fault.carriesOut() {
		s.mu.Lock()
		s.record(Request{
			Method: c.method, Caller: r.RemoteAddr, Params: c.named, Answer: string(fault.Kind), Code: fault.Code, Recipients: c.recipients, Asked: c.asked, Answered: fault.Kind == ErrCode,
		})
		s.mu.Unlock()
		s.writeStruck(w, r, c, *fault, answer{}, hook)
		return
	}

	s.mu.Lock() // both under one lock: whoever sees the effects of a call also sees the call
	before := len(s.sent)
	told, err := c.carryOut()
	done := Request{
		Method: c.method, Caller: r.RemoteAddr, Given: told.given, Told: told.told, Params: c.named, CarriedOut: err == nil && told.code == 0, Answer: strconv.Itoa(told.code),
		Recipients: c.recipients, Asked: c.asked, Accepted: len(s.sent) - before, Answered: r.Context().Err() == nil,
	}
	switch {
	case err != nil:
		done.Answer, done.Answered = string(Crash), false
	case fault != nil:
		done.Answer = string(fault.Kind)
		done.Answered = done.Answered && (fault.Kind == Slow && !fault.CarryOut || fault.Kind == Garbage)
	}
	noted := s.record(done)
	s.mu.Unlock()
	defer s.lose(noted, told.taken)
	hook(Call{c.method, CarriedOut})

	switch {
	case err != nil:
		w.WriteHeader(http.StatusInternalServerError)
	case fault != nil:
		if fault.Kind == Slow && fault.CarryOut {
			pause(r.Context(), fault.Delay)
			s.mu.Lock()
			s.requests[noted].Answered = r.Context().Err() == nil
			s.mu.Unlock()
		}
		s.writeStruck(w, r, c, *fault, told, hook)
	default:
		s.writeAnswer(w, r, c, told, hook)
	}
}

// lose marks what a call took away if its answer did not arrive. Nothing is lost before the answer is over.
func (s *Server) lose(call int, taken []*Inbound) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.requests[call].Answered || len(taken) == 0 {
		return
	}
	for _, m := range taken {
		m.Lost = true
	}
	s.wake()
}

// record notes a call that has been handled, before the caller can learn of it, and returns its index among requests. mu is held.
func (s *Server) record(q Request) int {
	q.At = s.now()
	s.requests = append(s.requests, q)
	s.publish(Event{Kind: Called, Request: q})
	return len(s.requests) - 1
}

// call is one SOAP call as read: a method and its parameters, in the order of the request or of the WSDL.
type call struct {
	method string
	names  []string
	params []*element // nil where the request has none of that name
}

// element is one XML element of a request.
type element struct {
	name     string
	xsiType  string // local part
	array    bool   // it declares its SOAP-ENC:arrayType
	text     string
	children []*element
}

// signature returns the names of a method's parameters, in order.
func (s *Server) signature(method string) []string {
	switch method {
	case "GetCredit", "GetMsg":
		return []string{"user", "pass"}
	case "GetStatus":
		return []string{"user", "pass", "unique_ids"}
	}
	to, text := "toNum", "messageContent"
	if method == "SendMultipleSMS" {
		to, text = "toNums", "messageContents"
	}
	if s.opts.OldOrder {
		return []string{"fromNum", to, text, "messageType", "user", "pass"}
	}
	return []string{"user", "pass", "fromNum", to, text}
}

var methods = []string{"GetCredit", "SendSMS", "SendMultipleSMS", "GetStatus", "GetMsg"}

// byName reports whether parameters are matched by name. nusoap never looks at the names, SoapServer does when it has a WSDL.
func (s *Server) byName() bool { return s.opts.Dialect == Native && !s.opts.NoWSDL }

// readCall reads a request as the dialect does. What it cannot read it answers with a SOAP Fault of that text.
func (s *Server) readCall(r *http.Request) (c call, fault string) {
	degraded, fault := s.checkContentType(r.Header.Get("Content-Type"))
	if fault != "" {
		return c, fault
	}
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			return c, "Problem decoding the compressed request"
		}
		body = z
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxRequest))
	if err != nil {
		return c, "Problem reading the request"
	}
	root, err := parse(raw)
	if err != nil {
		return c, "XML error parsing SOAP payload: " + err.Error()
	}
	op := root.child("Body").first()
	if op == nil || root.name != "Envelope" {
		return c, "Bad Request"
	}
	if degraded {
		op.degrade()
	}
	// PHP function names ignore case, but nusoap compares names exactly.
	known := slices.IndexFunc(methods, func(m string) bool {
		return m == op.name || s.opts.Dialect == Native && strings.EqualFold(m, op.name)
	})
	switch {
	case known >= 0:
		c.method = methods[known]
	case s.opts.Dialect == Native:
		return c, fmt.Sprintf("Function (%q) is not a valid method for this service", op.name)
	default:
		return c, fmt.Sprintf("method '%s' not defined in service", op.name)
	}
	c.names = s.signature(c.method)
	c.params = op.children
	if s.byName() {
		c.params = make([]*element, len(c.names))
		for i, name := range c.names {
			c.params[i] = op.child(name)
		}
	}
	return c, ""
}

// checkContentType reports whether a request is degraded to ISO-8859-1, as nusoap does when no charset is given, or refused. nusoap takes
// everything after "charset=" for its name, so a further parameter is as wrong as a name its XML parser does not know.
func (s *Server) checkContentType(contentType string) (degraded bool, fault string) {
	contentType = strings.ToLower(contentType)
	if !strings.HasPrefix(contentType, "text/xml") {
		return false, "Request not of type text/xml"
	}
	if s.opts.Dialect == Native {
		return false, ""
	}
	_, charset, given := strings.Cut(contentType, "charset=")
	if given && strings.Trim(charset, `"'`) != "utf-8" {
		return false, fmt.Sprintf("Charset from HTTP Content-Type '%s' does not match encoding from XML declaration 'UTF-8'", charset)
	}
	return !given, ""
}

// parse reads an XML document into elements. What is not well-formed, control characters included, is an error, as in PHP's parsers.
func parse(raw []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	var root *element
	var open []*element
	for {
		token, err := d.Token()
		if err == io.EOF {
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local}
			for _, a := range t.Attr {
				switch a.Name.Local {
				case "type":
					_, e.xsiType, _ = strings.Cut(a.Value, ":")
				case "arrayType":
					e.array = true
				}
			}
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.children = append(parent.children, e)
			} else {
				root = e
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(t)
			}
		}
	}
}

// child returns the first child of that name; nil has none.
func (e *element) child(name string) *element {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (e *element) first() *element {
	if e == nil || len(e.children) == 0 {
		return nil
	}
	return e.children[0]
}

// degrade does to a request what nusoap does without a charset: it converts UTF-8 to ISO-8859-1, and what does not fit becomes a question
// mark.
func (e *element) degrade() {
	e.text = strings.Map(func(r rune) rune {
		if r > 0xFF {
			return '?'
		}
		return r
	}, e.text)
	for _, c := range e.children {
		c.degrade()
	}
}

// arg returns the text of a scalar. Numbers lose leading zeros, as in PHP.
func (e *element) arg() (string, error) {
	if e == nil {
		return "", nil
	}
	if len(e.children) > 0 || e.array {
		return "", errCrash
	}
	switch e.xsiType {
	case "int", "integer", "long", "short":
		if n, err := strconv.ParseInt(strings.TrimSpace(e.text), 10, 64); err == nil {
			return strconv.FormatInt(n, 10), nil
		}
	}
	return e.text, nil
}

// args returns the items of a list. Only the form that all real servers understand is accepted: a declared array whose items have types.
func (e *element) args() ([]string, error) {
	if e == nil || !e.array {
		return nil, errCrash
	}
	items := make([]string, len(e.children))
	for i, c := range e.children {
		if c.xsiType == "" {
			return nil, errCrash
		}
		item, err := c.arg()
		if err != nil {
			return nil, err
		}
		items[i] = item
	}
	return items, nil
}

// param returns the parameter that the method knows by that name; by position, whatever is in its place.
func (c call) param(name string) *element {
	for i, n := range c.names {
		if n == name && i < len(c.params) {
			return c.params[i]
		}
	}
	return nil
}

// recipients returns how many numbers a sending call names.
func (c call) recipients() int {
	to := c.param("toNum")
	if c.method == "SendMultipleSMS" {
		to = c.param("toNums")
	}
	if to == nil {
		return 0
	}
	numbers, _ := to.args() // the method itself refuses what is not a list
	return len(numbers)
}

// asked returns the SMS that a sending call asks for, so far as it makes sense.
func (c call) asked() (all []SMS) {
	named := c.named()
	first := func(name string) string { return slices.Concat(named[name], []string{""})[0] }
	for _, number := range named["toNum"] {
		all = append(all, asked(first("fromNum"), number, first("messageContent"), ""))
	}
	for i, number := range named["toNums"] {
		if texts := named["messageContents"]; i < len(texts) {
			all = append(all, asked(first("fromNum"), number, texts[i], ""))
		}
	}
	return all
}

// asked is one SMS that a call asks for.
func asked(line, number, text, key string) SMS {
	customer, _ := normalise(number)
	return SMS{ID: key, Line: line, Customer: customer, Text: text}
}

// named returns what the method took each parameter to be, without secrets, for the record.
func (c call) named() map[string][]string {
	out := map[string][]string{}
	for i, name := range c.names {
		if name == "user" || name == "pass" || i >= len(c.params) || c.params[i] == nil {
			continue
		}
		if items, err := c.params[i].args(); err == nil {
			out[name] = items
		} else {
			out[name] = []string{c.params[i].text}
		}
	}
	return out
}

// pause waits, unless the caller hangs up first.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// writeAnswer answers as the real servers do, and calls hook when half and when all of it is on the wire.
func (s *Server) writeAnswer(w http.ResponseWriter, r *http.Request, c job, a answer, hook func(Call)) {
	status, body := c.encode(a)
	body = s.compress(w, r, body)
	s.answerHeaders(w)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	half := len(body) / 2
	w.Write(body[:half])
	s.stage(w, Call{c.method, HalfAnswered}, hook)
	w.Write(body[half:])
	s.stage(w, Call{c.method, Answered}, hook)
}

// stage flushes what was written if somebody watches.
func (s *Server) stage(w http.ResponseWriter, c Call, hook func(Call)) {
	s.mu.Lock()
	watched := s.onCall != nil
	s.mu.Unlock()
	if watched {
		http.NewResponseController(w).Flush()
	}
	hook(c)
}

func (s *Server) answerHeaders(w http.ResponseWriter) {
	h := w.Header()
	switch s.opts.Dialect {
	case Kavenegar, Edge, REST:
		h.Set("Content-Type", "application/json; charset=utf-8")
		return
	case Native:
		h.Set("Content-Type", "text/xml; charset=utf-8")
		return
	}
	h.Set("Server", "NuSOAP Server v0.9.5")
	h.Set("X-Soap-Server", "NuSOAP/0.9.5 (1.123)")
	h.Set("Content-Type", "text/xml; charset=UTF-8")
}

// compress does what nusoap does to answers over 1024 bytes if the caller accepts that: gzip, or a raw deflate stream.
func (s *Server) compress(w http.ResponseWriter, r *http.Request, body []byte) []byte {
	accepts := r.Header.Get("Accept-Encoding")
	if s.opts.Dialect != Nusoap || len(body) <= 1024 {
		return body
	}
	for _, c := range compressors {
		if strings.Contains(accepts, c.encoding) {
			w.Header().Set("Content-Encoding", c.encoding)
			z := c.used.Get().(compressor)
			defer c.used.Put(z)
			var out bytes.Buffer
			z.Reset(&out)
			z.Write(body)
			z.Close()
			return out.Bytes()
		}
	}
	return body
}

type compressor interface {
	io.WriteCloser
	Reset(io.Writer)
}

// compressors are those that are preferred first. A new one costs more than what it compresses.
var compressors = []struct {
	encoding string
	used     *sync.Pool
}{
	{"gzip", &sync.Pool{New: func() any { z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed); return z }}},
	{"deflate", &sync.Pool{New: func() any { z, _ := flate.NewWriter(io.Discard, flate.BestSpeed); return z }}},
}

// writeFault answers with a SOAP Fault. nusoap answers in HTTP/1.0 whatever the request was, and closes the connection.
func (s *Server) writeFault(w http.ResponseWriter, text string) {
	if s.opts.Dialect == Kavenegar || s.opts.Dialect == Edge || s.opts.Dialect == REST { // which has no such thing: what runs it has failed
		http.Error(w, text, http.StatusInternalServerError)
		return
	}
	body := s.fault(text)
	s.answerHeaders(w)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if s.opts.Dialect == Nusoap {
		header := maps.Clone(w.Header())
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			defer conn.Close()
			writeHTTP10(conn, header, body)
			return
		}
	}
	w.WriteHeader(http.StatusInternalServerError)
	w.Write(body)
}

func writeHTTP10(conn net.Conn, header http.Header, body []byte) {
	var out bytes.Buffer
	out.WriteString("HTTP/1.0 500 Internal Server Error\r\n")
	header.Write(&out)
	out.WriteString("Connection: close\r\n\r\n")
	out.Write(body)
	conn.Write(out.Bytes())
}

// writeStruck answers a call that a fault struck. a is the answer it would have had; none if it was not carried out.
func (s *Server) writeStruck(w http.ResponseWriter, r *http.Request, c job, f Fault, a answer, hook func(Call)) {
	_, body := c.encode(a)
	switch f.Kind {
	case Close:
		panic(http.ErrAbortHandler)
	case Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case Slow:
		s.writeAnswer(w, r, c, a, hook)
	case Cut:
		body = s.compress(w, r, body)
		s.answerHeaders(w)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		n := f.Bytes
		if n == 0 {
			n = len(body) / 2
		}
		w.Write(body[:min(n, len(body))])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case Endless:
		s.answerHeaders(w)
		if _, err := w.Write(body[:len(body)/2]); err != nil {
			return
		}
		filler := bytes.Repeat([]byte(" "), 32<<10)
		for r.Context().Err() == nil {
			if _, err := w.Write(filler); err != nil {
				return
			}
		}
	case Garbage:
		garbage := f.Body
		if garbage == "" {
			garbage = "\uFEFF\n<br />\n<b>Warning</b>:  Undefined variable $row in <b>/home/panel/sms.php</b> on line <b>12</b><br />\n"
		}
		s.answerHeaders(w)
		io.WriteString(w, garbage)
		w.Write(body)
	case SOAPFault:
		s.writeFault(w, f.Text)
	case Crash:
		w.WriteHeader(http.StatusInternalServerError)
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		io.WriteString(w, "<!DOCTYPE html><html><head><title>Account Suspended</title></head><body><h1>Account Suspended</h1>"+
			"<p>This account has been suspended.</p></body></html>")
	case Redirect:
		w.Header().Set("Location", f.Location)
		w.WriteHeader(http.StatusFound)
	case ErrCode:
		s.writeAnswer(w, r, c, refusal(f.Code, f.Text), hook)
	case Empty:
		s.answerHeaders(w)
	case Custom:
		s.answerHeaders(w)
		if f.ContentType != "" {
			w.Header().Set("Content-Type", f.ContentType)
		}
		io.WriteString(w, f.Body)
	}
}
