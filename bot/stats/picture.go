package stats

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strconv"
	"time"
)

// The picture is twice as large as a phone shows it: 400 pixels wide. Its ground is its own, so that it is the same where chats are dark.
const (
	width, height = 800, 960
	left, right   = 96, 24 // beside what is drawn
	panel         = height / 4
)

var (
	ground   = color.RGBA{0xf4, 0xf6, 0xf8, 0xff}
	ink      = color.RGBA{0x2b, 0x36, 0x40, 0xff}
	faint    = color.RGBA{0xcf, 0xd6, 0xdd, 0xff}
	came     = color.RGBA{0x2f, 0x7f, 0xd1, 0xff}
	went     = color.RGBA{0xe5, 0x8a, 0x1f, 0xff}
	arrived  = color.RGBA{0x2e, 0x9b, 0x57, 0xff}
	answered = color.RGBA{0x8a, 0x56, 0xb8, 0xff}
)

// Picture draws figures as a PNG: SMS in and out a day, the share delivered, the median time to the first answer, and SMS in by the hour of the day.
// dayOf gives what stands below a day: its number in the calendar of whoever looks.
func Picture(f Figures, dayOf func(time.Time) int) ([]byte, error) {
	d := newDrawing()
	most, longest, busiest := 0, time.Duration(0), 0
	for _, day := range f.Days {
		most, longest = max(most, day.In, day.Out), max(longest, day.Median)
	}
	for _, n := range f.Hours {
		busiest = max(busiest, n)
	}
	n := len(f.Days)
	days := make([]string, n)
	for i := range days {
		days[i] = strconv.Itoa(dayOf(f.First.AddDate(0, 0, i)))
	}
	hours := make([]string, 24)
	for i := range hours {
		hours[i] = strconv.Itoa(i)
	}

	p := d.panel(0, count(most), "0", days)
	for i, day := range f.Days {
		p.bar(i, n, 0, 2, share(day.In, most), came)
		p.bar(i, n, 1, 2, share(day.Out, most), went)
	}
	d.arrow(44, p.top+76, 1, came)
	d.arrow(44, p.top+120, -1, went)

	p = d.panel(1, "100%", "0", days)
	for i, day := range f.Days {
		if s := day.Share(); s >= 0 {
			p.bar(i, n, 0, 1, float64(s)/100, arrived)
		}
	}
	d.stroke(arrived, 6, 30, p.top+98, 40, p.top+108, 60, p.top+84)

	p = d.panel(2, clock(longest), "0", days)
	for i, day := range f.Days {
		p.bar(i, n, 0, 1, share(int(day.Median), int(longest)), answered)
	}
	d.circle(44, p.top+96, 18, 5, answered)
	d.stroke(answered, 5, 44, p.top+86, 44, p.top+96, 52, p.top+100)

	p = d.panel(3, count(busiest), "0", hours)
	for i, in := range f.Hours {
		p.bar(i, 24, 0, 1, share(in, busiest), came)
	}
	d.arrow(44, p.top+96, 1, came)

	var file bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&file, d)
	return file.Bytes(), err
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// count writes a number in the room there is beside a scale.
func count(n int) string {
	switch {
	case n < 10_000:
		return strconv.Itoa(n)
	case n < 1_000_000:
		return strconv.Itoa(n/1000) + "k"
	}
	return strconv.Itoa(n/1_000_000) + "M"
}

// clock writes a time as hours and minutes, one of less than ten minutes as minutes and seconds with two signs between.
func clock(d time.Duration) string {
	if d < 10*time.Minute {
		return fmt.Sprintf("%d'%02d", int(d/time.Minute), int(d/time.Second)%60)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d:%02d", int(d/time.Hour), int(d/time.Minute)%60)
}

// drawing is a picture of few colours, so that it stays small; those between ground and another smooth edges.
type drawing struct {
	*image.Paletted
	known map[color.RGBA]uint8 // where each stands in the palette
}

// newDrawing returns an empty one: the first colour of the palette is everywhere.
func newDrawing() *drawing {
	return &drawing{image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{ground}), map[color.RGBA]uint8{ground: 0}}
}

func (d *drawing) set(x, y int, c color.RGBA) {
	i, known := d.known[c]
	if !known {
		if len(d.Palette) == 256 {
			i = uint8(d.Palette.Index(c))
		} else {
			i = uint8(len(d.Palette))
			d.Palette = append(d.Palette, c)
		}
		d.known[c] = i
	}
	d.SetColorIndex(x, y, i)
}

// scale is where the bars of one panel stand.
type scale struct {
	*drawing
	top float64
}

const barsTop, barsHeight = 28, panel - 28 - 56

// panel draws the frame of the i-th panel: what its top and bottom lines stand for, and what stands below its bars, as far as there is room.
func (d *drawing) panel(i int, top, bottom string, below []string) scale {
	p := scale{d, float64(i * panel)}
	for _, y := range []float64{0, 0.5, 1} {
		d.stroke(faint, 2, left, p.top+barsTop+y*barsHeight, width-right, p.top+barsTop+y*barsHeight)
	}
	d.write(left-10, p.top+barsTop+12, top, true)
	d.write(left-10, p.top+barsTop+barsHeight, bottom, true)
	step := 1
	for len(below)/step > 12 {
		step++
	}
	for j := len(below) - 1; j >= 0; j -= step { // the last one always
		slot := float64(width-left-right) / float64(len(below))
		d.write(left+(float64(j)+0.5)*slot+textWidth(below[j])/2, p.top+barsTop+barsHeight+40, below[j], true)
	}
	return p
}

