package soap

import (
	"strconv"
	"strings"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// What every method answers: an ErrCode and a result.

// meanings are the guide's words for its error codes, for when the panel sends the code alone.
var meanings = map[int]string{
	-1: "user not recognised",
	-2: "more than 60 numbers",
	-3: "sending failed",
	-4: "the parameters' counts differ",
	-5: "the sending number is not yours",
}

const (
	badLogin    = -1
	foreignLine = -5
)

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
	return exchange.Uncertain(text, smsapi.ErrFault)
}

// outcome descends from the response to the node that holds ErrCode, however it is wrapped, or to a list.
func outcome(response *node) *node {
	n := response.parsed()
	for n.member("ErrCode") == nil {
		inner := n.member("return")
		if inner == nil && len(n.kids) == 1 {
			inner = n.kids[0]
		}
		if inner == nil {
			break
		}
		n = inner.parsed()
	}
	return n
}

// result returns the result that goes with ErrCode 0. Any other ErrCode is an error, and so is none.
func result(n *node) (*node, *smsapi.Error) {
	lone := len(n.kids) == 0
	text := n.member("ErrCode").scalar()
	if lone {
		text = n.scalar()
	}
	code, err := strconv.Atoi(sms.Digits(text))
	// Older services answer a refusal as a lone code; any other lone value may be anything.
	if err != nil || lone && code >= 0 {
		return nil, exchange.Uncertain("the panel's answer has no ErrCode", nil)
	}
	value := n.member("result").parsed()
	if code == 0 {
		return value, nil
	}
	failed := &smsapi.Error{Kind: smsapi.Rejected, Code: smsapi.NumberCode(code), Meaning: meanings[code], Text: value.scalar()}
	if code == badLogin {
		failed.Kind = smsapi.Auth
	}
	if failed.Text == "" {
		failed.Text = strings.Join(value.scalars(), ", ")
	}
	if failed.Text == "" {
		failed.Text = failed.Meaning
	}
	return nil, failed
}

// lacksErrCode reports whether an outcome is an error only because it has no ErrCode, which older services leave out.
func lacksErrCode(n *node, failed *smsapi.Error) bool {
	return failed != nil && failed.Code == "" && n.member("ErrCode") == nil
}

// withoutErrCode returns the values of an answer of older services, which is a lone value or a list of such; none when it is anything else.
// A member with a name of its own may be about anything.
func withoutErrCode(response *node) []*node {
	n := response.parsed()
	if n.member("ErrCode") != nil {
		return nil
	}
	if len(n.kids) == 1 { // whatever its name: return, most often
		n = n.kids[0].parsed()
	}
	for len(n.kids) == 1 && n.kids[0].unnamed() {
		n = n.kids[0].parsed()
	}
	if len(n.kids) == 0 {
		return []*node{n}
	}
	for _, k := range n.kids {
		if len(k.kids) > 0 || len(n.kids) == 1 || k.name != n.kids[0].name && !k.unnamed() {
			return nil
		}
	}
	return n.kids
}
