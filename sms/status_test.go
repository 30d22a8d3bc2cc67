package sms

import "testing"

func TestOnlyWhatMayStillArriveIsNotFinal(t *testing.T) {
	for _, tc := range []struct {
		status Status
		why    Reason
		final  bool
	}{
		{Queued, NoReason, false}, {Sending, NoReason, false}, {Sent, NoReason, false}, {AtTelecom, NoReason, false},
		{Delivered, NoReason, true},
		{Failed, TelecomProblem, false}, {Failed, NotDelivered, false},
		{Failed, Blacklisted, true}, {Failed, Refused, true}, {Failed, Unclear, true},
	} {
		if got := tc.status.Final(tc.why); got != tc.final {
			t.Errorf("%v, %v: final is %t, want %t", tc.status, tc.why, got, tc.final)
		}
	}
}
