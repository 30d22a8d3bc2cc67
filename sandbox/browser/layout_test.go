package browser

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// screens are those the page is made for.
var screens = [][2]int64{{1280, 800}, {1366, 650}, {1024, 768}, {844, 390}, {390, 844}}

// colours are light, and for pictures dark, too: no size depends on them.
func colours() []bool {
	if os.Getenv("PEYK_SCREENSHOTS") == "" {
		return []bool{false}
	}
	return []bool{false, true}
}

// TestThePageFits: on every screen, in both languages, nothing is too wide, the messages of a chat have half of the height, and with the strip
// unfolded the chat has.
func TestThePageFits(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"en", "fa"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			fits(open(t, look{1280, 800, language, false}))
		})
	}
}

func fits(p *tab) {
	p.Helper()
	p.sms(first, "Hello, has my parcel left?")
	p.waitText("#messages .inbound", "parcel")
	p.click(".inbound .reply")
	p.write("It leaves today.")
	p.press(kb.Enter)
	p.waitText("#messages .own .reaction", "👍")
	p.sms(second, "سلام، بستهٔ من کی می\u200cرسد؟ شمارهٔ سفارش 1020 است")
	p.waitText("#messages .inbound", "سفارش")
	p.send("#words", "/send "+first+","+second+" We are closed tomorrow.")
	p.waitText("#messages .keyboard .success", "")
	language := eval[string](p, "document.documentElement.lang")

	height := func(selector string) float64 {
		p.Helper()
		return eval[float64](p, fmt.Sprintf("document.querySelector(%q).getBoundingClientRect().height / innerHeight", selector))
	}
	seen := func(selector string) bool {
		p.Helper()
		return eval[bool](p, fmt.Sprintf("document.querySelector(%q).checkVisibility()", selector))
	}
	all := func(state string, check func(narrow bool)) {
		p.Helper()
		for _, s := range screens {
			for _, dark := range colours() {
				p.looks(look{s[0], s[1], language, dark})
				at := fmt.Sprintf("%s-%dx%d", state, s[0], s[1])
				if over := eval[int](p, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
					p.Errorf("%s: %d pixels too wide", at, over)
				}
				if out := eval[[]string](p, outside); len(out) > 0 {
					p.Errorf("%s: outside of the window: %q", at, out)
				}
				narrow := s[0] <= 760 || s[1] <= 520
				if got := seen(".tabs"); got != narrow {
					p.Errorf("%s: tabs: %v", at, got)
				}
				check(narrow)
				if dark {
					at += "-dark"
				}
				p.shot(at)
			}
		}
		p.looks(look{1280, 800, language, false})
	}
	all("folded", func(narrow bool) {
		if got := height("#messages"); got < 0.5 {
			p.Errorf("the messages have %.2f of the height", got)
		}
		if off := eval[float64](p, offMiddle); !narrow && off > 1 {
			p.Errorf("the words of the strip stand %.1f pixels off its middle", off)
		}
		if narrow == seen("#phones") || narrow == seen("#breaking") || seen("#strip") {
			p.Errorf("narrow %v: telephones %v, what breaks %v, unfolded %v", narrow, seen("#phones"), seen("#breaking"), seen("#strip"))
		}
	})
	p.unfold()
	all("unfolded", func(narrow bool) {
		if got := height(".chat"); got < 0.5 {
			p.Errorf("the chat has %.2f of the height", got)
		}
		if !narrow && !seen("#strip") {
			p.Error("the strip is not unfolded")
		}
		if hidden := eval[float64](p, "document.querySelector('#strip').scrollHeight - document.querySelector('#strip').clientHeight"); !narrow && hidden > 0 {
			p.Errorf("%.0f pixels of what breaks things are out of sight", hidden)
		}
	})
	for _, part := range []string{"phones", "breaking", "telegram"} {
		p.looks(look{390, 844, language, false})
		p.click(".tabs [data-tab=" + part + "]")
		p.wait("document.body.dataset.tab === '" + part + "'")
		for _, s := range screens[3:] {
			p.looks(look{s[0], s[1], language, false})
			if part != "telegram" && seen("#telegram") || !seen("#"+part) {
				p.Errorf("%d pixels wide: %s is not the part that is seen", s[0], part)
			}
			if out := eval[[]string](p, outside); len(out) > 0 {
				p.Errorf("%s, %d pixels wide: outside of the window: %q", part, s[0], out)
			}
			p.shot(fmt.Sprintf("%s-%dx%d", part, s[0], s[1]))
		}
	}
}

// TestATopicsNumberIsWhole, with a badge of what is unread beside it too.
func TestATopicsNumberIsWhole(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"en", "fa"} {
		p := open(t, look{1024, 768, language, false})
		for _, command := range []string{"/inbox on", "/topics on"} {
			p.curl("/telegram/say", "from=Sara", "chat=Desk", "text="+command)
		}
		p.click(".topic")
		p.waitText("#messages", "Manage Topics") // the answer: what comes before it would get no topic
		p.sms(first, "In a topic of its own")
		p.wait(`document.querySelector('.topic .topic-icon ~ .badge')`)
		if cut := eval[[]string](p, `[...document.querySelectorAll('.topic .cut')].filter((n) => n.scrollWidth > n.clientWidth).map((n) => n.textContent)`); len(cut) > 0 {
			t.Errorf("%s: cut: %q", language, cut)
		}
		p.shot("number-" + language)
	}
}

