package panel

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Kavenegar is the panel of that name: methods in the path, behind the key, form fields in, JSON out. What its documentation leaves open is
// an Option; what it is known to get wrong is a Fault. Password is the key. Requests go by the names that the other panels have for the
// same: GetCredit is account/info, SendSMS sms/send, SendMultipleSMS sms/sendarray, GetStatus sms/status, GetMsg sms/receive. Its own are
// FindKeys (sms/statuslocalmessageid), ListMsg (sms/inboxpaged) and GetConfig (account/config).
const Kavenegar Dialect = 2

// kavenegarMethods are what a path asks for.
var kavenegarMethods = map[string]struct {
	method string
	carry  func(*Server, url.Values) answer
}{
	"account/info":             {"GetCredit", (*Server).accountInfo},
	"account/config":           {"GetConfig", (*Server).accountConfig},
	"sms/send":                 {"SendSMS", (*Server).sendKeyed},
	"sms/sendarray":            {"SendMultipleSMS", (*Server).sendArray},
	"sms/status":               {"GetStatus", (*Server).statusByID},
	"sms/statuslocalmessageid": {"FindKeys", (*Server).statusByKey},
	"sms/receive":              {"GetMsg", (*Server).receive},
	"sms/inboxpaged":           {"ListMsg", (*Server).inboxPaged},
}

// firstInboxID is that of the first SMS of a customer: what a float64 cannot count.
const firstInboxID = 1<<53 + 1

// What a method takes at most.
const (
	maxReceptors = 200
	maxMessage   = 900
	maxStatusIDs = 500
	maxKeys      = 500 // the documentation says 3,000, too
	receivePage  = 100
	inboxPage    = 200
)

// How long it knows things.
const (
	keysKnown     = 12 * time.Hour
	statusesKnown = 48 * time.Hour
	inboxKnown    = 48 * time.Hour
)

// kavenegarTexts are the words of its return codes.
var kavenegarTexts = map[int]string{
	400: "پارامترها ناقص هستند", 401: "حساب کاربری غیرفعال شده است", 402: "عملیات ناموفق بود", 403: "کد شناسائی API-Key معتبر نمی باشد",
	404: "متد نامشخص است", 407: "دسترسی به اطلاعات مورد نظر برای شما امکان پذیر نیست", 409: "سرور قادر به پاسخگوئی نیست", 411: "دریافت کننده نامعتبر است",
	412: "ارسال کننده نامعتبر است", 413: "پیام خالی است و یا طول پیام بیش از حد مجاز می باشد", 414: "حجم درخواست بیشتر از حد مجاز است",
	418: "اعتبار حساب شما کافی نیست", 419: "طول آرایه متن و گیرنده و فرستنده هم اندازه نیست", 424: "الگوی مورد نظر پیدا نشد",
}

// kavenegarStates are its codes for the states that this package counts.
var kavenegarStates = map[int]int{1: 1, 2: 6, 3: 5, 4: 10, 5: 11, 6: 14}

// serveKavenegar answers a request for /v1/KEY/scope/method.json.
func (s *Server) serveKavenegar(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	key, name := "", ""
	if n := len(parts); n >= 3 {
		key, _ = url.PathUnescape(parts[n-3])
		name = parts[n-2] + "/" + strings.TrimSuffix(parts[n-1], ".json")
	}
	m, known := kavenegarMethods[name]
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	form, err := url.ParseQuery(string(body))
	for name, values := range r.URL.Query() {
		form[name] = append(form[name], values...)
	}
	defer s.useKeys(form)()
	s.serve(w, r, job{
		method: m.method, named: form, recipients: len(commas(form, "receptor")), asked: askedByKey(name, form),
		carryOut: func() (answer, error) {
			switch {
			case key != s.password:
				return s.refuse(403), nil
			case !known:
				return s.refuse(404), nil
			case err != nil || name == "sms/sendarray" && r.Method != http.MethodPost:
				return s.refuse(400), nil
			}
			return m.carry(s, form), nil
		},
		encode: s.encodeKavenegar,
	})
}