// bar draws the k-th of m bars in the i-th of n slots; of is 1 for the whole height.
func (p scale) bar(i, n, k, m int, of float64, c color.RGBA) {
	slot := float64(width-left-right) / float64(n)
	gap := math.Min(slot/6, 8)
	wide := (slot - gap) / float64(m)
	from := left + float64(i)*slot + gap/2 + float64(k)*wide
	high := of * barsHeight
	if of > 0 {
		high = math.Max(high, 3)
	}
	bottom := p.top + barsTop + barsHeight
	for y := int(bottom - high); y < int(bottom); y++ {
		for x := int(from); x < max(int(from+wide), int(from)+1); x++ {
			p.set(x, y, c)
		}
	}
}

// arrow draws one that points down, or up where down is negative.
func (d *drawing) arrow(x, y, down float64, c color.RGBA) {
	d.stroke(c, 6, x, y-16*down, x, y+16*down)
	d.stroke(c, 6, x-12, y+4*down, x, y+16*down, x+12, y+4*down)
}

func (d *drawing) circle(x, y, r, thick float64, c color.RGBA) {
	var points []float64
	for i := range 25 {
		angle := float64(i) / 24 * 2 * math.Pi
		points = append(points, x+r*math.Cos(angle), y+r*math.Sin(angle))
	}
	d.stroke(c, thick, points...)
}

// stroke draws a line through points, x and y in turn, with smooth edges.
func (d *drawing) stroke(c color.RGBA, thick float64, points ...float64) {
	for i := 0; i+3 < len(points); i += 2 {
		x0, y0, x1, y1 := points[i], points[i+1], points[i+2], points[i+3]
		for y := int(math.Min(y0, y1) - thick); y <= int(math.Max(y0, y1)+thick); y++ {
			for x := int(math.Min(x0, x1) - thick); x <= int(math.Max(x0, x1)+thick); x++ {
				dx, dy, px, py := x1-x0, y1-y0, float64(x)+0.5-x0, float64(y)+0.5-y0
				along := 0.0
				if dx != 0 || dy != 0 {
					along = math.Max(0, math.Min(1, (px*dx+py*dy)/(dx*dx+dy*dy)))
				}
				if cover := thick/2 + 0.5 - math.Hypot(px-along*dx, py-along*dy); cover > 0 {
					d.blend(x, y, c, math.Min(1, math.Round(cover*4)/4))
				}
			}
		}
	}
}

// blend lays c over what is there.
func (d *drawing) blend(x, y int, c color.RGBA, cover float64) {
	if !(image.Point{X: x, Y: y}).In(d.Rect) {
		return
	}
	was := d.Palette[d.ColorIndexAt(x, y)].(color.RGBA)
	mix := func(from, to uint8) uint8 { return uint8(float64(from) + (float64(to)-float64(from))*cover) }
	d.set(x, y, color.RGBA{mix(was.R, c.R), mix(was.G, c.G), mix(was.B, c.B), 0xff})
}

// Characters are lines through points of a grid, 4 wide and 6 high, of which the upper left one is 0, 0. A blank lifts the pen.
var glyphs = map[rune]string{
	'0': "10 30 41 45 36 16 05 01 10", '1': "11 20 26", '2': "01 10 30 41 42 06 46", '3': "01 10 30 41 42 33 13 33 44 45 36 16 05",
	'4': "30 04 44 34 32 36", '5': "40 00 03 13 33 44 45 36 16 05", '6': "30 10 01 05 16 36 45 44 33 13 04", '7': "00 40 16",
	'8': "10 30 41 42 33 13 02 01 10 13 33 44 45 36 16 05 04 13", '9': "16 36 45 41 30 10 01 02 13 33 42",
	':': "22 22 | 25 25", '\'': "20 21", '%': "06 40 | 00 10 11 01 00 | 36 46 45 35 36", 'k': "00 06 | 40 04 | 13 46", 'M': "06 00 23 40 46",
}

const glyphSize, glyphStep = 3.6, 5.9 * 3.6

func textWidth(s string) float64 { return float64(len(s))*glyphStep - (glyphStep - 4*glyphSize) }

// write writes s so that it stands on y, and ends at x if end is set, or begins there.
func (d *drawing) write(x, y float64, s string, end bool) {
	if end {
		x -= textWidth(s)
	}
	for _, r := range s {
		var line []float64
		for _, point := range append(bytes.Fields([]byte(glyphs[r])), []byte("|")) {
			if len(point) == 2 {
				line = append(line, x+float64(point[0]-'0')*glyphSize, y-(6-float64(point[1]-'0'))*glyphSize)
				continue
			}
			d.stroke(ink, 3.4, line...)
			line = nil
		}
		x += glyphStep
	}
}
