package soap

import (
	"testing"

	"peyk/smsapi"
)

func TestCreditIsShownAsGiven(t *testing.T) {
	for result, want := range map[string]string{
		"12,500 ریال":        "12,500 ریال",
		"-3":                 "-3",
		"<credit>7</credit>": "7",
		"{&quot;c&quot;:7}":  "7",
	} {
		response, err := readResponse("", []byte(answered("0", result)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readCredit(response); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", result, got, err, want)
		}
	}
	response, err := readResponse("", []byte(answered("0", "")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readCredit(response); failureOf(err) == nil || failureOf(err).Kind != smsapi.Uncertain {
		t.Errorf("an empty credit: got %v, want an uncertain error", err)
	}
}
