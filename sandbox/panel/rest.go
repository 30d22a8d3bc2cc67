package panel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
)

// REST is the sibling in JSON that panels of the SOAP family have at another address: the same methods, codes and limits, a path each. None of it was
// measured; what its clients leave open is an Option. Requests go by the names that SOAP has for the same.
const REST Dialect = 4

// RESTForm is how it says what is in an account, and what customers wrote.
type RESTForm int

const (
	WithCode RESTForm = iota // {"errCode":0,"result":…}
	BareList
	TextOfList // the list, as JSON, in a text
	OneObject  // where it is one
)

// restPaths are what a path asks for, and by which of the fields that come.
var restPaths = map[string]string{
	"getData.php": "GetCredit", "getMessages.php": "GetMsg", "sendSms_OneToMany.php": "SendSMS", "sendSms_ManyToMany.php": "SendMultipleSMS",
	"sendSms_ManyToMany_v2.php": "SendMultipleSMS", "getStatus.php": "GetStatus", "getStatusArray.php": "GetStatus",
}

// restForm is the body of a request.
type restForm struct {
	User     string   `json:"uname"`
	Password string   `json:"pass"`
	From     string   `json:"from"`
	To       []string `json:"to"`
	Text     string   `json:"msg"`
	Op       string   `json:"op"`
	ID       string   `json:"uniqueID"`
	Many     any      `json:"ManyToMany"`
	IDs      []string `json:"uniqueIDs"`
	Content  []struct {
		To   string `json:"to"`
		Text string `json:"msg"`
	} `json:"content"`
}

// serveREST answers a request for a path below /class/sms/restful.
func (s *Server) serveREST(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	method := restPaths[name]
	if user, password, _ := r.BasicAuth(); s.opts.Basic && (user != s.opts.User || password != s.password) {
		w.Header().Set("WWW-Authenticate", `Basic realm="panel"`)
		http.Error(w, "401 Unauthorized", http.StatusUnauthorized)
		return
	}
	if method == "" {
		http.NotFound(w, r)
		return
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	var f restForm
	if json.Unmarshal(body, &f) != nil {
		f = restForm{} // PHP's json_decode says null: there is no user then
	}
	c := f.call(method)
	s.serve(w, r, job{
		method: method, named: c.named(), recipients: c.recipients(), asked: c.asked(),
		carryOut: func() (answer, error) {
			if name == "sendSms_ManyToMany_v2.php" && f.Op != "sendSms" {
				return refusal(-4, ""), nil
			}
			before := len(s.sent)
			a, err := s.carryOut(c)
			for _, m := range s.sent[before:] {
				m.many = method == "SendMultipleSMS"
			}
			if a.code == 0 && method == "GetStatus" {
				a.result = s.restStates(f, name == "getStatusArray.php")
			}
			return a, err
		},
		encode: func(a answer) (int, []byte) { return http.StatusOK, s.encodeREST(method, a) },
	})
}

// call is the call that a request is at the SOAP sibling.
func (f restForm) call(method string) call {
	text := func(value string) *element { return &element{xsiType: "string", text: value} }
	list := func(values []string) *element {
		e := &element{array: true}
		for _, value := range values {
			e.children = append(e.children, text(value))
		}
		return e
	}
	c := call{method: method, names: []string{"user", "pass"}, params: []*element{text(f.User), text(f.Password)}}
	add := func(name string, e *element) { c.names, c.params = append(c.names, name), append(c.params, e) }
	switch method {
	case "SendSMS":
		add("fromNum", text(f.From))
		add("toNum", list(f.To))
		add("messageContent", text(f.Text))
	case "SendMultipleSMS":
		var to, texts []string
		for _, m := range f.Content {
			to, texts = append(to, m.To), append(texts, m.Text)
		}
		add("fromNum", text(f.From))
		add("toNums", list(to))
		add("messageContents", list(texts))
	case "GetStatus":
		ids := f.IDs
		if f.ID != "" {
			ids = append(ids, f.ID)
		}
		add("unique_ids", list(ids))
	}
	return c
}

// restStates says how far SMS have come. One of own texts is found only by who says that it is one.
func (s *Server) restStates(f restForm, several bool) any {
	state := func(id string) record {
		m := s.byID[id]
		if m == nil || !several && m.many != (fmt.Sprint(f.Many) == "1") {
			return record{{"statusId", ""}, {"status", ""}}
		}
		return record{{"statusId", strconv.Itoa(m.Status)}, {"status", "…"}}
	}
	if !several {
		return state(f.ID)
	}
	all := []any{}
	for _, id := range f.IDs {
		all = append(all, append(record{{"uniqueID", id}}, state(id)...))
	}
	return all
}

// encodeREST writes an answer. Errors come with 200, too.
func (s *Server) encodeREST(method string, a answer) []byte {
	var b bytes.Buffer
	coded := func(code, result any) record { return record{{"errCode", code}, {"result", result}} }
	switch {
	case a.each != nil:
		all := []any{}
		for _, one := range a.each {
			pair := one.(record)
			all = append(all, coded(pair[0].value, pair[1].value))
		}
		writeJSON(&b, all)
		return b.Bytes()
	case a.code != 0 || method != "GetCredit" && method != "GetMsg":
		writeJSON(&b, coded(a.code, a.result))
		return b.Bytes()
	}
	result := a.result
	list, several := result.([]any)
	if !several { // the account's data
		one := record{{"name", "demo"}, {"credit", result}}
		result, list = one, []any{one}
	}
	switch s.opts.Form {
	case BareList:
		writeJSON(&b, list)
	case TextOfList:
		var text bytes.Buffer
		writeJSON(&text, list)
		writeJSON(&b, text.String())
	case OneObject:
		if len(list) == 1 {
			writeJSON(&b, list[0])
		} else {
			writeJSON(&b, list)
		}
	default:
		writeJSON(&b, coded(0, result))
	}
	return b.Bytes()
}
