package edge

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// answer is what could be read of an answer, as far as it came.
type answer struct {
	data []json.RawMessage // a list, or what stands alone
	meta struct {
		Status      exchange.Scalar // true or false; empty: the answer has no verdict
		Message     string          // the panel's words
		MessageCode exchange.Scalar `json:"message_code"` // the same one for different errors, and others by language
		Errors      json.RawMessage // by field
		CurrentPage exchange.Scalar `json:"current_page"`
		LastPage    exchange.Scalar `json:"last_page"` // of millions: nobody reads so far
	}
	wrong error // why nothing is known of the rest of it
}

func read(body []byte) (a answer) {
	a.wrong = exchange.Members(body, func(name string, d *json.Decoder) (err error) {
		switch name {
		case "data":
			a.data, err = exchange.Items(d)
		case "meta":
			err = d.Decode(&a.meta)
		default:
			err = d.Decode(new(json.RawMessage))
		}
		return err
	})
	return a
}

// one decodes data that stands alone.
func one[T any](a answer) (data T) {
	if len(a.data) == 1 {
		json.Unmarshal(a.data[0], &data)
	}
	return data
}

// last reports whether no page follows.
func (a answer) last() bool {
	current, _ := strconv.Atoi(string(a.meta.CurrentPage))
	last, err := strconv.Atoi(string(a.meta.LastPage))
	return len(a.data) == 0 || err == nil && current >= last
}

// failed returns why an answer is not the one to a request that was carried out, nil if it is. Both verdicts count, the panel's own and the
// status over HTTP; without its own it is a proxy's, which does not know whether the request went on.
func (a answer) failed(r exchange.Reply) error {
	refused := a.meta.Status == "false" || a.meta.Status == "0"
	well := r.Status >= 200 && r.Status <= 299
	switch {
	case a.meta.Status == "" && r.Cut != nil:
		return exchange.Uncertain("the panel's answer was cut", r.Cut)
	case a.meta.Status == "" && !well:
		return exchange.Uncertain("what stands before the panel answered", r.Answered)
	case a.wrong != nil:
		return exchange.Uncertain("the panel's answer was cut", cmp.Or(r.Cut, fmt.Errorf("%w: %w", smsapi.ErrProtocol, a.wrong)))
	case a.meta.Status == "":
		return exchange.Uncertain("the panel's answer makes no sense", smsapi.ErrProtocol)
	case refused && len(a.data) > 0, !refused && !well:
		return exchange.Uncertain("the panel's answer contradicts itself", r.Answered)
	case !refused:
		return nil
	}
	code := cmp.Or(smsapi.Code(a.meta.MessageCode), smsapi.NumberCode(r.Status))
	e := &smsapi.Error{Kind: smsapi.Rejected, Code: code, Meaning: meanings[r.Status], Text: a.words()}
	switch {
	case r.Status == http.StatusUnauthorized, r.Status == http.StatusForbidden:
		e.Kind = smsapi.Auth
	case r.Status == http.StatusTooManyRequests:
		e.Kind, e.Err = smsapi.Unavailable, smsapi.ErrTwin
	case r.Status == http.StatusNotFound:
		e.Err = errNone
	case r.Status >= 500:
		e.Kind = smsapi.Uncertain
	}
	return e
}

// meanings are the documentation's, of an HTTP status.
var meanings = map[int]string{401: "the key is not valid", 422: "something in the request is not valid"}

// errNone is below what the panel says of an id that it does not know.
var errNone = errors.New("there is none of that id")

// words are what the panel says of an error: its message, and of each field what is wrong with it.
func (a answer) words() string {
	said := a.meta.Message
	var fields map[string]json.RawMessage
	json.Unmarshal(a.meta.Errors, &fields)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		items, _ := exchange.Items(json.NewDecoder(bytes.NewReader(fields[name])))
		for _, what := range exchange.DecodeAll[string](items) {
			said += "; " + name + ": " + what
		}
	}
	return said
}