// refuse is an error answer with the panel's words.
func (s *Server) refuse(code int) answer { return answer{code: code, result: kavenegarTexts[code]} }

// encodeKavenegar writes an answer. The documentation's own answer to an error is no JSON.
func (s *Server) encodeKavenegar(a answer) (status int, body []byte) {
	if a.code != 0 {
		words, _ := json.Marshal(cmp.Or(fmt.Sprint(a.result), kavenegarTexts[a.code]))
		entries := `"entries":null}`
		if s.opts.DocumentedErrors {
			entries = `"entries": {null},}`
		}
		if status = a.code; status < 400 || status > 599 { // it is the HTTP status, too
			status = http.StatusBadRequest
		}
		return status, fmt.Appendf(nil, `{"return":{"status":%d,"message":%s},%s`, a.code, words, entries)
	}
	var b bytes.Buffer
	b.WriteString(`{"return":{"status":200,"message":"تایید شد"},"entries":`)
	writeJSON(&b, a.result)
	if a.meta != nil {
		b.WriteString(`,"metadata":`)
		writeJSON(&b, a.meta)
	}
	b.WriteString("}")
	return http.StatusOK, b.Bytes()
}

// writeJSON writes what a method returns, members in their order.
func writeJSON(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case record:
		b.WriteString("{")
		for i, m := range v {
			if i > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(b, "%q:", m.name)
			writeJSON(b, m.value)
		}
		b.WriteString("}")
	case []any:
		b.WriteString("[")
		for i, item := range v {
			if i > 0 {
				b.WriteString(",")
			}
			writeJSON(b, item)
		}
		b.WriteString("]")
	default:
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false)
		e.Encode(v)
		b.Truncate(b.Len() - 1)
	}
}

// commas returns the values of a field that are separated by commas.
func commas(form url.Values, name string) []string {
	if form.Get(name) == "" {
		return nil
	}
	return strings.Split(form.Get(name), ",")
}

// useKeys notes that a request to send with keys is under way, and returns what notes that it has ended. Two at once with one key: nobody
// knows what the panel does then.
func (s *Server) useKeys(form url.Values) func() {
	keys := commas(form, "localid")
	if !form.Has("receptor") {
		return func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if s.inUse[key]++; s.inUse[key] > 1 {
			s.overlaps++
		}
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, key := range keys {
			s.inUse[key]--
		}
	}
}

// Overlaps is how many keys were in a request while another one with them was under way.
func (s *Server) Overlaps() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.overlaps
}

func (s *Server) accountInfo(url.Values) answer {
	return answer{result: record{{"remaincredit", json.Number(formatCredit(s.credit))}, {"expiredate", s.now().AddDate(1, 0, 0).Unix()}, {"type", "Master"}}}
}

func (s *Server) accountConfig(url.Values) answer {
	said := func(on bool) string {
		if on {
			return "enabled"
		}
		return "disabled"
	}
	return answer{result: record{
		{"apilogs", "justfaults"}, {"dailyreport", "disabled"}, {"debugmode", said(s.opts.Debug)}, {"defaultsender", ""}, {"mincreditalarm", "0"}, {"resendfailed", said(s.opts.ResendFailed)},
	}}
}

// addressed is one SMS that a call asks for.
type addressed struct{ line, to, text, key string }

// sendAll sends what can be sent. What has the key of one that is among those sent is not sent, but that one answered.
func (s *Server) sendAll(all []addressed) answer {
	cost, seen := 0, map[string]bool{}
	for i, a := range all {
		customer, ok := normalise(a.to)
		_, err := strconv.ParseInt(a.key, 10, 64)
		switch {
		case !ok:
			return s.refuse(411)
		case !s.ours(a.line):
			return s.refuse(412)
		case a.text == "" || utf8.RuneCountInString(a.text) > maxMessage:
			return s.refuse(413)
		case a.key != "" && (err != nil || seen[a.key]):
			return s.refuse(400)
		}
		all[i].to, seen[a.key] = customer, a.key != ""
		if s.byKey[a.key] == nil {
			cost += parts(a.text)
		}
	}
	if !s.pay(cost) {
		return s.refuse(418)
	}
	var entries []any
	for _, a := range all {
		m := s.byKey[a.key]
		if m == nil {
			m = s.byID[s.accept(a.line, a.to, a.text)]
			if s.opts.Debug {
				m.byHand, m.debug = true, true
			}
			if a.key != "" {
				s.byKey[a.key] = m
			}
		}
		entries = append(entries, record{
			{"messageid", json.Number(m.ID)}, {"message", m.Text}, {"status", s.stateOf(m)}, {"statustext", "در صف ارسال"}, {"sender", m.Line}, {"receptor", m.Customer},
			{"date", m.At.Unix()}, {"cost", 980 * parts(m.Text)},
		})
	}
	return answer{result: entries}
}

