package soap

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"peyk/sms"
	"peyk/smsapi"
)

// meanings are the guide's words for its error codes, for when the panel sends the code alone.
var meanings = map[int]string{
	-1: "user not recognised",
	-2: "more than 60 numbers",
	-3: "sending failed",
	-4: "the parameters' counts differ",
	-5: "the sending number is not yours",
}

// statuses are what the guide's status codes mean.
var statuses = map[int]smsapi.Delivery{
	1: {Status: sms.Sent},
	2: {Status: sms.Failed, Reason: sms.TelecomProblem},
	3: {Status: sms.AtTelecom},
	4: {Status: sms.Delivered},
	5: {Status: sms.Failed, Reason: sms.NotDelivered},
	6: {Status: sms.Failed, Reason: sms.Blacklisted},
}

func uncertain(text string, err error) *smsapi.Error {
	return &smsapi.Error{Kind: smsapi.Uncertain, Text: text, Err: err}
}
func rejected(text string) *smsapi.Error { return &smsapi.Error{Kind: smsapi.Rejected, Text: text} }

// readResponse returns the element that answers the method. What could be read of a cut answer comes beside the error.
func readResponse(contentType string, raw []byte) (*node, error) {
	body, err := readEnvelope(contentType, raw)
	var response *node
	if body != nil {
		if fault := body.member("Fault"); fault != nil {
			return nil, faultError(fault)
		}
		for _, k := range body.kids {
			// Beside the response stand the values that an href names.
			if response == nil || k.id == "" && response.id != "" {
				response = k
			}
		}
	}
	switch {
	case len(bytes.TrimSpace(raw)) == 0:
		return nil, uncertain("the panel answered nothing", nil)
	case err == smsapi.ErrProtocol && looksLikeHTML(raw):
		return nil, uncertain("the panel answered a web page", err)
	case err != nil:
		return response, uncertain("the panel's answer cannot be read", err)
	case response == nil:
		return nil, uncertain("the panel's answer is empty", nil)
	}
	return response, nil
}

// ended reports whether an answer that holds an envelope holds its end.
func ended(a smsapi.Answer) bool {
	text := toUTF8(a.ContentType, a.Body)
	return !envelope.Match(text) || envelopeEnd.Match(text)
}

func looksLikeHTML(raw []byte) bool {
	head := bytes.ToLower(raw[:min(len(raw), 1024)])
	return bytes.Contains(head, []byte("<html")) || bytes.Contains(head, []byte("<!doctype html"))
}

// faultError says what a SOAP Fault means: nothing for sure. Its code tells who is to blame, not whether the method ran
// before it failed, and PHP code says Client for anything.
func faultError(fault *node) *smsapi.Error {
	text := fault.member("faultstring").scalar()
	if text == "" {
		text = fault.member("Reason").member("Text").scalar() // SOAP 1.2
	}
	if text == "" {
		text = "the panel's service failed"
	}
	return &smsapi.Error{Kind: smsapi.Uncertain, Text: text, Err: smsapi.ErrFault}
}

// outcome descends from the response to the node that holds ErrCode, however it is wrapped, or to a list.
func outcome(response *node) *node {
	n := unfold(response)
	for n.member("ErrCode") == nil {
		inner := n.member("return")
		if inner == nil && len(n.kids) == 1 {
			inner = n.kids[0]
		}
		if inner == nil {
			break
		}
		n = unfold(inner)
	}
	return n
}

// result returns what stands beside ErrCode 0. Any other ErrCode, and none, is an error.
func result(n *node) (*node, *smsapi.Error) {
	bare := len(n.kids) == 0
	text := n.member("ErrCode").scalar()
	if bare {
		text = n.scalar()
	}
	code, err := strconv.Atoi(sms.Digits(text))
	// Older services answer a refusal as a bare code; any other bare value may be anything.
	if err != nil || bare && code >= 0 {
		return nil, uncertain("the panel's answer has no ErrCode", nil)
	}
	value := unfold(n.member("result"))
	if code == 0 {
		return value, nil
	}
	failed := &smsapi.Error{Kind: smsapi.Rejected, Code: code, Meaning: meanings[code], Text: value.scalar()}
	if code == -1 {
		failed.Kind = smsapi.Auth
	}
	if failed.Text == "" {
		failed.Text = strings.Join(scalars(value), ", ")
	}
	if failed.Text == "" {
		failed.Text = failed.Meaning
	}
	return nil, failed
}

