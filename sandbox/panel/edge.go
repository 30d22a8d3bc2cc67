package panel

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Edge is IPPanel Edge: JSON in and out, the key alone in the header Authorization. What its documentation leaves open is an Option; what it is
// known to get wrong is one, too, or a Fault, whose ErrCode is an HTTP status here. Password is the key. Requests go by the names that the other
// panels have for the same: GetCredit is payment/credit/mine, SendSMS and SendMultipleSMS are the two sending types of send, GetStatus is
// report/recipients, GetMsg report/messages-inbox. Its own are ListSent (report/new_list), GetBatch (report/by_bulk) and GetLines (number/numbers).
//
// It names an order, not its SMS: the ID of one is BATCH/+98…, its batch and its recipient. Reading takes nothing away.
const Edge Dialect = 3

// What it takes at most, by its documentation; of own texts that names no limit.
const (
	edgeRecipients = 1000
	edgeTexts      = 100
	edgeRunes      = 1400
	edgeParts      = 20
	edgePage       = 100 // rows of an answer
	edgeTwin       = 40 * time.Second
)

// The states of a batch.
const (
	batchSending  = 2
	batchSent     = 6
	batchNoCredit = 8
	batchFailed   = 9
)

// batch is one order, or one text of an order with own texts.
type batch struct {
	id         string
	line, text string
	at         time.Time
	sms        []*accepted
	state      int // set by hand, or 0
}

// stateID is what became of the batch as a whole.
func (b *batch) stateID() int {
	is := func(status int) bool {
		return !slices.ContainsFunc(b.sms, func(m *accepted) bool { return m.Status != status })
	}
	switch {
	case b.state != 0:
		return b.state
	case is(1):
		return batchSending
	case is(2):
		return batchFailed
	}
	return batchSent
}

// SetBatch sets the state of the batch of an SMS by hand, by the documentation's numbers: accepted is not sent. It reports whether there is one.
func (s *Server) SetBatch(id string, state int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, _, _ = strings.Cut(id, "/")
	b := s.batches[id]
	if b != nil {
		b.state = state
		s.wake()
	}
	return b != nil
}

// edgeMessages are its words for an HTTP status.
var edgeMessages = map[int]string{
	401: "توکن ارسال شده معتبر نیست", 404: "یافت نشد", 422: "اطلاعات ارسال شده معتبر نیست", 429: "درخواست تکراری است", 500: "خطای داخلی",
}

// edgeCodes are no key: an error has one code in one language and another in another.
var edgeCodes = map[int]string{401: "400-1", 404: "400-1", 422: "400-2", 429: "429-1"}

// edgeForm is the body of a request, or its query.
type edgeForm struct {
	url.Values
	SendingType string          `json:"sending_type"`
	From        string          `json:"from_number"`
	Message     string          `json:"message"`
	Number      string          `json:"number"` // of a price
	Params      json.RawMessage `json:"params"`
	Page        int             `json:"page"`
	PerPage     int             `json:"per_page"`
	Limit       int             `json:"limit"`
	Filters     struct {
		FromID  json.Number `json:"from_id"`
		Number  string      `json:"number"`
		Message string      `json:"message"`
		ID      json.Number `json:"messages_outbox_id"`
		From    string      `json:"create_from_date"`
		To      string      `json:"create_to_date"`
	} `json:"filters"`

	each []edgeText // of a send
}

// edgeText is one text of an order and whom it goes to.
type edgeText struct {
	Recipients []string `json:"recipients"`
	Message    string   `json:"message"`
}

var edgeMethods = map[string]struct {
	method string
	carry  func(*Server, edgeForm) answer
}{
	"GET payment/credit/mine": {"GetCredit", func(s *Server, _ edgeForm) answer {
		return answer{result: record{{"credit", json.Number(formatCredit(s.credit))}}}
	}},
	"GET number/numbers":         {"GetLines", (*Server).edgeLines},
	"POST send":                  {"SendSMS", (*Server).edgeSend},
	"POST send/calculate-price":  {"GetPrice", (*Server).edgePrice},
	"POST report/new_list":       {"ListSent", (*Server).edgeList},
	"GET report/by_bulk":         {"GetBatch", (*Server).edgeBatch},
	"GET report/recipients":      {"GetStatus", (*Server).edgeRecipients},
	"POST report/messages-inbox": {"GetMsg", (*Server).edgeInbox},
}