func (s *Server) stateOf(m *accepted) int {
	if m.debug {
		return 13
	}
	return kavenegarStates[m.Status]
}

func (s *Server) sendKeyed(form url.Values) answer {
	to, keys := commas(form, "receptor"), commas(form, "localid")
	switch {
	case len(to) == 0:
		return s.refuse(400)
	case len(to) > maxReceptors:
		return s.refuse(414)
	case len(keys) > 0 && len(keys) != len(to):
		return s.refuse(419)
	}
	all := make([]addressed, len(to))
	for i := range to {
		all[i] = addressed{line: form.Get("sender"), to: to[i], text: form.Get("message")}
		if len(keys) > 0 {
			all[i].key = keys[i]
		}
	}
	return s.sendAll(all)
}

// askedByKey returns the SMS that a call asks for.
func askedByKey(name string, form url.Values) (all []SMS) {
	keys := append(commas(form, "localid"), make([]string, maxReceptors)...)
	switch name {
	case "sms/send":
		for i, number := range commas(form, "receptor")[:min(maxReceptors, len(commas(form, "receptor")))] {
			all = append(all, asked(form.Get("sender"), number, form.Get("message"), keys[i]))
		}
	case "sms/sendarray":
		var to, texts, lines []string
		if errors.Join(json.Unmarshal([]byte(form.Get("receptor")), &to), json.Unmarshal([]byte(form.Get("message")), &texts), json.Unmarshal([]byte(form.Get("sender")), &lines)) == nil {
			for i := range min(len(to), len(texts), len(lines)) {
				all = append(all, asked(lines[i], to[i], texts[i], ""))
			}
		}
	}
	return all
}

// sendArray knows its keys by one name only: with any other they are silently none.
func (s *Server) sendArray(form url.Values) answer {
	lists := map[string][]string{}
	for _, name := range []string{"receptor", "sender", "message", "localmessageids"} {
		var list []json.RawMessage
		if value := form.Get(name); value != "" && json.Unmarshal([]byte(value), &list) != nil {
			return s.refuse(400)
		}
		for _, item := range list {
			var text string
			if json.Unmarshal(item, &text) != nil {
				text = string(item)
			}
			lists[name] = append(lists[name], text)
		}
	}
	n := len(lists["receptor"])
	if keys := len(lists["localmessageids"]); n == 0 || len(lists["sender"]) != n || len(lists["message"]) != n || keys != 0 && keys != n {
		return s.refuse(419)
	}
	if n > maxReceptors {
		return s.refuse(414)
	}
	all := make([]addressed, n)
	for i := range all {
		all[i] = addressed{line: lists["sender"][i], to: lists["receptor"][i], text: lists["message"][i]}
		if len(lists["localmessageids"]) > 0 {
			all[i].key = lists["localmessageids"][i]
		}
	}
	return s.sendAll(all)
}

func (s *Server) statusByID(form url.Values) answer {
	ids := commas(form, "messageid")
	if len(ids) == 0 {
		return s.refuse(400)
	}
	if len(ids) > maxStatusIDs {
		return s.refuse(414)
	}
	told := map[string]int{}
	var entries []any
	for _, id := range ids {
		state := 100
		if m := s.byID[id]; m != nil && s.now().Sub(m.At) <= statusesKnown {
			state, told[id] = s.stateOf(m), m.Status
		}
		entries = append(entries, record{{"messageid", json.Number(id)}, {"status", state}, {"statustext", "…"}})
	}
	return answer{result: entries, told: told}
}

