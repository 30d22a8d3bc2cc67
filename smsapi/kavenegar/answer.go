package kavenegar

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"

	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// answer is what could be read of an answer, as far as it came.
type answer struct {
	status  int    // of its return; 0: it has none
	message string // the panel's words
	entries []json.RawMessage
	more    bool  // pages follow
	wrong   error // why nothing is known of the rest of it
}

// read reads an answer. An error of the panel's is no JSON, by its own documentation: of that the return counts, which stands at its beginning.
func read(body []byte) answer {
	var a answer
	if a.wrong = a.read(body); a.wrong != nil && a.status == 0 {
		begins := body[:min(len(body), longestReturn)] // to look through megabytes of something else would take seconds
		if m := status.FindSubmatch(begins); m != nil {
			a.status, _ = strconv.Atoi(string(m[1]))
			if m := message.FindSubmatch(begins); m != nil {
				a.message = string(m[1])
			}
		}
	}
	return a
}

// longestReturn is in bytes.
const longestReturn = 4 << 10

var (
	status  = regexp.MustCompile(`^\s*\{\s*"return"\s*:\s*\{[^{}]*"status"\s*:\s*"?(\d{3})\b`)
	message = regexp.MustCompile(`"message"\s*:\s*"([^"]*)"`)
)

// read goes through an answer member by member, so that what came of it is kept.
func (a *answer) read(body []byte) error {
	return exchange.Members(body, func(name string, d *json.Decoder) (err error) {
		switch name {
		case "return":
			var said struct {
				Status  exchange.Scalar
				Message string
			}
			err = d.Decode(&said)
			a.status, _ = strconv.Atoi(string(said.Status))
			a.message = said.Message
		case "entries":
			a.entries, err = exchange.Items(d)
		case "metadata":
			var page struct{ CurrentPage, TotalPages exchange.Scalar }
			err = d.Decode(&page)
			current, _ := strconv.Atoi(string(page.CurrentPage))
			total, _ := strconv.Atoi(string(page.TotalPages))
			a.more = current < total
		default:
			err = d.Decode(new(json.RawMessage))
		}
		return err
	})
}

// failed returns why an answer is not the one to a request that was carried out, nil if it is. Only what the panel itself says counts: a proxy
// in between does not know whether the request went on.
func (a answer) failed(r exchange.Reply) error {
	switch {
	case a.status == 0 && r.Cut != nil:
		return exchange.Uncertain("the panel's answer was cut", r.Cut)
	case a.status == 0 && r.Status != http.StatusOK:
		return exchange.Uncertain("what stands before the panel answered", r.Answered)
	case a.status == 0:
		return exchange.Uncertain("the panel's answer makes no sense", smsapi.ErrProtocol)
	case a.status != http.StatusOK:
		return &smsapi.Error{Kind: kindOf(a.status), Code: smsapi.NumberCode(a.status), Meaning: meanings[a.status], Text: a.message}
	case r.Status != http.StatusOK:
		return exchange.Uncertain("the panel's answer contradicts itself", r.Answered)
	case a.wrong != nil && r.Cut != nil:
		return exchange.Uncertain("the panel's answer was cut", r.Cut)
	case a.wrong != nil:
		return exchange.Uncertain("the panel's answer was cut", fmt.Errorf("%w: %w", smsapi.ErrProtocol, a.wrong))
	}
	return nil
}

// meanings are the documentation's words for the codes of a return.
var meanings = map[int]string{
	400: "parameters are missing", 401: "the account is switched off", 402: "the operation failed", 403: "the key is not valid", 404: "no such method",
	406: "parameters are missing", 407: "not from this address", 409: "the server is busy", 411: "a recipient is not valid", 412: "the line is not yours",
	413: "the text is empty or too long", 414: "too many at once", 416: "not from this address", 417: "the date is not valid", 418: "the credit is too low",
	419: "the lists have different lengths", 420: "links are not allowed", 422: "characters are not allowed", 427: "the line needs another plan",
	429: "too many requests from this address", 451: "too many requests", 501: "a trial account sends to its owner only", 604: "too many at once",
}

// kindOf says what a return's code means. What its documentation does not say was refused is Uncertain: the key of an order decides.
func kindOf(code int) smsapi.Kind {
	switch code {
	case 401, 403, 407, 416:
		return smsapi.Auth
	case 429, 451:
		return smsapi.Unavailable
	case 400, 404, 406, 411, 412, 413, 414, 417, 418, 419, 420, 422, 427, 501, 604:
		return smsapi.Rejected
	}
	return smsapi.Uncertain
}
