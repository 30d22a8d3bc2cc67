package stats

import (
	"bytes"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peyk/sms"
)

const ali, sara, line, other = 0, 1, sms.Number("30001234"), sms.Number("30005678")

var tehran = time.FixedZone("", 3*3600+1800)

func in(at time.Time, customer int, to sms.Number) SMS {
	return SMS{Line: to, Customer: customer, At: at.Unix()}
}

func out(at time.Time, customer int, from sms.Number, agent sms.AgentID, status sms.Status) SMS {
	return SMS{Out: true, Line: from, Customer: customer, At: at.Unix(), Agent: agent, Status: status}
}

func TestFigures(t *testing.T) {
	now := time.Date(2026, 3, 22, 10, 0, 0, 0, tehran)
	day := func(back, hour, minute int) time.Time { return time.Date(2026, 3, 22-back, hour, minute, 0, 0, tehran) }
	c := NewCounter(3, now)
	for _, m := range []SMS{
		in(day(3, 23, 59), ali, line), // the day before the first
		in(day(2, 0, 0), ali, line),
		in(day(2, 0, 30), ali, line), // waits already
		out(day(2, 1, 0), ali, other, 7, sms.Delivered),
		out(day(2, 1, 1), ali, line, 7, sms.Sent), // nobody waits any more
		in(day(1, 9, 0), sara, other),
		out(day(1, 9, 5), sara, other, 8, sms.Queued), // never sent: no answer
		out(day(1, 9, 10), sara, other, 8, sms.Failed),
		in(day(0, 9, 59), sara, other),
	} {
		c.Add(m)
	}
	f := c.Figures()
	want := Figures{
		First: day(2, 0, 0),
		Tally: Tally{In: 4, Out: 3, Delivered: 1, Answered: 2, Median: time.Hour},
		Days: []Tally{
			{In: 2, Out: 2, Delivered: 1, Answered: 1, Median: time.Hour}, {In: 1, Out: 1, Answered: 1, Median: 10 * time.Minute}, {In: 1},
		},
		Lines: []OfLine{
			{other, Tally{In: 2, Out: 2, Delivered: 1, Answered: 1, Median: 10 * time.Minute}},
			{line, Tally{In: 2, Out: 1, Answered: 1, Median: time.Hour}},
		},
		Agents: []OfAgent{
			{7, Tally{Out: 2, Delivered: 1, Answered: 1, Median: time.Hour}}, {8, Tally{Out: 1, Answered: 1, Median: 10 * time.Minute}},
		},
	}
	want.Hours[0], want.Hours[9] = 2, 2
	if diff := cmp.Diff(want, f, cmpopts.IgnoreUnexported(Tally{})); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
	if got := f.Busiest(3); !cmp.Equal(got, []int{0, 9}) {
		t.Errorf("busiest %v", got)
	}
	if f.Share() != 33 || (Tally{}).Share() != -1 {
		t.Errorf("shares %d and %d", f.Share(), (Tally{}).Share())
	}
}

// A day is a day of the calendar, also where clocks are changed.
func TestDaysWhenClocksChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	c := NewCounter(3, time.Date(2026, 10, 26, 12, 0, 0, 0, berlin)) // the day between has 25 hours
	for _, at := range []time.Time{time.Date(2026, 10, 24, 0, 0, 0, 0, berlin), time.Date(2026, 10, 25, 23, 59, 59, 0, berlin), time.Date(2026, 10, 26, 0, 0, 0, 0, berlin)} {
		c.Add(in(at, ali, line))
	}
	for i, d := range c.Figures().Days {
		if d.In != 1 {
			t.Errorf("day %d: %d SMS, want 1", i, d.In)
		}
	}
}

// example makes figures of a lively desk.
func example(days int) Figures {
	now := time.Date(2026, 3, 22, 18, 0, 0, 0, tehran)
	c, r := NewCounter(days, now), rand.New(rand.NewPCG(1, 2))
	for at := Since(days, now); at.Before(now); at = at.Add(time.Duration(1+r.IntN(9)) * time.Minute) {
		if h := at.Hour(); h < 7 || h > 21 || r.IntN(14) > h {
			continue
		}
		from := r.IntN(10)
		c.Add(in(at, from, line))
		if r.IntN(5) > 0 {
			status := sms.Delivered
			if r.IntN(12) == 0 {
				status = sms.Failed
			}
			c.Add(out(at.Add(time.Duration(r.IntN(40))*time.Minute), from, line, 7, status))
		}
	}
	return c.Figures()
}

// BenchmarkFigures counts a million SMS of 90 days, and draws them. To read them comes on top: see store's BenchmarkEntries.
func BenchmarkFigures(b *testing.B) {
	now := time.Date(2026, 3, 22, 18, 0, 0, 0, tehran)
	since := Since(90, now)
	for b.Loop() {
		c := NewCounter(90, now)
		for i := range 1_000_000 {
			m := in(since.Add(time.Duration(i)*7*time.Second), i%50_000, line)
			if m.Out = i%2 == 1; m.Out {
				m.Agent, m.Status = sms.AgentID(i%10), sms.Delivered
			}
			c.Add(m)
		}
		if _, err := Picture(c.Figures(), time.Time.Day); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/1, "ratio-to-limit") // of 1 s
}

// Whoever changes the picture should look at it: STATS_PICTURES names a directory for it.
func TestPictureIsLightAndNeverFails(t *testing.T) {
	for name, f := range map[string]Figures{
		"week": example(7), "month": example(30), "quarter": example(90), "year": example(366), "nothing": NewCounter(7, time.Now()).Figures(), "today": example(1),
	} {
		file, err := Picture(f, time.Time.Day)
		if err != nil {
			t.Fatal(err)
		}
		if len(file) > 100_000 {
			t.Errorf("%s: %d bytes, want at most 100 kB", name, len(file))
		}
		seen, err := png.Decode(bytes.NewReader(file))
		if err != nil || seen.Bounds() != image.Rect(0, 0, width, height) {
			t.Fatalf("%s: %v, %v", name, seen.Bounds(), err)
		}
		bars := 0
		for x := range width {
			if seen.At(x, barsTop+barsHeight-2) == came {
				bars++
			}
		}
		if drawn := bars > 0; drawn != (f.In > 0) {
			t.Errorf("%s: bars are drawn: %t, SMS came: %d", name, drawn, f.In)
		}
		if dir := os.Getenv("STATS_PICTURES"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, name+".png"), file, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
