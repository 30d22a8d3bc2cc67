package store

import (
	"bytes"
	"cmp"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	bolt "go.etcd.io/bbolt"
)

// Schema 4 has one spelling for each customer. What earlier versions took for several, because a panel wrote the number now so, now so, becomes
// one: the SMS, places, claims and counts of all spellings are those of the customer.
//
// How numbers are spelled may change again. What it was when this was released stands here, and not in package sms; so does what rows looked
// like.

// mergeSpellings reads all SMS, and writes those of customers with another spelling from now on: five seconds for a hundred thousand customers
// with five SMS each, a tenth of whom had two spellings.
func mergeSpellings(t *bolt.Tx) error {
	spellings := map[string]string{} // of the numbers met so far
	spell := func(number string) string {
		s, known := spellings[number]
		if !known {
			s = spelling4(number)
			spellings[number] = s
		}
		return s
	}
	if err := respellSeen(t, spell); err != nil { // which reads the SMS as they were
		return err
	}
	if err := respellRows(t.Bucket([]byte("sms")), "c", spell); err != nil {
		return err
	}
	if err := respellRows(t.Bucket([]byte("bound")), "customer", spell); err != nil {
		return err
	}
	return mergeCustomers(t, spell)
}

type row4 struct{ key, value []byte }

// respellRows gives the number in a field of each row its spelling.
func respellRows(rows *bolt.Bucket, field string, spell func(string) string) error {
	named := []byte(`"` + field + `":"`)
	for next := []byte{}; next != nil; {
		var changed []row4
		c := rows.Cursor()
		key, value := c.Seek(next)
		for ; key != nil && len(changed) < 1000; key, value = c.Next() { // and no more: a cursor must not meet what it changed
			// Nearly all numbers stay, and to read whole rows for them would take longer than all else. No text holds a quote that is not escaped.
			if _, after, ok := bytes.Cut(value, named); ok {
				if number, _, _ := bytes.Cut(after, []byte(`"`)); bytes.IndexByte(number, '\\') < 0 && spell(string(number)) == string(number) {
					continue
				}
			}
			fields := map[string]json.RawMessage{}
			if err := decode(value, &fields); err != nil {
				return err
			}
			var number string
			if given := fields[field]; given != nil {
				if err := json.Unmarshal(given, &number); err != nil {
					return err
				}
			}
			if spell(number) == number {
				continue
			}
			fields[field], _ = json.Marshal(spell(number))
			value, err := encode4(fields)
			if err != nil {
				return err
			}
			changed = append(changed, row4{bytes.Clone(key), value})
		}
		next = bytes.Clone(key)
		for _, r := range changed {
			if err := rows.Put(r.key, r.value); err != nil {
				return err
			}
		}
	}
	return nil
}

func encode4(record any) ([]byte, error) {
	value, err := json.Marshal(record)
	return append([]byte{1}, value...), err
}

