package smsapi

import (
	"peyk/sms"
	"regexp"
	"strconv"
	"strings"
)

var amountForm = regexp.MustCompile(`^-?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?$`)

// Amount reads a credit as the panel writes it, if that is a plain number. Its unit is not known: money, or parts.
func Amount(credit string) (float64, bool) {
	credit = strings.TrimSpace(sms.Digits(credit))
	if !amountForm.MatchString(credit) {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(credit, ",", ""), 64)
	return n, err == nil
}
