package panel

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// maxNumbers is how many numbers one call may carry.
const maxNumbers = 60

// MaxUnread is how many messages one GetMsg hands out.
const MaxUnread = 50

// texts are the guide's words for its error codes.
var texts = map[int]string{
	-1: "کاربر شناسایی نشد",
	-2: "تعداد شماره ها بیشتر از 60 عدد میباشد",
	-3: "خطای ارسال",
	-4: "تعداد پارامترها یکسان نیست",
	-5: "شماره ارسال متعلق به شما نیست",
}

const (
	noCredit    = "خطای ارسال (اعتبار کافی نیست)"
	wrongNumber = "خطای ارسال (شماره نادرست است)"
)

// answer is what a method returns in PHP: an ErrCode with a result, or, for SendMultipleSMS, a list of such pairs.
type answer struct {
	code   int
	result any // string, int, record, or []any of these
	each   []any
	meta   record         // what is beside the result, where the protocol has such a place
	given  []SMS          // what GetMsg took away
	taken  []*Inbound     // the same, as the panel keeps it
	told   map[string]int // what GetStatus told, by id
}

// record is a PHP array with named members.
type record []member

type member struct {
	name  string
	value any
}

// refusal is an error answer; without a text it has the guide's.
func refusal(code int, text string) answer {
	if text == "" {
		text = texts[code]
	}
	return answer{code: code, result: text}
}

// carryOut does what a call asks. Its only error is errCrash. mu is held.
func (s *Server) carryOut(c call) (answer, error) {
	if len(c.params) < len(c.names) {
		return answer{}, errCrash // PHP: too few arguments
	}
	user, err := c.param("user").arg()
	if err != nil {
		return answer{}, err
	}
	pass, err := c.param("pass").arg()
	if err != nil {
		return answer{}, err
	}
	if user != s.opts.User || pass != s.password {
		return refusal(-1, ""), nil
	}
	switch c.method {
	case "GetCredit":
		return answer{result: formatCredit(s.credit)}, nil
	case "SendSMS":
		return s.sendSMS(c)
	case "SendMultipleSMS":
		return s.sendMultipleSMS(c)
	case "GetStatus":
		return s.getStatus(c)
	default:
		return s.getMsg(), nil
	}
}

func (s *Server) sendSMS(c call) (answer, error) {
	line, err := c.param("fromNum").arg()
	if err != nil {
		return answer{}, err
	}
	numbers, err := c.param("toNum").args()
	if err != nil {
		return answer{}, err
	}
	text, err := c.param("messageContent").arg()
	if err != nil {
		return answer{}, err
	}
	if !s.ours(line) {
		return refusal(-5, ""), nil
	}
	if len(numbers) > maxNumbers {
		return refusal(-2, ""), nil
	}
	var customers []string
	seen := map[string]bool{}
	for _, number := range numbers {
		customer, ok := normalise(number)
		if !ok {
			return refusal(-3, wrongNumber), nil
		}
		if !seen[customer] {
			seen[customer] = true
			customers = append(customers, customer)
		}
	}
	if !s.pay(parts(text) * len(customers)) {
		return refusal(-3, noCredit), nil
	}
	ids := make([]any, len(customers))
	for i, customer := range customers {
		ids[i] = s.accept(line, customer, text)
	}
	return answer{result: ids}, nil
}

func (s *Server) sendMultipleSMS(c call) (answer, error) {
	line, err := c.param("fromNum").arg()
	if err != nil {
		return answer{}, err
	}
	numbers, err := c.param("toNums").args()
	if err != nil {
		return answer{}, err
	}
	messages, err := c.param("messageContents").args()
	if err != nil {
		return answer{}, err
	}
	if !s.ours(line) {
		return refusal(-5, ""), nil
	}
	if len(numbers) != len(messages) {
		return refusal(-4, ""), nil
	}
	if len(numbers) > maxNumbers {
		return refusal(-2, ""), nil
	}
	each := make([]any, len(numbers))
	for i, number := range numbers {
		customer, ok := normalise(number)
		switch {
		case !ok:
			each[i] = pair("-3", wrongNumber)
		case !s.pay(parts(messages[i])):
			each[i] = pair("-3", noCredit)
		default:
			each[i] = pair("0", s.accept(line, customer, messages[i]))
		}
	}
	return answer{each: each}, nil
}

