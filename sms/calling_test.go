package sms_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"peyk/sms"
)

var update = flag.Bool("update", false, "write calling.go anew")

const callingFile = "calling.go"

// TestCallingCodesAreThoseOfTheTables compares calling.go with the tables of all countries. They are 5.9 MB of a program and 14 ms of its
// start, nearly all of it more than a bridge in one country asks: so it has what it asks, and they are used here only.
func TestCallingCodesAreThoseOfTheTables(t *testing.T) {
	tables, err := phonenumbers.MetadataCollection()
	if err != nil {
		t.Fatal(err)
	}
	lengths := map[string]map[string]bool{}
	for _, territory := range tables.GetMetadata() {
		code := fmt.Sprint(territory.GetCountryCode())
		mobile := territory.GetMobile()
		possible := mobile.GetPossibleLength()
		if len(possible) == 0 {
			possible = territory.GetGeneralDesc().GetPossibleLength() // as the tables mean it
		}
		for _, n := range possible {
			if n <= 0 {
				continue // without mobiles
			}
			if lengths[code] == nil {
				lengths[code] = map[string]bool{}
			}
			lengths[code][fmt.Sprintf("1<<%02d", n)] = true
		}
		if strings.HasPrefix(mobile.GetExampleNumber(), "0") {
			lengths[code]["zero"] = true
		}
	}
	var want bytes.Buffer
	want.WriteString(`package sms

// mobileLengths has every country calling code, with the lengths of its national mobile numbers: a bit for each number of digits, and the bit zero
// if they may begin with a zero. It is written by "go test ./sms -update", after an update of nyaruka/phonenumbers.
var mobileLengths = map[string]uint16{
`)
	for _, code := range slices.Sorted(maps.Keys(lengths)) {
		of := strings.Join(slices.Sorted(maps.Keys(lengths[code])), " | ")
		fmt.Fprintf(&want, "%q: %s,\n", code, strings.ReplaceAll(of, "<<0", "<<"))
	}
	want.WriteString("}\n")
	source, err := format.Source(want.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(callingFile, source, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(callingFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, source) {
		t.Errorf("%s is not what the tables say: run go test ./sms -update", callingFile)
	}
}

// TestMobilesOfAllCountriesAreRead tries numbers that the tables say are valid, the last digits of which are any.
func TestMobilesOfAllCountriesAreRead(t *testing.T) {
	read := 0
	for region := range phonenumbers.GetSupportedRegions() {
		example := phonenumbers.GetExampleNumberForType(region, phonenumbers.MOBILE)
		if example == nil || region == "IR" {
			continue
		}
		given := phonenumbers.Format(example, phonenumbers.E164)
		for i := range 20 {
			number := given[:len(given)-3] + fmt.Sprintf("%03d", i*47)
			parsed, err := phonenumbers.Parse(number, "")
			if err != nil || !phonenumbers.IsValidNumber(parsed) {
				continue
			}
			read++
			for _, typed := range []string{number, phonenumbers.Format(parsed, phonenumbers.INTERNATIONAL), "00" + number[1:]} {
				if got, err := sms.ParseRecipient(typed); err != nil || string(got) != number {
					t.Errorf("%s: %s is read as %q, %v", region, typed, string(got), err)
				}
			}
			if n := sms.Normalize(number[1:]); !n.Foreign() && !n.Mobile() { // +95 9… without its plus is one of ours without its zero
				t.Errorf("%s: %s is taken for one of this country without its plus", region, number)
			}
		}
	}
	if read < 3000 {
		t.Errorf("tried %d numbers only", read)
	}
}
