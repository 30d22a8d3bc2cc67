package kavenegar

import "testing"

// TestAnErrorThatIsNoJSON has the return of an answer count that is written as the documentation's errors are.
func TestAnErrorThatIsNoJSON(t *testing.T) {
	for body, want := range map[string]answer{
		`{"return":{"status":418,"message":"the credit is too low",},"entries":}`: {status: 418, message: "the credit is too low"},
		`{"return":{"status":"411",},"entries":}`:                                 {status: 411},
		`{"entries":[{"status":200}`:                                              {},
		`<html>"status":200</html>`:                                               {},
	} {
		if got := read([]byte(body)); got.status != want.status || got.message != want.message || got.wrong == nil {
			t.Errorf("%s: got %+v, want %+v and what is wrong", body, got, want)
		}
	}
}
