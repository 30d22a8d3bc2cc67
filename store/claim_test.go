package store

import (
	"testing"
	"time"

	"peyk/sms"
)

func TestClaimLapsesUnlessTaken(t *testing.T) {
	now := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name  string
		claim Claim
		by    sms.AgentID
		after time.Duration
		want  bool
	}{
		{"nobody answers", Claim{}, 5, 0, false},
		{"another answers", Claim{Owner: 6, At: now}, 5, time.Minute, true},
		{"the owner", Claim{Owner: 5, At: now}, 5, time.Minute, false},
		{"one who was asked", Claim{Owner: 6, At: now, Others: []sms.AgentID{5}}, 5, time.Minute, false},
		{"long ago", Claim{Owner: 6, At: now}, 5, claimLasts, false},
		{"by a clock that was ahead", Claim{Owner: 6, At: now.Add(90 * aDay)}, 5, 0, false},
		{"taken long ago", Claim{Owner: 6, At: now, Taken: true}, 5, 90 * aDay, true},
	} {
		if got := tc.claim.HeldAgainst(tc.by, now.Add(tc.after)); got != tc.want {
			t.Errorf("%s: %t, want %t", tc.name, got, tc.want)
		}
	}
}