// offMiddle is how far the middle of what unfolds the strip is from that of the strip.
const offMiddle = `(() => {
	const middle = (id) => { const r = document.querySelector(id).getBoundingClientRect(); return (r.top + r.bottom) / 2; };
	return Math.abs(middle('#unfold') - middle('#breaking'));
})()`

// outside finds the buttons and fields that stand across an edge of the window, or of the part of the page that cuts them off, though one cannot scroll there.
const outside = `(() => {
	const scrolls = (n) => { for (; n && n !== document.body; n = n.parentElement) { const o = getComputedStyle(n); if (/auto|scroll/.test(o.overflowX + o.overflowY)) return true; } return false; };
	return [...document.querySelectorAll('button, input, textarea, select')].filter((n) => {
		if (!n.checkVisibility({ visibilityProperty: true }) || n.type === 'radio' || scrolls(n.parentElement)) return false;
		const r = n.getBoundingClientRect();
		const pane = (n.closest('.phone article, .chat') ?? document.documentElement).getBoundingClientRect();
		return r.left < pane.left - 1 || r.right > pane.right + 1 || r.top < -1 || r.bottom > innerHeight + 1;
	}).map((n) => n.id || n.className + ' ' + n.textContent);
})()`

// TestLongNamesAndPersianAreCutAtTheirEnd: a title, a preview and a reply begin with their first words and are cut where there is no room.
func TestLongNamesAndPersianAreCutAtTheirEnd(t *testing.T) {
	t.Parallel()
	p := open(t, look{390, 844, "en", false})
	const persian = "سلام، این یک پرسش بسیار بلند است که در یک سطر جا نمی\u200cشود و باید در پایانش بریده شود"
	p.curl("/panel/sms", "from="+first, "text="+persian)
	p.waitText("#messages .inbound", "پرسش")
	p.click(".inbound .reply")
	p.wait(`!document.querySelector('#about').hidden`)
	p.write("Yes.")
	p.press(kb.Enter)
	p.waitText("#messages .own .answered", "پرسش")
	p.curl("/telegram/group", "kind=supergroup", "title=A group whose name is so long that no telephone has room for it", "members=Ali")
	p.click("#to-chats")
	p.waitText("#chats", "no telephone")
	p.wait(`[...document.querySelectorAll('#chats .cut')].some((n) => n.textContent.includes('no telephone') && n.scrollWidth > n.clientWidth)`)
	cuts := eval[map[string]string](p, `Object.fromEntries([...document.querySelectorAll('.cut')].filter((n) => n.scrollWidth > n.clientWidth)
		.map((n) => [n.closest('.chats') ? 'name' : 'preview', getComputedStyle(n).direction]))`)
	p.click("#chats button", "Support")
	p.wait(`[...document.querySelectorAll('#messages .cut')].some((n) => n.scrollWidth > n.clientWidth)`)
	for what, direction := range eval[map[string]string](p, `Object.fromEntries([...document.querySelectorAll('#messages .cut')].filter((n) => n.scrollWidth > n.clientWidth)
		.map((n) => ['preview', getComputedStyle(n).direction]))`) {
		cuts[what] = direction
	}
	if cuts["name"] != "ltr" || cuts["preview"] != "rtl" {
		t.Errorf("cut: %v", cuts)
	}
}

// TestCommandsAndNumbersInPersian: a slash stands before its command, a plus and a minus before their number, also in a sentence from right to left.
func TestCommandsAndNumbersInPersian(t *testing.T) {
	t.Parallel()
	p := open(t, look{1280, 800, "fa", false})
	p.waitText("#messages", "گفته نشده")
	p.click(`.person:has([value="500000002"])`)
	p.click("#chats button", "پیک")
	p.waitText("#messages", "/start")
	p.send("#words", "برای شروع /start را بفرستید، شماره +98 912 111 1111")
	p.waitText("#messages .own .command", "/start")
	// Where the first and the last letter of a command stand on the screen.
	order := eval[[]float64](p, `(() => {
		const text = document.querySelector('#messages .own .command').firstChild;
		const at = (i) => { const r = document.createRange(); r.setStart(text, i); r.setEnd(text, i + 1); return r.getBoundingClientRect().left; };
		return [at(0), at(1), at(5)];
	})()`)
	if !(order[0] < order[1] && order[1] < order[2]) {
		t.Errorf("the letters of /start stand at %v", order)
	}
	p.unfold()
	for _, selector := range []string{`[data-way="code-1"] bdi`, `.phone .number`} {
		if got := eval[string](p, fmt.Sprintf("getComputedStyle(document.querySelector(%q)).direction", selector)); got != "ltr" {
			t.Errorf("%s goes %s", selector, got)
		}
	}
	p.wait(`document.fonts.check('16px Vazirmatn', 'ش۰')`)
	if wide := eval[[]float64](p, `(() => {
		const c = document.createElement('canvas').getContext('2d');
		c.font = '100px Vazirmatn';
		const zero = c.measureText('۰'), one = c.measureText('۱');
		return [zero.actualBoundingBoxAscent + zero.actualBoundingBoxDescent, one.actualBoundingBoxAscent + one.actualBoundingBoxDescent];
	})()`); wide[0] < wide[1]/3 {
		t.Errorf("a zero is %.0f high, a one %.0f", wide[0], wide[1])
	}
}