// respellSeen has SMS that the panel goes on handing out be known by the spelling they will have. Equal ones of two spellings are two.
func respellSeen(t *bolt.Tx, spell func(string) string) error {
	seen, all := t.Bucket([]byte("seen")), t.Bucket([]byte("sms"))
	type moved struct{ from, to, value []byte }
	var rows []moved
	err := seen.ForEach(func(key, value []byte) error {
		if len(key) != 14 || len(value) < 8 {
			return nil
		}
		m := all.Get(value[:8])
		if m == nil {
			return nil // not kept any more, and its words with it
		}
		var r struct {
			Line     string `json:"l"`
			Customer string `json:"c"`
			Text     string `json:"x"`
		}
		if err := decode(m, &r); err != nil || spell(r.Customer) == r.Customer {
			return err
		}
		h := fnv.New64a()
		for _, part := range []string{r.Line, spell(r.Customer), r.Text} {
			h.Write(u32(uint32(len(part))))
			h.Write([]byte(part))
		}
		rows = append(rows, moved{bytes.Clone(key), h.Sum(bytes.Clone(key[:4])), bytes.Clone(value)})
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := seen.Delete(r.from); err != nil {
			return err
		}
	}
	for _, r := range rows {
		for nth := 0; nth < 1<<16; nth++ {
			key := append(slices.Clone(r.to), byte(nth>>8), byte(nth))
			if seen.Get(key) != nil {
				continue
			}
			if err := seen.Put(key, r.value); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

type place4 struct {
	Chat  int64 `json:"chat"`
	Topic int64 `json:"topic,omitempty"`
}

type claim4 struct {
	Owner  int64     `json:"owner,omitempty"`
	Name   string    `json:"name,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Taken  bool      `json:"taken,omitempty"`
	Others []int64   `json:"others,omitempty"`
}

// customer4 is what of a customer has to be merged; all else is kept as it is in the oldest row that has it.
type customer4 struct {
	Name   string    `json:"name,omitempty"`
	Line   string    `json:"line,omitempty"`
	First  time.Time `json:"first,omitzero"`
	Last   time.Time `json:"last,omitzero"`
	In     int       `json:"in,omitempty"`
	InTo   uint64    `json:"in_to,omitempty"`
	Out    int       `json:"out,omitempty"`
	Linked *place4   `json:"linked,omitempty"`
	Topics []place4  `json:"topics,omitempty"`
	Claim  claim4    `json:"claim,omitzero"`

	all map[string]json.RawMessage
}

// mergeCustomers makes one row of all that are one customer's.
func mergeCustomers(t *bolt.Tx, spell func(string) string) error {
	rows := t.Bucket([]byte("customer"))
	spelled := map[string][]string{} // customers by their spelling, where it is another
	c := rows.Cursor()
	for key, _ := c.First(); key != nil; key, _ = c.Next() {
		if number := string(key); spell(number) != number {
			spelled[spell(number)] = append(spelled[spell(number)], number)
		}
	}
	for to, from := range spelled {
		if rows.Get([]byte(to)) != nil {
			from = append(from, to)
		}
		var all []customer4
		for _, number := range from {
			var r customer4
			value := rows.Get([]byte(number))
			if err := decode(value, &r); err != nil {
				return err
			}
			if err := decode(value, &r.all); err != nil {
				return err
			}
			all = append(all, r)
			if err := rows.Delete([]byte(number)); err != nil {
				return err
			}
		}
		since, err := boundSince(t, all)
		if err != nil {
			return err
		}
		value, err := encode4(merged(all, since))
		if err != nil {
			return err
		}
		if err := rows.Put([]byte(to), value); err != nil {
			return err
		}
	}
	return nil
}

// boundSince returns a number for each place of customers that grows with the time they were bound.
func boundSince(t *bolt.Tx, all []customer4) (map[place4]uint64, error) {
	since := map[place4]uint64{}
	for _, c := range all {
		if c.Linked == nil {
			continue
		}
		var b struct {
			Post uint64 `json:"post"`
		}
		if value := t.Bucket([]byte("bound")).Get(join(i64(c.Linked.Chat), i64(c.Linked.Topic))); value != nil {
			if err := decode(value, &b); err != nil {
				return nil, err
			}
		}
		since[*c.Linked] = b.Post
	}
	return since, nil
}

// merged returns the fields of one row for the customer of all. SMS are shown in the oldest topic of each forum, or in the place that was
// linked first; the others are theirs as well, so that what is written there goes to them.
func merged(all []customer4, since map[place4]uint64) map[string]json.RawMessage {
	slices.SortStableFunc(all, func(a, b customer4) int {
		if a.First.IsZero() || b.First.IsZero() {
			return b.First.Compare(a.First) // of whom none was counted comes last
		}
		return a.First.Compare(b.First)
	})
	var m customer4
	fields := map[string]json.RawMessage{}
	var linked []place4
	for _, c := range all {
		for name, value := range c.all {
			if fields[name] == nil {
				fields[name] = value
			}
		}
		switch {
		case m.Name == "":
			m.Name = c.Name
		case c.Name != "" && !strings.Contains(m.Name, c.Name):
			m.Name += " / " + c.Name
		}
		if m.Line == "" || c.Line != "" && c.Last.After(m.Last) {
			m.Line = c.Line
		}
		if m.First.IsZero() {
			m.First = c.First
		}
		if c.Last.After(m.Last) {
			m.Last = c.Last
		}
		m.In, m.Out, m.InTo = m.In+c.In, m.Out+c.Out, max(m.InTo, c.InTo)
		for _, p := range c.Topics {
			if !slices.Contains(m.Topics, p) {
				m.Topics = append(m.Topics, p)
			}
		}
		if c.Linked != nil {
			linked = append(linked, *c.Linked)
		}
		m.Claim = mergedClaim(m.Claim, c.Claim)
	}
	// Telegram's numbers of topics grow in each forum.
	slices.SortFunc(m.Topics, func(a, b place4) int { return cmp.Or(cmp.Compare(a.Chat, b.Chat), cmp.Compare(a.Topic, b.Topic)) })
	slices.SortFunc(linked, func(a, b place4) int { return cmp.Compare(since[a], since[b]) })
	for i, p := range linked {
		if i == 0 {
			m.Linked = &p
		} else if !slices.Contains(m.Topics, p) {
			m.Topics = append(m.Topics, p)
		}
	}
	typed, _ := json.Marshal(m) // of which every field can be
	json.Unmarshal(typed, &fields)
	return fields
}

// mergedClaim keeps the claim that was taken, or is younger; who holds the other one answers, too.
func mergedClaim(a, b claim4) claim4 {
	if b.Owner == 0 || a.Owner != 0 && (a.Taken || !b.Taken && !b.At.After(a.At)) {
		a, b = b, a
	}
	for _, id := range append(slices.Clone(a.Others), a.Owner) {
		if id != 0 && id != b.Owner && !slices.Contains(b.Others, id) {
			b.Others = append(b.Others, id)
		}
	}
	return b
}

// spelling4 returns the spelling of a customer by the one they had. Earlier versions dropped the point of a number that went through floating
// point: 989121234567.0 had become 9891212345670, which is nobody's.
func spelling4(number string) string {
	n := spelled4(number)
	home := func(n string) bool { return len(n) == 11 && n[0] == '0' && n[1] != '0' }
	if !digits4(number) || len(number) < 11 || home(n) || strings.HasPrefix(number, "9000") { // with which lines begin
		return n
	}
	foreign := strings.HasPrefix(n, "+")
	for _, zeros := range []string{"0", "00"} {
		before, ok := strings.CutSuffix(number, zeros)
		if before = spelled4(before); !ok || !home(before) && !strings.HasPrefix(before, "+") {
			continue
		}
		switch {
		case !foreign:
			return before
		case home(before) && !strings.HasPrefix(number, "0"):
			return number // nobody can tell any more
		}
	}
	return n
}

func spelled4(s string) string {
	digits := clean4(s)
	if n, ok := parse4(digits); ok {
		return n
	}
	if bare := strings.TrimPrefix(digits, "+"); bare == "" || !digits4(bare) {
		return s
	}
	abroad, international := abroad4(digits)
	code := code4(abroad)
	switch {
	case code == "98" && line4(abroad[2:]) && (international || len(abroad) >= 10 && strings.HasPrefix(abroad[3:], "000")):
		return abroad[2:]
	case code == "98":
	case international && code != "" && len(abroad) >= 7 && len(abroad) <= 15:
		if "+"+abroad == digits || len(abroad) != 10 || abroad[0] != '9' {
			return "+" + abroad
		}
	case len(digits) >= 11:
		if n, ok := foreign4(digits); ok && len(n) == len(digits)+1 {
			return n
		}
	}
	return digits
}

func line4(digits string) bool {
	return len(digits) >= 3 && digits[0] >= '1' && digits[0] <= '8' && (len(digits) <= 6 || digits[1] == '0')
}

func parse4(digits string) (string, bool) {
	if groups := strings.Split(digits, "."); len(groups) > 1 && len(groups[len(groups)-1]) >= 2 {
		first := groups[0]
		if len(groups) > 2 || len(first) <= 5 && (strings.HasPrefix(first, "+") || strings.HasPrefix(first, "0")) {
			digits = strings.Join(groups, "")
		}
	}
	if bare := strings.TrimPrefix(digits, "+"); bare == "" || !digits4(bare) {
		return "", false
	}
	if local, ok := home4(digits); ok {
		return "0" + local, true
	}
	if abroad, ok := abroad4(digits); ok {
		return foreign4(abroad)
	}
	return "", false
}

func home4(digits string) (local string, ok bool) {
	isHome := func(local string) bool {
		return len(local) == 10 && (local[0] == '9' || local[0] != '0' && local[1] != '0')
	}
	bare, plus := strings.CutPrefix(digits, "+")
	if local, ok = strings.CutPrefix(strings.TrimLeft(bare, "0"), "98"); ok {
		if twice, ok := strings.CutPrefix(local, "989"); ok && len(local) == 12 {
			return "9" + twice, true
		}
		if local = strings.TrimPrefix(local, "0"); isHome(local) {
			return local, true
		}
	}
	if local, ok = strings.CutPrefix(bare, "0"); !ok {
		local = digits
	}
	_, foreign := foreign4(local)
	switch {
	case ok && !plus:
		return local, isHome(local)
	case len(local) == 10 && local[0] == '9' && !foreign && !strings.HasPrefix(local, "98"):
		return local, true
	}
	return "", false
}

func abroad4(digits string) (abroad string, ok bool) {
	bare, plus := strings.CutPrefix(digits, "+")
	abroad, zeros := strings.CutPrefix(bare, "00")
	return abroad, plus || zeros
}

func foreign4(digits string) (string, bool) {
	code := code4(digits)
	if code == "" || code == "98" {
		return "", false
	}
	national, lengths := digits[len(code):], mobiles4()[code]
	zero := strings.HasPrefix(lengths, "0")
	if !zero {
		national = strings.TrimPrefix(national, "0")
	}
	valid := national != "" && strings.Contains(lengths, strconv.FormatInt(int64(len(national)), 16)) && (zero || national[0] != '0')
	return "+" + code + national, valid
}

func code4(digits string) string {
	for n := 1; n <= 3 && n < len(digits); n++ {
		if _, known := mobiles4()[digits[:n]]; known {
			return digits[:n]
		}
	}
	return ""
}

func clean4(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		case r >= '０' && r <= '９':
			return '0' + r - '０'
		case unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune("()（）ـ", r):
			return -1
		case unicode.Is(unicode.Pd, r) || r == '−':
			return '-'
		case strings.ContainsRune("٫．", r):
			return '.'
		case r == '＋':
			return '+'
		}
		return r
	}, s)
	if len(s) > 1 && s[0] == '-' && s[1] >= '1' && s[1] <= '9' {
		return s
	}
	given := s
	s = strings.ReplaceAll(s, "-", "")
	if i := strings.IndexAny(given, "eE"); i >= 0 {
		whole, fraction, ok := fraction4(given[:i])
		if n, err := strconv.Atoi(given[i+1:]); ok && whole != "" && err == nil && n >= 0 && n <= len(fraction) {
			s = whole + fraction[:n] + "." + fraction[n:]
		}
	}
	if whole, fraction, ok := fraction4(s); ok && strings.Trim(fraction, "0") == "" {
		return whole
	}
	return s
}

func fraction4(s string) (whole, fraction string, ok bool) {
	whole, fraction, ok = strings.Cut(strings.Replace(s, ",", ".", 1), ".")
	return whole, fraction, ok && digits4(strings.TrimPrefix(whole, "+")) && digits4(fraction)
}

func digits4(s string) bool { return strings.Trim(s, "0123456789") == "" }

// mobiles4 has every country calling code, and how many digits its mobile numbers have, each as a hexadecimal digit, with a zero before them
// where they begin with one.
var mobiles4 = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, row := range strings.Fields(mobileTable4) {
		code, lengths, _ := strings.Cut(row, ":")
		all[code] = lengths
	}
	return all
})

const mobileTable4 = "1:a 20:a 211:9 212:9 213:9 216:8 218:9 220:7 221:9 222:8 223:8 224:9 225:0a 226:8 227:8 228:8 229:0a 230:8 231:79 232:8 233:9 234:a " +
	"235:8 236:8 237:9 238:7 239:7 240:9 241:078 242:09 243:79 244:9 245:9 246:7 247:5 248:7 249:9 250:9 251:9 252:789 253:8 254:9 255:9 " +
	"256:9 257:8 258:9 260:9 261:9 262:9 263:9 264:9 265:9 266:8 267:8 268:8 269:7 27:56789 290:45 291:7 297:7 298:6 299:6 30:a 31:9b " +
	"32:9 33:9 34:9 350:8 351:9 352:9 353:9 354:79 355:9 356:8 357:8 358:6789a 359:89 36:9 370:8 371:8 372:78 373:8 374:8 375:9 376:69 " +
	"377:89 378:8 380:9 381:89a 382:8 383:8 385:89 386:8 387:89 389:8 39:9a 40:9 41:9 420:9 421:9 423:79 43:789abcd 44:a 45:8 46:9 47:8 " +
	"48:9 49:ab 500:5 501:7 502:8 503:8 504:8 505:8 506:8 507:78 508:69 509:8 51:9 52:a 53:8 54:ab 55:ab 56:9 57:a 58:a 590:9 591:8 592:7 " +
	"593:9 594:9 595:9 596:9 597:7 598:8 599:78 60:9a 61:9 62:9abc 63:a 64:89a 65:8 66:9 670:8 672:6 673:7 674:7 675:8 676:7 677:57 678:7 " +
	"679:7 680:7 681:6 682:5 683:47 685:7a 686:8 687:6 688:67 689:8 690:4567 691:7 692:7 7:a 800:8 808:8 81:a 82:9a 84:9 850:a 852:8 " +
	"853:8 855:89 856:9a 86:b 870:9c 878:c 880:a 881:9a 882:789ac 883:89abc 886:9 888:b 90:a 91:a 92:a 93:9 94:9 95:789a 960:7 961:78 " +
	"962:9 963:9 964:a 965:8 966:9 967:9 968:8 970:9 971:9 972:9 973:8 974:8 975:8 976:8 977:a 979:9 98:a 992:9 993:8 994:9 995:9 996:9 " +
	"998:9"