// serveEdge answers a request for /v1/api/….
func (s *Server) serveEdge(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(strings.Trim(r.URL.Path, "/"), "v1/api/")
	m, known := edgeMethods[r.Method+" "+name]
	f := edgeForm{Values: r.URL.Query()}
	var wrong error
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if wrong = errors.Join(err, json.Unmarshal(body, &f)); kind != "application/json" {
			wrong = errors.New("no JSON")
		}
	}
	method := m.method
	if name == "send" && wrong == nil {
		wrong = f.readTexts()
		if f.SendingType == "peer_to_peer" {
			method = "SendMultipleSMS"
		}
	}
	named := map[string][]string{"fromNum": {f.From}, "page": {strconv.Itoa(f.Page)}, "from_id": {f.Filters.FromID.String()}}
	var all []SMS
	for _, text := range f.each {
		for _, number := range text.Recipients {
			all = append(all, asked(f.From, number, text.Message, ""))
		}
		named["toNum"], named["messageContent"] = append(named["toNum"], text.Recipients...), append(named["messageContent"], text.Message)
	}
	key := r.Header.Get("Authorization")
	s.serve(w, r, job{
		method: method, named: named, recipients: len(named["toNum"]), asked: all,
		carryOut: func() (answer, error) {
			switch {
			case key != s.password:
				return edgeRefusal(401, ""), nil
			case !known:
				return edgeRefusal(404, ""), nil
			case wrong != nil:
				return edgeRefusal(422, "body"), nil
			}
			return m.carry(s, f), nil
		},
		encode: s.encodeEdge,
	})
}

// readTexts reads the params of a send.
func (f *edgeForm) readTexts() error {
	switch f.SendingType {
	case "webservice":
		text := edgeText{Message: f.Message}
		if err := json.Unmarshal(f.Params, &text); err != nil {
			return err
		}
		text.Message = f.Message
		f.each = []edgeText{text}
		return nil
	case "peer_to_peer":
		return json.Unmarshal(f.Params, &f.each)
	}
	return errors.New("no such sending_type")
}

// edgeRefusal is an error of that HTTP status; field is what of the request is wrong, if it says so.
func edgeRefusal(status int, field string) answer {
	a := answer{code: status}
	if field != "" {
		a.meta = record{{"errors", record{{field, []any{"مقدار " + field + " معتبر نیست"}}}}}
	}
	return a
}

// encodeEdge writes an answer.
func (s *Server) encodeEdge(a answer) (status int, body []byte) {
	status, words, code := http.StatusOK, "عملیات با موفقیت انجام شد", "200-1"
	if a.code != 0 {
		status, words, code = a.code, edgeMessages[a.code], cmp.Or(edgeCodes[a.code], "400-1")
		if text, ok := a.result.(string); ok && text != "" {
			words = text
		}
		a.result = nil
		if status < 400 || status > 599 || s.opts.ErrorsAre200 {
			status = http.StatusOK
		}
	}
	meta := append(record{{"status", a.code == 0}, {"message", words}, {"message_parameters", []any{}}, {"message_code", code}}, a.meta...)
	var b bytes.Buffer
	writeJSON(&b, record{{"data", a.result}, {"meta", meta}})
	return status, b.Bytes()
}

// digits writes the digits of a text as the panel does.
func (s *Server) digits(text string) string {
	if !s.opts.PersianDigits {
		return text
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '۰'
		}
		return r
	}, text)
}

// e164 writes a number as the panel does; what is none stays as it is.
func (s *Server) e164(number string) string {
	n, ok := normalise(number)
	switch {
	case !ok || strings.HasPrefix(number, "+") && !strings.HasPrefix(number, "+98"):
		return number
	case strings.HasPrefix(n, "0"):
		n = n[1:]
	}
	return s.digits("+98" + n)
}

// e164Line writes a line of ours as the panel does.
func (s *Server) e164Line(line string) string {
	n, _ := normalise(line)
	return s.digits("+98" + n)
}

// e164Form reports whether a number is written with a plus and its country code, as the panel wants it.
func e164Form(number string) bool {
	digits, ok := strings.CutPrefix(number, "+")
	return ok && len(digits) >= 7 && len(digits) <= 15 && strings.Trim(digits, "0123456789") == "" && digits[0] != '0'
}

