//lint:file-ignore ST1018 Persian is written with U+200C

package bot

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"peyk/internal/table"
	"peyk/store"
)

func TestReadContacts(t *testing.T) {
	row := func(n int, cells ...string) table.Row { return table.Row{N: n, Cells: cells} }
	mina := []store.Contact{{Number: "09121111111", Name: "مینا رضایی"}}
	for name, test := range map[string]struct {
		rows []table.Row
		want contactList
	}{
		"no header":                      {[]table.Row{row(1, "9121111111", " مینا رضایی ")}, contactList{contacts: mina}},
		"a header":                       {[]table.Row{row(1, "نام مشتري", "ایمیل", "شماره تماس"), row(3, "مینا رضایی", "", "+98 912 111 1111")}, contactList{contacts: mina}},
		"first and last":                 {[]table.Row{row(1, "نام", "نام خانوادگی", "موبایل"), row(2, "مینا", "رضایی", "09121111111")}, contactList{contacts: mina}},
		"both in one":                    {[]table.Row{row(1, "Phone number", "نام و نام خانوادگی"), row(2, "09121111111", "مینا رضایی")}, contactList{contacts: mina}},
		"of an address book":             {[]table.Row{row(1, "First Name", "Last Name", "Phone 1 - Label", "Phone 1 - Value"), row(2, "مینا", "رضایی", "Mobile", "۰۹۱۲۱۱۱۱۱۱۱")}, contactList{contacts: mina}},
		"a header in other words":        {[]table.Row{row(1, "x", "y"), row(2, "09121111111", "مینا رضایی")}, contactList{contacts: mina, wrong: []int{1}}},
		"a row that looks like a header": {[]table.Row{row(1, "09121111111", "customer number 5")}, contactList{contacts: []store.Contact{{Number: "09121111111", Name: "customer number 5"}}}},
		"wrong rows": {
			[]table.Row{row(2, "09121111111", "مینا رضایی"), row(4, "9.12E+09", "Ali"), row(5, "09122222222"), row(6, "09122222222", "-"), row(9, "989121111111", "Sara"), row(10)},
			contactList{contacts: mina, wrong: []int{4, 10}, nameless: []int{5, 6}, doubled: []int{9}},
		},
		"nothing": {nil, contactList{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, readContacts(test.rows), cmp.AllowUnexported(contactList{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
