package smsapi

import "testing"

func TestAmountsAreRead(t *testing.T) {
	for said, want := range map[string]float64{
		"1000": 1000, "0": 0, "-3.5": -3.5, " 98765.25\n": 98765.25, "1,234,567": 1234567, "۱۲۳۴": 1234, "12,345.5": 12345.5,
	} {
		if n, ok := Amount(said); n != want || !ok {
			t.Errorf("Amount(%q) = %v, %t, want %v", said, n, ok, want)
		}
	}
	for _, said := range []string{"", "-", "12 تومان", "1e5", "inf", "NaN", "0x10", "1,23", "1.2.3", ".5", "1_000"} {
		if n, ok := Amount(said); ok {
			t.Errorf("Amount(%q) = %v, want that it is not a number", said, n)
		}
	}
}