func (s *Server) edgeLines(edgeForm) answer {
	lines := []any{}
	for _, line := range s.opts.Lines {
		lines = append(lines, record{{"number", s.e164Line(line)}, {"alias", ""}, {"is_66_char", false}})
	}
	return answer{result: lines}
}

// edgeSend accepts an order. Whether there is credit shows later.
func (s *Server) edgeSend(f edgeForm) answer {
	switch {
	case !e164Form(f.From) || !s.ours(f.From):
		return edgeRefusal(422, "from_number")
	case len(f.each) == 0 || len(f.each) > edgeTexts:
		return edgeRefusal(422, "params")
	}
	line, _ := normalise(f.From)
	cost := 0
	for _, text := range f.each {
		switch {
		case len(text.Recipients) == 0 || len(text.Recipients) > edgeRecipients || slices.ContainsFunc(text.Recipients, func(to string) bool { return !e164Form(to) }):
			return edgeRefusal(422, "recipients")
		case strings.TrimSpace(text.Message) == "" || utf8.RuneCountInString(text.Message) > edgeRunes || parts(text.Message) > edgeParts:
			return edgeRefusal(422, "message")
		}
		for _, to := range text.Recipients {
			customer, _ := normalise(to)
			if at, sent := s.twins[twin{line, customer, text.Message}]; sent && s.now().Sub(at) < edgeTwin {
				return edgeRefusal(429, "")
			}
		}
		cost += parts(text.Message) * len(text.Recipients)
	}
	paid := s.pay(cost)
	ids := []any{}
	for _, text := range f.each {
		b := &batch{id: strconv.FormatInt(s.nextID, 10), line: line, text: text.Message, at: s.now()}
		s.nextID++
		if !paid {
			b.state = batchNoCredit
		}
		s.batches[b.id], s.inOrder = b, append(s.inOrder, b)
		for _, to := range text.Recipients {
			customer, _ := normalise(to)
			id := b.id + "/" + to
			if s.byID[id] != nil {
				continue
			}
			s.twins[twin{line, customer, text.Message}] = b.at
			b.sms = append(b.sms, s.acceptAs(id, line, customer, text.Message))
		}
		ids = append(ids, json.Number(b.id))
	}
	return answer{result: record{{"message_outbox_ids", ids}}}
}

// edgePrice tells what a text costs from a line, in rial, by the operator of who gets it.
func (s *Server) edgePrice(f edgeForm) answer {
	switch {
	case !e164Form(f.Number) || !s.ours(f.Number):
		return edgeRefusal(422, "number")
	case f.Message == "" || utf8.RuneCountInString(f.Message) > edgeRunes:
		return edgeRefusal(422, "message")
	}
	n := parts(f.Message)
	return answer{result: record{{"mci_price", 1020 * n}, {"other_price", 1150.5 * float64(n)}, {"parts", n}}}
}

// twin is what the panel takes once in a while.
type twin struct{ line, customer, text string }

// edgePages cuts the page out of what was found that a request asks for, of 10 rows unless it says how many, and writes it.
func edgePages[T any](s *Server, found []T, page, size int, row func(T) record) (answer, []T) {
	page, size = max(page, 1), min(cmp.Or(size, 10), cmp.Or(s.opts.PageSize, edgePage))
	total := len(found)
	from := min((page-1)*size, total)
	found = found[from:min(from+size, total)]
	if s.opts.Millions {
		total += 4_812_930
	}
	rows := make([]any, len(found))
	for i, one := range found {
		rows[i] = row(one)
	}
	a := answer{result: rows, meta: record{{"current_page", page}, {"last_page", max(1, (total+size-1)/size)}, {"per_page", size}, {"total", total}}}
	if s.opts.EmptyIsNull && len(rows) == 0 {
		a.result = nil
	}
	return a, found
}

// row is a batch in reports, where its id is a text.
func (s *Server) row(b *batch) record {
	return record{
		{"messages_outbox_id", s.digits(b.id)}, {"number", s.e164Line(b.line)}, {"message", b.text}, {"state_id", b.stateID()},
		{"rcpts_count", s.digits(strconv.Itoa(len(b.sms)))}, {"time", s.digits(strconv.FormatInt(b.at.Unix(), 10))},
	}
}