// bare returns the values of an answer without ErrCode that is a lone value or a list of such, as older services give; none when it is
// anything else. A member with a name of its own may be about anything.
func bare(response *node) []*node {
	n := unfold(response)
	if n.member("ErrCode") != nil {
		return nil
	}
	if len(n.kids) == 1 { // whatever its name: return, most often
		n = unfold(n.kids[0])
	}
	for len(n.kids) == 1 && unnamed(n.kids[0]) {
		n = unfold(n.kids[0])
	}
	if len(n.kids) == 0 {
		return []*node{n}
	}
	for _, k := range n.kids {
		if len(k.kids) > 0 || len(n.kids) == 1 || k.name != n.kids[0].name && !unnamed(k) {
			return nil
		}
	}
	return n.kids
}

// unnamed reports whether a value is one of a list: its name is that of a place, or says what is in all places.
func unnamed(n *node) bool {
	switch strings.ToLower(n.name) {
	case "", "item", "return", "string", "int", "long":
		return true
	}
	return digitsOnly(n.key())
}

func digitsOnly(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// scalars returns the texts directly in a list, empty ones too: their place counts.
func scalars(n *node) []string {
	if n == nil {
		return nil
	}
	var texts []string
	for _, k := range n.kids {
		texts = append(texts, k.scalar())
	}
	return texts
}

// bareCredit is an amount without anything said of it.
var bareCredit = regexp.MustCompile(`^([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?$`)

// readCredit interprets an answer to GetCredit.
func readCredit(response *node) (string, error) {
	n := outcome(response)
	value, failed := result(n)
	if failed != nil && failed.Code == 0 && n.member("ErrCode") == nil {
		if all := bare(response); len(all) == 1 && bareCredit.MatchString(sms.Digits(all[0].scalar())) {
			return all[0].scalar(), nil
		}
	}
	if failed != nil {
		return "", failed
	}
	credit := value.scalar()
	if all := scalars(value); len(all) == 1 {
		credit = all[0]
	}
	if credit == "" {
		return "", uncertain("the panel's answer has no credit", nil)
	}
	return credit, nil
}

// list returns the values in a list, which may come as a lone value without its list, or as one text with commas.
func list(n *node) []*node {
	if n == nil {
		return nil
	}
	text := n.scalar()
	if text == "" {
		return n.kids
	}
	if parts := split(text); len(parts) > 1 && !slices.ContainsFunc(parts, func(part string) bool { return !digitsOnly(sms.Digits(part)) }) {
		items := make([]*node, len(parts))
		for i, part := range parts {
			items[i] = &node{text: part}
		}
		return items
	}
	return []*node{n}
}

// split returns the parts of a text in which commas stand between values.
func split(text string) []string {
	parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",،;|", r) })
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// idForm is what can be an id. Numbers are the rule, but nothing says so.
var idForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._:/+=-]*$`)

// idIn returns the id that stands in an id's place, or why there is none. A panel puts there, for a recipient it refuses, the code of an
// error, and words, of which nobody can say whether they tell of a refusal.
func idIn(item *node) (sms.ID, *smsapi.Error) {
	item = unfold(item)
	if item.member("ErrCode") != nil {
		value, failed := result(item)
		if failed != nil || value == nil || len(value.kids) == 0 && value.scalar() == "" {
			return "", failed // or it was carried out, and not named
		}
		item = value
	}
	for item != nil && len(item.kids) == 1 {
		item = item.kids[0]
	}
	if item != nil && len(item.kids) == 0 {
		if _, failed := result(item); failed.Code != 0 {
			return "", failed
		}
	}
	text := item.scalar()
	switch id := sms.Digits(text); {
	case digitsOnly(strings.Trim(id, "0")):
		return sms.ID(id), nil
	case idForm.MatchString(text) && strings.ContainsAny(text, "123456789") && !strings.Contains(strings.ToLower(text), "err"):
		return sms.ID(text), nil
	}
	return "", &smsapi.Error{Kind: smsapi.Uncertain, Text: cmp.Or(text, "the panel gave no id"), Err: smsapi.ErrNoID}
}

// success are words for a whole request behind its ErrCode 0: the guide's own, and what is often said. Array is PHP's word for a list that
// its WSDL has no room for.
var success = []string{"اجرای موفق درخواست", "array", "ok", "done", "sent", "success", "successful", "true"}

// carriedOut reports whether a lone result behind ErrCode 0 says no more than that.
func carriedOut(n *node) bool { return slices.Contains(success, strings.ToLower(n.scalar())) }

// readSent interprets an answer to SendSMS; the recipients are distinct.
func readSent(response *node, to []sms.Number) (smsapi.Sent, error) {
	n := outcome(response)
	value, failed := result(n)
	items := list(value)
	told := true // that the request was carried out
	switch {
	case failed != nil && failed.Code == 0 && n.member("ErrCode") == nil:
		told = false
		all := bare(response)
		for _, item := range all {
			items = append(items, list(item)...)
		}
		says := func(item *node) bool {
			id, none := idIn(item)
			return digitsOnly(string(id)) || none != nil && none.Code != 0
		}
		if !slices.ContainsFunc(items, says) {
			return smsapi.Sent{}, failed
		}
	case failed != nil:
		return smsapi.Sent{}, failed
	case value == nil || len(value.kids) == 0:
		// The guide speaks of the ids as of a member of their own, which it does not name.
		for _, k := range n.kids {
			if k = unfold(k); len(k.kids) > 0 {
				items = k.kids
			}
		}
	}
	answers := make([]smsapi.Result, len(items))
	places := map[sms.Number]int{}
	var ids []sms.ID
	for i, item := range items {
		answers[i].ID, answers[i].Err = idIn(item)
		if !told && answers[i].Err == nil && !digitsOnly(string(answers[i].ID)) {
			answers[i] = smsapi.Result{Err: failed}
		}
		if answers[i].Err == nil {
			ids = append(ids, answers[i].ID)
		}
		if recipient := sms.Normalize(item.key()); slices.Contains(to, recipient) {
			places[recipient] = i
		}
	}
	wrong := slices.IndexFunc(answers, func(r smsapi.Result) bool { return r.Err != nil })
	results := make([]smsapi.Result, len(to))
	switch {
	case len(items) == 1 && wrong == 0 && answers[0].Err.Code != 0: // a lone error concerns all
		return smsapi.Sent{}, answers[0].Err
	case len(items) == 1 && told && carriedOut(items[0]):
	case len(places) > 0 && len(places) == len(items):
		for i, recipient := range to {
			if place, ok := places[recipient]; ok {
				results[i] = answers[place]
			} else {
				results[i].Err = &smsapi.Error{Kind: smsapi.Uncertain, Text: "the panel gave no id", Err: smsapi.ErrNoID}
			}
		}
		ids = nil
	case len(items) == len(to):
		results, ids = answers, nil
	case wrong >= 0:
		return smsapi.Sent{}, uncertain("the panel did not say which recipients it refused", nil)
	}
	unsure := 0
	for i := range results {
		results[i].Recipient = to[i]
		if results[i].Err != nil && results[i].Err.Kind == smsapi.Uncertain {
			unsure++
		}
	}
	if unsure == len(to) {
		return smsapi.Sent{}, results[0].Err
	}
	return smsapi.Sent{Results: results, IDs: ids}, nil
}

// readSentEach interprets an answer to SendMultipleSMS.
func readSentEach(response *node, texts []smsapi.Addressed) (smsapi.Sent, error) {
	n := outcome(response)
	items := n.kids
	accepted := false
	if n.member("ErrCode") != nil || len(n.kids) == 0 {
		// An error that stands alone concerns all recipients.
		value, failed := result(n)
		if failed != nil {
			return smsapi.Sent{}, failed
		}
		items, accepted = list(value), true
	}
	answers := make([]smsapi.Result, len(items))
	refused := len(items) == 0 && !accepted
	var ids []sms.ID
	for i, item := range items {
		if item = unfold(item); !accepted && item.member("ErrCode") == nil {
			_, answers[i].Err = result(item)
		} else if !accepted || len(items) > 1 || !carriedOut(item) {
			answers[i].ID, answers[i].Err = idIn(item)
		}
		if answers[i].ID != "" {
			ids = append(ids, answers[i].ID)
		}
		refused = refused || answers[i].Err != nil
	}
	if len(answers) == len(texts) {
		for i := range texts {
			answers[i].Recipient = texts[i].To
		}
		return smsapi.Sent{Results: answers}, nil
	}
	sent := smsapi.Sent{Results: make([]smsapi.Result, len(texts)), IDs: ids}
	for i := range texts {
		sent.Results[i].Recipient = texts[i].To
		if refused {
			sent.Results[i].Err = uncertain("the panel did not say which recipients it refused", nil)
		}
	}
	return sent, nil
}

// readStatuses interprets an answer to GetStatus: for each of the distinct ids a code, 0 when the panel gave none. Codes without a word of
// whose they are count by their places, if there are as many as ids.
func readStatuses(response *node, ids []sms.ID) (map[sms.ID]int, error) {
	value, failed := result(outcome(response))
	if failed != nil {
		return nil, failed
	}
	codes := map[sms.ID]int{}
	items := statusItems(value, ids)
	var placed []int
	for i, item := range items {
		item = unfold(item)
		named := about(item, ids)
		said := statusCodes(item, named)
		switch key := item.key(); {
		case len(named) > 0 && len(said) == 1:
			for _, id := range named {
				codes[id] = said[0]
			}
		case len(named) > 0 && len(said) == len(named):
			for j, id := range named {
				codes[id] = said[j]
			}
		case len(said) == 1 && !namesAnID(item) && (!digitsOnly(key) || key == strconv.Itoa(i)):
			placed = append(placed, said[0])
		}
	}
	if len(placed) == len(ids) && len(items) == len(ids) && len(codes) == 0 {
		for i, id := range ids {
			codes[id] = placed[i]
		}
	}
	return codes, nil
}

// countStatuses returns how many statuses are in an answer to GetStatus, whose ever they are.
func countStatuses(response *node, ids []sms.ID) int {
	value, _ := result(outcome(response))
	return len(statusItems(value, ids))
}

// statusItems returns what is said of one id each, or of several in one text.
func statusItems(value *node, ids []sms.ID) []*node {
	if value == nil || len(value.kids) > 0 && len(about(value, ids)) == 0 {
		return list(value)
	}
	parts := split(value.scalar())
	if len(parts) < 2 {
		if len(value.kids) > 0 || len(parts) > 0 {
			return []*node{value}
		}
		return nil
	}
	items := make([]*node, len(parts))
	for i, part := range parts {
		items[i] = &node{text: part}
		if id, code, ok := strings.Cut(strings.Replace(part, "=", ":", 1), ":"); ok {
			items[i] = &node{name: strings.TrimSpace(id), text: code}
		}
	}
	return items
}

// texts returns the texts in a list, or in one text with commas.
func (n *node) texts() []string {
	if len(n.kids) > 0 {
		return scalars(n)
	}
	return split(n.scalar())
}

// isID reports whether a member of a struct is about the id. A statusId is a status.
func isID(member *node) bool {
	name := strings.ToLower(strings.TrimSuffix(member.name, "s"))
	return strings.HasSuffix(name, "id") && name != "statusid"
}

func namesAnID(item *node) bool {
	return slices.ContainsFunc(item.kids, func(k *node) bool { return isID(k) && len(k.texts()) > 0 })
}

// about returns the ids that an item names, by its key or by a member.
func about(item *node, ids []sms.ID) []sms.ID {
	said := [][]string{split(item.key())}
	for _, k := range item.kids {
		if isID(k) {
			said = append(said, k.texts())
		}
	}
	for _, texts := range said {
		var named []sms.ID
		for _, text := range texts {
			if id := sms.ID(text); slices.Contains(ids, id) {
				named = append(named, id)
			}
		}
		if len(named) > 0 && len(named) == len(texts) {
			return named
		}
	}
	return nil
}

// statusCodes returns the codes in a scalar, or in a struct about the ids named; a lone 0 for what is none.
func statusCodes(item *node, named []sms.ID) []int {
	places := []*node{item}
	if len(item.kids) > 0 {
		places = slices.Clone(item.kids)
		rank := func(k *node) int { // statusId is the code where status are its words
			if name := strings.ToLower(k.name); !strings.Contains(name, "status") {
				return 2
			} else if !strings.HasPrefix(name, "statusid") {
				return 1
			}
			return 0
		}
		slices.SortStableFunc(places, func(a, b *node) int { return rank(a) - rank(b) })
	}
	for _, place := range places {
		if isID(place) {
			continue
		}
		var codes []int
		for _, text := range place.texts() {
			code, err := strconv.Atoi(sms.Digits(text))
			if err != nil || len(item.kids) > 0 && slices.Contains(named, sms.ID(text)) {
				codes = nil
				break
			}
			codes = append(codes, code)
		}
		if len(codes) > 0 {
			return codes
		}
	}
	return []int{0}
}

// readUnread interprets an answer to GetMsg, whose messages stay in its order. Messages that could be read come beside the error.
func readUnread(response *node) ([]sms.Message, error) {
	n := outcome(response)
	_, failed := result(n)
	var messages []sms.Message
	strange := false
	// An account has a few lines, and working out what number one is takes longer than reading all else.
	lines := map[string]sms.Number{}
	line := func(to string) sms.Number {
		n, ok := lines[to]
		if !ok {
			if n = sms.NormalizeLine(to); n == "" {
				n = sms.Normalize(to)
			}
			lines[to] = n
		}
		return n
	}
	var collect func(n *node)
	collect = func(n *node) {
		if m, ok := message(n, line); ok {
			messages = append(messages, m)
			return
		}
		strange = strange || n.size > len(n.kids) // some are missing
		if n.size > 0 && len(n.kids) > n.size {
			// A customer wrote some of them, and nobody can say which.
			messages = append(messages, doubt(n))
			strange = true
			return
		}
		for _, k := range n.kids {
			k = unfold(k)
			strange = strange || k.scalar() != ""
			collect(k)
		}
	}
	switch {
	case failed == nil:
		// The list may have another name, or none, so that each message is a result. A text instead of it says in words that there are
		// none; but not one that was to be JSON.
		for _, k := range n.kids {
			k = unfold(k)
			if text := k.scalar(); strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") {
				k, strange = begun(k), true
			}
			collect(k)
		}
	case failed.Code == 0:
		collect(begun(n)) // without ErrCode they are still messages, and will not come again
	}
	if failed != nil {
		return messages, failed
	}
	if strange {
		return messages, uncertain("the panel's answer holds what is no message", nil)
	}
	return messages, nil
}

// message returns the SMS that a whole struct describes.
func message(n *node, line func(string) sms.Number) (sms.Message, bool) {
	var from, to, msg, at *node
	known, distinct := 0, 0
	set := func(member **node, k *node) {
		if *member == nil {
			distinct++
		}
		*member = k
	}
	for _, k := range n.kids {
		switch strings.ToLower(k.name) {
		case "from":
			set(&from, k)
		case "to":
			set(&to, k)
		case "msg":
			set(&msg, k)
		case "time":
			set(&at, k)
		default:
			continue
		}
		known++
	}
	if n.open || known < 2 {
		return sms.Message{}, false
	}
	if known > distinct {
		return doubt(n), true // a customer wrote one of them
	}
	m := sms.Message{
		Direction:    sms.Inbound,
		Conversation: sms.Conversation{Line: line(to.scalar()), Customer: sms.Normalize(from.scalar())},
	}
	m.Time, m.Clock = readTime(at.scalar())
	if msg != nil && !msg.null {
		m.Text = msg.text
		if strings.Contains(m.Text, "\r") {
			m.Text = lineEnds.Replace(m.Text)
		}
		m.AsItCame = msg.mark != ""
	}
	if msg != nil && (msg.mark == doubtful || len(msg.kids) > 0) {
		return doubt(n), true
	}
	return m, true
}

// doubt returns what cannot be read as one SMS, or as several, as it came: nobody can say who wrote it.
func doubt(n *node) sms.Message {
	return sms.Message{Direction: sms.Inbound, Text: lineEnds.Replace(n.source()), AsItCame: true}
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")