func (s *Server) statusByKey(form url.Values) answer {
	keys := commas(form, "localid")
	if len(keys) == 0 {
		return s.refuse(400)
	}
	if len(keys) > maxKeys {
		return s.refuse(414)
	}
	var entries []any
	for _, key := range keys {
		m := s.byKey[key]
		if m != nil && s.now().Sub(m.At) <= keysKnown {
			entries = append(entries, record{{"messageid", json.Number(m.ID)}, {"localid", key}, {"status", s.stateOf(m)}, {"statustext", "…"}})
			continue
		}
		e := record{{"localid", key}, {"status", 100}, {"statustext", "شناسه پیام نامعتبر است"}}
		if !s.opts.BareUnknown {
			e = append(record{{"messageid", 0}}, e...)
		}
		entries = append(entries, e)
	}
	return answer{result: entries}
}

// inboxOf returns what customers wrote to a line that holds, in order.
func (s *Server) inboxOf(line string, holds func(*Inbound) bool) []*Inbound {
	line, _ = normalise(line)
	var found []*Inbound
	for _, m := range s.inbox {
		if l, _ := normalise(m.Line); l == line && holds(m) {
			found = append(found, m)
		}
	}
	return found
}

// handOut writes SMS as entries; those unread become read.
func (s *Server) handOut(page []*Inbound) answer {
	a := answer{}
	entries := []any{}
	for _, m := range page {
		entries = append(entries, record{{"messageid", json.Number(m.ID)}, {"message", m.Text}, {"sender", m.Customer}, {"receptor", m.Line}, {"date", m.At.Unix()}})
		a.given = append(a.given, m.SMS)
		if !m.Fetched {
			m.Fetched = true
			s.unread = slices.DeleteFunc(s.unread, func(u *Inbound) bool { return u == m })
			s.publish(Event{Kind: Fetched, SMS: m.SMS})
		}
	}
	if a.result = entries; s.opts.EmptyIsNull && len(entries) == 0 {
		a.result = nil
	}
	return a
}

func (s *Server) receive(form url.Values) answer {
	read := form.Get("isread") == "1"
	if !s.ours(form.Get("linenumber")) {
		return s.refuse(412)
	}
	found := s.inboxOf(form.Get("linenumber"), func(m *Inbound) bool { return m.Fetched == read })
	return s.handOut(found[:min(receivePage, len(found))])
}

// inboxPaged marks what it hands out as read, too, and counts it no more: pages of what is unread shift.
func (s *Server) inboxPaged(form url.Values) answer {
	read := form.Get("isread") == "1"
	at := func(name string, otherwise time.Time) time.Time {
		if n, err := strconv.ParseInt(form.Get(name), 10, 64); err == nil {
			return time.Unix(n, 0)
		}
		return otherwise
	}
	end := at("enddate", s.now())
	start := at("startdate", end.Add(-inboxKnown))
	page, err := strconv.Atoi(cmp.Or(form.Get("pagenumber"), "1"))
	switch {
	case !s.ours(form.Get("linenumber")):
		return s.refuse(412)
	case err != nil || page < 1:
		return s.refuse(400)
	case end.Sub(start) > inboxKnown:
		return s.refuse(417)
	}
	size := cmp.Or(s.opts.PageSize, inboxPage)
	found := s.inboxOf(form.Get("linenumber"), func(m *Inbound) bool {
		return m.Fetched == read && !m.At.Before(start) && !m.At.After(end)
	})
	pages := (len(found) + size - 1) / size
	from := min((page-1)*size, len(found))
	a := s.handOut(found[from:min(from+size, len(found))])
	a.meta = record{{"totalcount", strconv.Itoa(len(found))}, {"currentpage", strconv.Itoa(page)}, {"totalpages", strconv.Itoa(pages)}, {"pagesize", strconv.Itoa(size)}}
	return a
}