// edgeList is newest first. What it filters a text by need only be a part of it, and it does not know at once what was accepted.
func (s *Server) edgeList(f edgeForm) answer {
	at := func(date string, otherwise time.Time) time.Time {
		if n, err := strconv.ParseInt(date, 10, 64); err == nil {
			return time.Unix(n, 0)
		}
		return otherwise
	}
	from, to := at(f.Filters.From, time.Time{}), at(f.Filters.To, s.now())
	var found []*batch
	for _, b := range slices.Backward(s.inOrder) {
		created := b.at.Truncate(time.Second)
		if created.Before(from) || created.After(to) || s.now().Sub(b.at) < s.opts.ListDelay {
			continue
		}
		line, _ := normalise(f.Filters.Number)
		if f.Filters.Number != "" && line != b.line || !strings.Contains(b.text, f.Filters.Message) || f.Filters.ID != "" && f.Filters.ID.String() != b.id {
			continue
		}
		found = append(found, b)
	}
	a, _ := edgePages(s, found, f.Page, f.Limit, s.row)
	return a
}

func (s *Server) edgeBatch(f edgeForm) answer {
	b := s.batches[f.Get("messages_outbox_id")]
	if b == nil {
		return edgeRefusal(404, "")
	}
	a := answer{result: s.row(b), told: map[string]int{}}
	for _, m := range b.sms {
		if a.told[m.ID] = m.Status; b.stateID() == batchSending {
			a.told[m.ID] = 1
		}
	}
	return a
}

// edgeStatuses are its texts for the states that this package counts. A telecom's trouble is told of a whole batch only.
var edgeStatuses = map[int]string{1: "0", 2: "0", 3: "1", 4: "2", 5: "3", 6: "4"}

// edgeRecipients names the recipients of a batch at once, and how far they have come when it is final.
func (s *Server) edgeRecipients(f edgeForm) answer {
	b := s.batches[f.Get("bulk_id")]
	if b == nil {
		return edgeRefusal(404, "")
	}
	page, _ := strconv.Atoi(f.Get("page"))
	size, _ := strconv.Atoi(f.Get("per_page"))
	told := map[string]int{}
	a, _ := edgePages(s, b.sms, page, size, func(m *accepted) record {
		row := record{{"recipient", s.digits(m.ID[len(b.id)+1:])}, {"message", m.Text}, {"is_readable", true}, {"msg_parts", s.digits(strconv.Itoa(parts(m.Text)))}}
		if b.stateID() != batchSent {
			return row
		}
		if told[m.ID] = m.Status; m.Status == 2 {
			told[m.ID] = 1
		}
		return append(row, member{"message_status", s.digits(edgeStatuses[m.Status])})
	})
	a.told = told
	return a
}

// edgeInbox lists what customers wrote. Without from_id it is the newest first.
func (s *Server) edgeInbox(f edgeForm) answer {
	since, err := strconv.ParseInt(f.Filters.FromID.String(), 10, 64)
	if f.Filters.FromID != "" && err != nil {
		return edgeRefusal(422, "filters.from_id")
	}
	rows := s.inbox // whose ids go up one by one
	if upTo := min(max(0, since-firstInboxID+1), int64(len(rows))); f.Filters.FromID != "" && s.opts.FromIDBelow {
		rows = rows[:upTo]
	} else if f.Filters.FromID != "" {
		rows = rows[upTo:]
	}
	var found []*Inbound
	now := s.now()
	for _, m := range rows {
		if !m.hidden.After(now) {
			found = append(found, m)
		}
	}
	if f.Filters.FromID == "" || s.opts.FromIDBelow {
		slices.Reverse(found)
	}
	a, page := edgePages(s, found, f.Page, f.PerPage, func(m *Inbound) record {
		return record{
			{"messages_inbox_id", json.Number(m.ID)}, {"from", s.e164(m.Customer)}, {"number", s.e164Line(m.Line)}, {"message", m.Text}, {"type", "normal"},
			{"time", m.At.Unix()}, {"seen", "0"},
		}
	})
	for _, m := range page {
		a.given = append(a.given, m.SMS)
		if !m.Fetched {
			m.Fetched = true
			s.unread = slices.DeleteFunc(s.unread, func(u *Inbound) bool { return u == m })
			s.publish(Event{Kind: Fetched, SMS: m.SMS})
		}
	}
	return a
}

// ReceiveLate is Receive, of an SMS that no answer has for a while although its id is counted.
func (s *Server) ReceiveLate(customer, line, text string, late time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiveAt(customer, line, text, s.now(), s.now().Add(late))
}