func pair(code, result any) record { return record{{"ErrCode", code}, {"result", result}} }

func (s *Server) getStatus(c call) (answer, error) {
	ids, err := c.param("unique_ids").args()
	if err != nil {
		return answer{}, err
	}
	statuses, told := []any{}, map[string]int{}
	for _, id := range ids {
		if m := s.byID[id]; m != nil {
			statuses, told[id] = append(statuses, m.Status), m.Status
		} else if !s.opts.LeavesOut {
			statuses = append(statuses, "")
		}
	}
	return answer{result: statuses, told: told}, nil
}

func (s *Server) getMsg() answer {
	n := min(MaxUnread, len(s.unread))
	// The guide's "last fifty" is taken at its word where the answer may repeat; where reading takes away, the oldest come first
	// unless asked otherwise, so that a client cannot come to depend on either.
	from := 0
	if s.opts.NewestFirst || s.opts.Resend {
		from = len(s.unread) - n
	}
	page := slices.Clone(s.unread[from : from+n])
	if s.opts.NewestFirst {
		slices.Reverse(page)
	}
	if !s.opts.Resend {
		if from == 0 {
			s.unread = s.unread[n:]
		} else {
			s.unread = s.unread[:from]
		}
	}
	messages, given := make([]any, n), make([]SMS, n)
	for i, m := range page {
		messages[i] = record{
			{"from", m.Customer},
			{"to", m.Line},
			{"msg", m.Text},
			{"time", strconv.FormatInt(m.At.Unix(), 10)},
		}
		m.Fetched, m.Lost, given[i] = true, false, m.SMS
		s.publish(Event{Kind: Fetched, SMS: m.SMS})
	}
	return answer{result: messages, given: given, taken: page}
}

// ours reports whether the account may send from line.
func (s *Server) ours(line string) bool {
	line, _ = normalise(line)
	return slices.ContainsFunc(s.opts.Lines, func(l string) bool {
		l, _ = normalise(l)
		return l == line
	})
}

// pay takes the price of n parts, or nothing and reports false.
func (s *Server) pay(n int) bool {
	if s.credit < float64(n) {
		return false
	}
	s.credit -= float64(n)
	return true
}

// normalise brings a number into one form, 09… for Iranian mobile numbers, and reports whether it can be a phone number at all.
func normalise(number string) (string, bool) {
	n := strings.Map(func(r rune) rune {
		switch {
		case r >= '۰' && r <= '۹':
			return r - '۰' + '0'
		case r >= '٠' && r <= '٩':
			return r - '٠' + '0'
		case r == ' ' || r == '-':
			return -1
		}
		return r
	}, number)
	international := strings.TrimPrefix(strings.TrimPrefix(n, "+"), "00")
	switch {
	case len(international) == 12 && strings.HasPrefix(international, "989"):
		n = "0" + international[2:]
	case len(n) == 10 && n[0] == '9':
		n = "0" + n
	case international != n && strings.HasPrefix(international, "98"):
		n = international[2:]
	case international != n:
		n = international
	}
	digits := strings.Trim(n, "0123456789") == ""
	return n, digits && len(n) >= 8 && len(n) <= 15
}

// The alphabet of GSM 03.38; the second row costs two places each.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿" +
		"abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// parts returns how many parts a text is sent in, which is its price.
func parts(text string) int {
	length := 0
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			length++
		case strings.ContainsRune(gsmExtended, r):
			length += 2
		default:
			// One character outside the alphabet makes all of the text UTF-16.
			return pieces(len(utf16.Encode([]rune(text))), 70, 67)
		}
	}
	return pieces(length, 160, 153)
}

// pieces is how many parts a length takes: one alone, or several that share their space with a header.
func pieces(length, one, each int) int {
	if length <= one {
		return 1
	}
	return (length + each - 1) / each
}
