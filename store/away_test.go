package store

import (
	"testing"
	"time"

	"peyk/internal/hours"
	"peyk/sms"
)

func TestWhoGetsTheAwayText(t *testing.T) {
	week, err := hours.Parse("Sat-Wed 8:00-17:00, Thu 8:00-13:00")
	if err != nil {
		t.Fatal(err)
	}
	closed := map[string]bool{"2026-03-21": true} // a Saturday
	at := func(s string) time.Time {
		when, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	const ours = "Hello! We are closed. We answer tomorrow from eight o'clock on."
	away := Away{Text: ours, Parts: 1, PerHour: 30}
	wednesday := at("2026-03-18 20:00")
	since := func(before time.Duration) *lastAway {
		return &lastAway{At: wednesday.Add(-before), To: awayHash("what do you cost?")}
	}
	for name, tc := range map[string]struct {
		a    func(*Away)
		f    func(*awayFacts)
		want string
	}{
		"in the evening":                     {},
		"without a text":                     {a: func(a *Away) { a.Text = "" }, want: awayNot},
		"at work":                            {f: func(f *awayFacts) { f.Now = at("2026-03-18 16:59"); f.SMS.Time, f.SMS.Received = f.Now, f.Now }, want: awayNot},
		"the moment work ends":               {f: func(f *awayFacts) { f.Now = at("2026-03-18 17:00"); f.SMS.Time, f.SMS.Received = f.Now, f.Now }},
		"written at work, here after it":     {f: func(f *awayFacts) { f.Now = at("2026-03-18 17:00"); f.SMS.Time = f.Now.Add(-time.Second) }, want: awayNot},
		"written before work, here in it":    {f: func(f *awayFacts) { f.Now = at("2026-03-18 08:01"); f.SMS.Time = f.Now.Add(-5 * time.Minute) }, want: awayNot},
		"on a Thursday afternoon":            {f: func(f *awayFacts) { f.Now = at("2026-03-19 14:00"); f.SMS.Time, f.SMS.Received = f.Now, f.Now }},
		"on a holiday at noon":               {f: func(f *awayFacts) { f.Now = at("2026-03-21 12:00"); f.SMS.Time, f.SMS.Received = f.Now, f.Now }},
		"the day after it":                   {f: func(f *awayFacts) { f.Now = at("2026-03-22 12:00"); f.SMS.Time, f.SMS.Received = f.Now, f.Now }, want: awayNot},
		"an hour old":                        {f: func(f *awayFacts) { f.SMS.Time = f.Now.Add(-time.Hour) }},
		"more than an hour old":              {f: func(f *awayFacts) { f.SMS.Time = f.Now.Add(-time.Hour - time.Second) }, want: awayNot},
		"fetched hours ago, decoded now":     {f: func(f *awayFacts) { f.SMS.Time, f.SMS.Received = time.Time{}, f.Now.Add(-2*time.Hour) }, want: awayNot},
		"of tomorrow, by the panel's clock":  {f: func(f *awayFacts) { f.SMS.Time = f.Now.Add(24 * time.Hour) }, want: awayNot},
		"without a time":                     {f: func(f *awayFacts) { f.SMS.Time = time.Time{} }},
		"our clock is wrong, or perhaps":     {f: func(f *awayFacts) { f.Sure = false }, want: awayNot},
		"no chat shows it":                   {f: func(f *awayFacts) { f.Shown = false }, want: awayNot},
		"of a short number":                  {f: func(f *awayFacts) { f.SMS.Customer = "2000" }, want: awayNot},
		"of another panel's line":            {f: func(f *awayFacts) { f.SMS.Customer = "50001234567890" }, want: awayNot},
		"of a word":                          {f: func(f *awayFacts) { f.SMS.Customer = "BankMelli" }, want: awayNot},
		"of nobody":                          {f: func(f *awayFacts) { f.SMS.Customer = "" }, want: awayNot},
		"from abroad":                        {f: func(f *awayFacts) { f.SMS.Customer = "+447911123456" }, want: awayNot},
		"from where it is allowed":           {a: func(a *Away) { a.Prefixes = []string{"+98912", "+44"} }, f: func(f *awayFacts) { f.SMS.Customer = "+447911123456" }},
		"from where it is not allowed":       {a: func(a *Away) { a.Prefixes = []string{"+98935"} }, want: awayNot},
		"our own text":                       {f: func(f *awayFacts) { f.SMS.Text = ours }, want: awayNot},
		"our own text, in other letters":     {f: func(f *awayFacts) { f.SMS.Text = "HELLO! we are closed. We answer tomorrow from eight o'clock on." }, want: awayNot},
		"our own text with more around it":   {f: func(f *awayFacts) { f.SMS.Text = "You wrote: " + ours + " Sent by my phone" }, want: awayNot},
		"our own text, cut":                  {f: func(f *awayFacts) { f.SMS.Text = ours[:50] }, want: awayNot},
		"a greeting that ours begins with":   {f: func(f *awayFacts) { f.SMS.Text = "Hello!" }},
		"nothing at all":                     {f: func(f *awayFacts) { f.SMS.Text = "" }},
		"they got one an hour before":        {f: func(f *awayFacts) { f.Customer.Away = since(time.Hour) }, want: awayNot},
		"they got one the evening before":    {f: func(f *awayFacts) { f.Customer.Away = since(24 * time.Hour) }},
		"they got one by a clock far ahead":  {f: func(f *awayFacts) { f.Customer.Away = since(-24 * time.Hour) }},
		"they got one by one a little ahead": {f: func(f *awayFacts) { f.Customer.Away = since(-time.Minute) }, want: awayNot},
		"they say the same as the last time": {f: func(f *awayFacts) { f.Customer.Away, f.SMS.Text = since(24*time.Hour), "What do you COST?" }, want: awayNot},
		"they got one on Thursday, it is Sat": {f: func(f *awayFacts) { // over a Friday and a holiday
			f.Now = at("2026-03-21 20:00")
			f.SMS.Time, f.SMS.Received = f.Now, f.Now
			f.Customer.Away = &lastAway{At: at("2026-03-19 13:30")}
		}, want: awayNot},
		"an agent answered a while ago":     {f: func(f *awayFacts) { f.Customer.Claim = Claim{Owner: 7, At: f.Now.Add(-29 * time.Minute)} }, want: awayNot},
		"an agent took them in the morning": {f: func(f *awayFacts) { f.Customer.Claim = Claim{Owner: 7, Taken: true, At: f.Now.Add(-9 * time.Hour)} }},
		"as many as may go out did":         {f: func(f *awayFacts) { f.LastHour = 30 }, want: AwayHour},
		"the credit is low":                 {a: func(a *Away) { a.LowCredit = 100 }, f: func(f *awayFacts) { f.Credit = 99 }, want: AwayCredit},
		"the credit is just enough":         {a: func(a *Away) { a.LowCredit = 100 }, f: func(f *awayFacts) { f.Credit = 100 }},
		"the credit is not known":           {a: func(a *Away) { a.LowCredit = 100 }, f: func(f *awayFacts) { f.Credit = -1 }, want: AwayCredit},
		"the credit is nobody's concern":    {f: func(f *awayFacts) { f.Credit = -1 }},
		"the parts of the day are used up":  {a: func(a *Away) { a.Parts = 2 }, want: AwayDay},
		"a limit stops who would get none":  {f: func(f *awayFacts) { f.LastHour, f.Customer.Away = 30, since(time.Hour) }, want: awayNot},
	} {
		t.Run(name, func(t *testing.T) {
			a := away
			f := awayFacts{
				SMS: sms.Message{Text: "when do you open?", Time: wednesday, Received: wednesday}, Now: wednesday, Sure: true, Shown: true, PartsLeft: 1, Credit: 500,
				Work: hours.Calendar{Week: week, Zone: time.UTC, Closed: func(day string) bool { return closed[day] }},
			}
			f.SMS.Customer = "09121234567"
			if tc.a != nil {
				tc.a(&a)
			}
			if tc.f != nil {
				tc.f(&f)
			}
			if got := a.whether(f); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestAwayTextsOfTheLastHour(t *testing.T) {
	now := time.Date(2026, 3, 18, 20, 0, 0, 0, time.UTC)
	row := awayRow{}
	for _, before := range []time.Duration{2 * time.Hour, time.Hour, time.Hour - time.Second, 0, -time.Minute, -time.Hour} {
		row.Sent = append(row.Sent, now.Add(-before).Unix())
	}
	if got := row.lastHour(now); len(got) != 3 || got[0] != row.Sent[2] {
		t.Errorf("of %v there are %v in the hour before %d", row.Sent, got, now.Unix())
	}
	if len(row.Sent) != 6 {
		t.Error("the row has changed")
	}
}
