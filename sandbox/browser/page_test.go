package browser

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const (
	first  = "09121111111"
	second = "09122222222"
)

func TestTheGuideLeadsThroughWhatReallyHappens(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	p.waitText("#guide", "Be a customer.")
	p.click("#guide .quiet") // Show me puts the cursor where to write
	p.wait(`document.activeElement === document.querySelector('.phone textarea')`)
	p.write("Hello, has my parcel left?")
	p.shot("write")
	p.press(kb.Enter)

	p.waitText("#guide", "Now answer it.")
	p.waitText("#messages .inbound blockquote", "Hello, has my parcel left?")
	p.waitText(".phone .own", "shown in Telegram")
	p.sums(map[string]int{"written": 1, "shown": 1})
	p.click(".pointed")
	p.waitText("#about", "Reply to")
	p.write("It leaves today.")
	p.press(kb.Enter)

	p.waitText("#guide", "It is on its way.")
	p.waitText(".phone:first-child .arrived", "It leaves today.")
	p.waitText("#messages .own .reaction", "👍")
	p.sums(map[string]int{"asked": 1, "sent": 1, "delivered": 1})
	p.shot("arrived")

	p.waitText("#guide", "Now break it.")
	p.click("#guide .quiet") // the strip is folded
	eval[bool](p, commandsAreThere)
	p.click(".pointed")
	p.waitText("#bridge", "Peyk is not running")
	p.waitText("#guide", "Peyk is dead.")
	p.click(".pointed")
	p.write("Are you there?")
	p.press(kb.Enter)
	p.sums(map[string]int{"written": 2, "unread": 1, "shown": 1})
	p.waitText("#guide", "Bring it back.")
	p.shot("dead")
	p.click(".pointed")
	p.waitText("#messages .inbound blockquote", "Are you there?")
	p.sums(map[string]int{"unread": 0, "shown": 2})

	p.waitText("#guide", "A topic for each customer.")
	p.click("#guide button", "Let Sara write it")
	p.waitText("#messages .bot", "each customer gets a topic here")
	p.sms(first, "One more question")
	p.click(".topic button", first)
	p.waitText("#messages .inbound blockquote", "One more question")
	p.sums(map[string]int{"written": 3, "shown": 3})
	p.shot("topics")

	p.waitText("#guide", "Who waits?")
	p.click("#guide button", "Let Sara write it")
	p.waitText("#pinned", second)
	p.waitText("#messages .bot", first)
	p.waitText("#guide", "No answer needed?")
	p.click("#guide button", "Show me")
	p.click(".react.pointed")
	p.click(".offered .pointed")
	p.waitText("#guide", "That is all.")
	p.waitText("#messages .inbound .reaction", "Sara")
	p.click("#chats button", "General")
	p.waitText("#pinned", second)
	p.wait(`!document.querySelector('#messages').textContent.includes('` + first + `')`)
	p.shot("pinned")
	p.click("#guide .icon")
	p.wait(`document.querySelector('#guide').hidden`)
	p.do(chromedp.Reload())
	p.waitText("#pinned", second) // in the same chat
	p.wait(`document.querySelector('#guide').hidden`)
	p.click("#begin-guide")
	p.waitText("#guide", "Be a customer.")
}

// commandsAreThere waits until the bot has named its commands: the steps with topics come only then.
const commandsAreThere = `(async () => {
	for (;;) {
		const commands = await (await fetch('telegram/commands?chat=Sara&user=Sara')).json();
		if (commands?.some((c) => c.command === 'topics')) return true;
		await new Promise(requestAnimationFrame);
	}
})()`

func TestNothingCanBeDoneBeforeThePageKnowsWhatThereIs(t *testing.T) {
	t.Parallel()
	p := newTab(t, wide)
	release := p.hold("*/live")
	p.visit()
	at := eval[[]float64](p, `(() => {
		const r = document.querySelector('#words').getBoundingClientRect();
		return [r.x + r.width / 2, r.y + r.height / 2];
	})()`)
	p.do(chromedp.MouseClickXY(at[0], at[1]))
	p.write("too early")
	p.press(kb.Enter)
	if eval[bool](p, bridgeRuns) {
		t.Error("the page says that Peyk is running before it was told")
	}
	release()
	p.wait(bridgeRuns)
	p.send("#words", "in time")
	p.waitText("#messages .own", "in time")
	if said := eval[string](p, `document.querySelector('#messages').textContent`); strings.Contains(said, "too early") {
		t.Errorf("the chat says %q", said)
	}
}

func TestAQuestionToTwoIsAnsweredByAButton(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	p.send("#words", "/send "+first+","+second+" We are closed tomorrow.")
	p.waitText(".keyboard", "Cancel")
	p.sums(map[string]int{"asked": 0})
	p.click(".keyboard button:first-child")
	for _, number := range []string{first, second} {
		p.waitText(`[data-number="`+number+`"] .arrived`, "We are closed tomorrow.")
	}
	p.sums(map[string]int{"asked": 2, "sent": 2, "delivered": 2})
	p.wait(`!document.querySelector('.keyboard')`)

	// What was sent stays sent: the edit is told of.
	p.click(".own .edit")
	p.wait(`document.querySelector('#words').value.startsWith('/send ')`)
	p.write(" Really.")
	p.press(kb.Enter)
	p.waitText("#messages .own", "edited")
	p.waitText("#messages .bot", "the edit changes nothing")
	p.shot("two")
}

func TestOneOfSeveralSMSInAMessageIsQuoted(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	p.curl("/bridge/stop") // or the first would be shown one by one, on a slow machine as many as a minute has
	for i := range 30 {    // more than a group may be shown in a minute
		p.curl("/panel/sms", fmt.Sprintf("from=0912000000%d", i%8), fmt.Sprintf("text=question %d", i))
	}
	p.curl("/bridge/start")
	p.waitText(".quotable", "question 27")
	p.sums(map[string]int{"written": 30, "shown": 30})
	p.wait(`[...document.querySelectorAll('.quotable')].some((q) => q.textContent === 'question 27' && (q.id = 'twentyseven'))`)
	p.click("#twentyseven button")
	p.waitText("#about", "question 27")
	p.write("answer 27")
	p.press(kb.Enter)
	p.waitText(`[data-number="09120000003"] .sms:not(.own)`, "answer 27")
	p.shot("digest")

	// The same by marking words with the mouse; what stands before them counts in UTF-16 units, emoji too.
	eval[bool](p, `(() => {
		const block = [...document.querySelectorAll('.quotable blockquote')].find((q) => q.textContent.includes('question 29'));
		getSelection().selectAllChildren(block);
		return block.closest('.message').querySelector('.reply').id = 'answer', true;
	})()`)
	p.click("#answer")
	p.waitText("#about", "question 29")
	p.write("answer 29")
	p.press(kb.Enter)
	p.waitText(`[data-number="09120000005"] .sms:not(.own)`, "answer 29")
}

func TestFailures(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	p.unfold()
	p.sms(first, "Hello")
	p.waitText("#messages .inbound", "Hello")

	began := time.Now()
	p.click(`[data-way=panelDown]`)
	p.wait(`document.querySelector('[data-way=panelDown]').getAttribute('aria-pressed') === 'true'`)
	p.click(".inbound .reply")
	p.write("waits")
	p.press(kb.Enter)
	p.waitText("#messages .bot", "not sent yet")
	p.sms(second, "written meanwhile")
	p.sums(map[string]int{"written": 2, "unread": 1, "asked": 0})
	p.shot("down")
	p.click(`[data-way=mend]`)
	p.outage = time.Since(began)
	p.waitText(`[data-number="`+first+`"] .arrived`, "waits")
	p.waitText("#messages .inbound", "written meanwhile")
	p.sums(map[string]int{"asked": 1, "sent": 1, "shown": 2})

	// The answer is lost: nobody can know, so the agent decides.
	p.click(`[data-way=lostAnswer]`)
	p.wait(`document.querySelector('[data-way=lostAnswer]').getAttribute('aria-pressed') === 'true'`)
	p.send("#words", "/send "+second+" Your code is 4711.")
	p.waitText(".keyboard", "Send again")
	p.wait(`document.querySelector('[data-way=lostAnswer]').getAttribute('aria-pressed') === 'false'`)
	p.waitText(`[data-number="`+second+`"] .arrived`, "4711")
	p.sums(map[string]int{"asked": 2, "sent": 1, "uncertain": 1, "accepted": 2})
	p.shot("uncertain")
	p.click(".keyboard button:first-child")
	p.wait(`[...document.querySelectorAll('[data-number="` + second + `"] .sms:not(.own)')].filter((n) => n.textContent.includes('4711')).length === 2`)
	p.sums(map[string]int{"asked": 3, "sent": 2, "uncertain": 1, "accepted": 3})

	p.click(`[data-way="code-5"]`)
	p.wait(`document.querySelector('[data-way="code-5"]').getAttribute('aria-pressed') === 'true'`)
	p.send("#words", "/send "+first+" refused")
	p.waitText("#messages .bot", "The panel refuses")
	p.sums(map[string]int{"asked": 4, "refused": 1, "accepted": 3})

	// This customer's telephone is off; the page shows what the panel knows of it.
	eval[bool](p, `(() => {
		const select = document.querySelector('[data-number="`+first+`"] .delivery select');
		select.value = '5';
		select.dispatchEvent(new Event('change'));
		select.value = '0';
		return true;
	})()`)
	p.waitText("#toasts", "do not reach")
	p.wait(`document.querySelector('[data-number="` + first + `"] .delivery select').value === '5'`)
	p.send("#words", "/send "+first+" nobody there")
	p.waitText(`[data-number="`+first+`"] .failed`, "did not arrive")
	p.sums(map[string]int{"asked": 5, "failed": 1})

	// Telegram is down: what is written meanwhile is shown afterwards.
	began = time.Now()
	p.click(`[data-way=telegramDown]`)
	p.wait(`document.querySelector('[data-way=telegramDown]').getAttribute('aria-pressed') === 'true'`)
	p.sms(first, "into the dark")
	p.sums(map[string]int{"written": 3, "fetched": 1})
	p.click(`[data-way=telegramDown]`)
	p.outage = max(p.outage, time.Since(began))
	p.waitText("#messages .inbound", "into the dark")
	p.sums(map[string]int{"fetched": 0, "shown": 3})

	p.end()
	p.wait(`!document.querySelector('#offline').hidden`)
}

func TestKilledWhileItSends(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	p.unfold()
	p.curl("/panel/fault", "kind=slow", "method=SendSMS", "carry_out=true", "delay=1h")
	p.send("#words", "/send "+first+" Your code is 4711.")
	p.waitText(`[data-number="`+first+`"] .sms:not(.own)`, "4711")
	p.sums(map[string]int{"asked": 1, "uncertain": 1, "accepted": 1})
	p.click("[data-way=kill]")
	p.waitText("#bridge", "Peyk is not running")
	p.sms(second, "Is anybody there?")
	p.sums(map[string]int{"written": 1, "unread": 1, "uncertain": 1, "delivered": 1})
	p.click("[data-way=start]")
	p.waitText(".keyboard", "It was sent")
	p.waitText("#messages .inbound", "Is anybody there?")
	p.sums(map[string]int{"shown": 1, "asked": 1, "uncertain": 1, "sent": 0})
	p.click(".keyboard button", "It was sent")
	p.waitText("#messages .bot", "it was sent, says \u2068Ali\u2069")
}

func TestEveryWayToBreakIsTakenBack(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	p.unfold()
	p.click("[data-way=stop]") // a bridge that asks would use the faults up
	p.waitText("#bridge", "Peyk is not running")
	ways := eval[[]string](p, `[...document.querySelectorAll('[data-way][aria-pressed]')].map((n) => n.dataset.way)`)
	if len(ways) != 17 {
		t.Errorf("got %d ways to break: %q", len(ways), ways)
	}
	pressed := func(way string) string {
		return fmt.Sprintf(`document.querySelector('[data-way="%s"]').getAttribute('aria-pressed')`, way)
	}
	for _, way := range ways {
		selector := `[data-way="` + way + `"]`
		p.click(selector)
		p.wait(pressed(way) + ` === 'true'`)
		p.click(selector)
		p.wait(pressed(way) + ` === 'false'`)
	}
	for _, way := range ways {
		p.click(`[data-way="` + way + `"]`)
		p.wait(pressed(way) + ` === 'true'`)
	}
	// Each is taken back by itself: the others stay as they are.
	still := []string{}
	for _, way := range ways {
		if way != "creditLow" { // there is one credit, and it is out
			still = append(still, way)
		}
	}
	const all = `[...document.querySelectorAll('[data-way][aria-pressed=true]')].map((n) => n.dataset.way).join()`
	for len(still) > 6 {
		way := still[0]
		still = still[1:]
		p.click(`[data-way="` + way + `"]`)
		p.wait(fmt.Sprintf("%s === %q", all, strings.Join(still, ",")))
	}
	p.click("[data-way=mend]")
	for _, way := range ways {
		p.wait(pressed(way) + ` === 'false'`)
	}
	p.click("[data-way=start]")
	p.waitText("#bridge", "Peyk is running")
	p.sms(first, "All is well again")
	p.waitText("#messages .inbound", "All is well again")
}

func TestAnotherTelephoneWritesToAnotherLine(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	p.send("#add-phone input", "+98 935 333 3333")
	const third = "09353333333"
	p.wait(`document.querySelector('[data-number="` + third + `"] textarea')`)
	eval[bool](p, `(document.querySelector('[data-number="`+third+`"] [name=line]').value = '30005678') && true`)
	p.click(`[data-number="` + third + `"] textarea`)
	p.write("one")
	p.do(chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierShift)))
	p.write("two")
	p.press(kb.Enter)
	p.waitText(`[data-number="`+third+`"] .own .text`, "one\ntwo")
	p.waitText("#messages .inbound", "30005678")

	// The focus stays with who is chosen by the keyboard.
	p.click(`.person:has([value="500000002"])`)
	p.press(kb.ArrowDown)
	p.wait(`document.activeElement.value === '500000003' && document.activeElement.checked`)
}

func TestTopicsAreAList(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	p.curl("/telegram/topic", "from=Sara", "chat=Desk", "do=add", "name=Prices")
	p.curl("/telegram/topic", "from=Sara", "chat=Desk", "do=add", "name="+second)
	p.curl("/telegram/say", "from=Sara", "chat=Desk", "topic=Prices", "text=Old prices end on Friday.")
	p.curl("/telegram/topic", "from=Sara", "chat=Desk", "do=close", "topic=Prices")
	p.waitText(".topic:has(.closed)", "Prices")
	p.wait(`document.querySelector('.topic:has(.closed) .badge').textContent === '1'`)
	p.click(".topic:has(.closed) button")
	p.waitText("#chat-title", "Prices")
	p.waitText("#messages", "Old prices end on Friday.")
	p.wait(`!document.querySelector('.topic .badge')`)

	// An admin makes a topic show SMS; what is said in one topic is not seen in another.
	p.click(`.person:has([value="500000001"])`)
	p.click(".topic button", second)
	p.waitText("#chat-title", second)
	p.send("#words", "/inbox on")
	p.waitText("#messages .bot", "are now shown here")
	p.sms(second, "In a topic, please")
	p.waitText("#messages .inbound", "In a topic, please")
	p.click(".inbound .reply")
	p.write("Gladly.")
	p.press(kb.Enter)
	p.waitText(`[data-number="`+second+`"] .sms:not(.own)`, "Gladly.")
	if eval[bool](p, `document.querySelector('#messages').textContent.includes('Old prices')`) {
		t.Error("a topic shows what was said in another")
	}
	p.shot("topic")
}

func TestAStrangerIsNotServed(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	p.sms(first, "Hello")
	p.waitText("#messages .inbound", "Hello")
	p.click(`.person:has([value="500000003"])`)
	p.wait(`!document.querySelector('#chats').textContent.includes('Desk')`)
	p.click(".inbound .reply")
	p.waitText("#about", "Reply to")
	p.press(kb.Escape)
	p.wait(`document.querySelector('#about').hidden`)
	p.click(".inbound .reply")
	p.write("I am nobody")
	p.press(kb.Enter)
	p.waitText("#messages .own", "I am nobody")

	p.click("#chats li:last-child button")
	p.waitText("#chat-title", "Peyk")
	p.send("#words", "/id")
	p.waitText("#messages .bot", "500000003")
	p.click("#messages .bot code")
	p.waitText("#toasts", "500000003")
	p.sums(map[string]int{"asked": 0})
	p.shot("stranger")
}

func TestForeignTextStaysText(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	const evil = `<img src=x onerror="alert(1)"><b>bold</b> &amp;`
	p.sms(first, evil)
	p.waitText("#messages .inbound blockquote", evil)
	p.waitText(".phone .own .text", evil)
	p.curl("/telegram/topic", "from=Sara", "chat=Desk", "do=add", "name="+evil)
	p.waitText(".topic", evil)
	if eval[int](p, `document.querySelectorAll('#messages img, .phone img, .chats img').length`) != 0 {
		t.Error("an SMS became an element of the page")
	}
	if elsewhere := eval[[]string](p, `performance.getEntriesByType('resource').map((e) => e.name).filter((n) => !n.startsWith(location.origin + '/'))`); len(elsewhere) > 0 {
		t.Errorf("the page asks elsewhere: %q", elsewhere)
	}
}

func TestAFileIsSentAndSaved(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	this, err := filepath.Abs("page_test.go")
	if err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{this}))
	p.waitText("#messages .own .file", "page_test.go")
}

func TestAPhotoIsShown(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	picture := "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC" // two pixels
	eval[bool](p, `fetch('telegram/say', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ chat: 'Support', from: 'Ali',
		document: { mime: 'image/png', photo: true, width: 2, height: 1, data: '`+picture+`' }, caption: 'two pixels' }) }).then((r) => r.ok)`)
	p.waitText("#messages .message", "two pixels")
	p.wait(`document.querySelector('#messages .photo')?.naturalWidth === 2`)
}

func TestPersianOnATelephone(t *testing.T) {
	t.Parallel()
	p := open(t, look{390, 844, "en", true})
	p.click("#language")
	p.wait(bridgeRuns + ` && document.querySelector('#bridge').dataset.language === 'fa'`)
	p.wait(`document.documentElement.dir === 'rtl' && document.documentElement.lang === 'fa'`)
	fits := func(what string) {
		t.Helper()
		if over := eval[int](p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("%s: %d pixels too wide", what, over)
		}
	}
	fits("telegram")
	p.click(".tabs [data-tab=phones]")
	fits("telephones")
	p.sms(first, "سلام، بستهٔ من رسیده؟")
	p.waitText(".phone .own", "در تلگرام دیده می\u200cشود")
	p.shot("telephones")
	p.wait(`document.querySelector('.tabs [data-tab=telegram] .badge').textContent === '۱'`)
	p.click(".tabs [data-tab=telegram]")
	p.waitText("#messages .inbound blockquote", "بستهٔ من")
	if got := eval[string](p, `getComputedStyle(document.querySelector('#messages .inbound blockquote')).direction`); got != "rtl" {
		t.Errorf("the Persian SMS goes %s", got)
	}
	p.click(".inbound .reply")
	p.write("سلام، فردا می\u200cرسد.")
	p.press(kb.Enter)
	p.waitText("#messages .own .reaction", "👍")
	fits("telegram with messages")
	p.shot("telegram")
	if said := eval[string](p, `document.querySelector('#messages').textContent`); strings.Contains(said, "perhaps") || !strings.Contains(said, "پاسخ") {
		t.Errorf("the bot says %q", said)
	}
	p.click("#to-chats")
	p.wait(`document.querySelector('#people').getBoundingClientRect().width > 0`)
	p.shot("chats")
	p.click(".tabs [data-tab=breaking]")
	fits("breaking")
	p.sums(map[string]int{"written": 1, "shown": 1, "asked": 1, "sent": 1})
	if got := eval[string](p, `document.querySelector('[data-count=written] dd').textContent`); got != "۱" {
		t.Errorf("one is %q", got)
	}
	p.shot("breaking")
	// Nothing is left in English but names.
	words := eval[string](p, `document.querySelector('#breaking').innerText + document.querySelector('.tabs').innerText`)
	if left := strings.Trim(words, " \n"); strings.ContainsAny(left, "abcdefghijklmnopqrstuvwxyz") {
		t.Errorf("not all is Persian: %s", left)
	}
}

func TestTimePasses(t *testing.T) {
	t.Parallel()
	timePasses(open(t, wide), "en", "I now speak English here.", "An hour passes", "The snooze is over")
}

func TestTimePassesInPersian(t *testing.T) {
	t.Parallel()
	timePasses(open(t, look{1280, 800, "fa", false}), "fa", "از این پس این\u200cجا فارسی می\u200cنویسم.", "یک ساعت بگذرد", "مهلت تعویق تمام شد")
}

// timePasses has a snooze end within the two hours that two clicks take, and the next morning come: nobody's clock is wrong by that.
func timePasses(p *tab, language, speaks, hour, over string) {
	p.Helper()
	p.unfold()
	p.curl("/telegram/say", "from=Sara", "text=/language "+language)
	p.wait(fmt.Sprintf(`document.body.textContent.includes(%q)`, speaks)) // the page shows that chat, which takes the focus
	p.sms(first, "Call me tomorrow")
	p.waitText("#messages .inbound", "Call me tomorrow")
	p.click(".inbound .reply")
	p.write("/snooze 2h")
	p.press(kb.Enter)
	p.waitText("#messages .bot", first)
	now := func() string { return eval[string](p, `document.querySelector('#now').textContent`) }
	passes := func(way string, words ...string) {
		p.Helper()
		before := now()
		p.click("[data-way="+way+"]", words...)
		p.wait(fmt.Sprintf(`document.querySelector('#now').textContent !== %q`, before))
		p.wait(bridgeRuns)
	}
	passes("hour", hour)
	passes("hour", hour)
	p.waitText("#messages .bot", over)
	passes("morning")
	p.wait(`/8:0|۸:۰/.test(document.querySelector('#now').textContent)`)
	p.sms(second, "Good morning")
	p.waitText("#messages .inbound", "Good morning")
	p.shot("clock")
	p.send("#words", "/id") // by then whatever is to be told of a clock would be
	p.waitText("#messages .bot", "500000002")
	if said := eval[string](p, `document.querySelector('#messages').textContent`); strings.Contains(said, "⚠️") {
		p.Errorf("the chat says %q", said)
	}
}

func TestAReactionToAnSMSIsTakenBack(t *testing.T) {
	t.Parallel()
	reacts(open(t, wide), reactionWords{"en", "ordinary member", "Peyk: admin", "Nobody waits", "Pinned message"})
}

func TestAReactionToAnSMSInPersian(t *testing.T) {
	t.Parallel()
	reacts(open(t, look{390, 844, "fa", true}), reactionWords{"fa", "عضو ساده", "پیک: مدیر", "هیچ مشتری", "پیام سنجاق"})
}

type reactionWords struct{ language, member, admin, nobody, pinned string }

// reacts has an agent react to an SMS by the keyboard, of which Peyk is told once it is an admin of the group, and take it back; an admin has the list
// pinned that says so. An SMS rings, an answer to a command does not.
func reacts(p *tab, say reactionWords) {
	p.Helper()
	p.curl("/telegram/say", "from=Sara", "text=/language "+say.language)
	p.curl("/panel/sms", "from="+first, "text=Hello, is anybody there?")
	p.waitText("#messages .inbound", "anybody")
	p.wait(`document.querySelector('.inbound .sound.loud')`)
	p.click(".inbound .react")
	p.waitText(".offered", say.member)
	p.shot("offered")
	p.click(".offered .quiet")
	p.waitText("#rights", say.admin)
	p.wait(`document.querySelector('.offered') && !document.querySelector('.offered p')`)
	p.curl("/telegram/say", "from=Sara", "text=/waiting pin")
	p.waitText("#pinned", say.pinned)
	p.waitText("#pinned", first)

	focused := func(selector string) {
		p.Helper()
		p.wait(fmt.Sprintf(`document.activeElement.matches(%q)`, selector))
	}
	p.click(".inbound .react")
	p.wait(`!document.querySelector('.offered')`)
	focused(".inbound .react")
	p.press(kb.Enter)
	focused(".offered button:first-child")
	p.press(kb.Escape)
	focused(".inbound .react")
	p.press(kb.Enter)
	focused(".offered button:first-child")
	p.press(kb.Enter)
	p.waitText(".inbound button.reaction", p.called("Ali"))
	p.waitText("#pinned", say.nobody)
	p.wait(`document.querySelector('#messages .bot:not(.inbound) .sound.silent')`)
	p.shot("reacted")
	p.click(".inbound button.reaction")
	p.wait(`!document.querySelector('.inbound .reaction')`)
	p.waitText("#pinned", first)

	p.click("#rights")
	p.wait(fmt.Sprintf(`!document.querySelector('#rights').textContent.includes(%q)`, say.admin))
}

func TestAnswerOpensTheReplyField(t *testing.T) {
	t.Parallel()
	prompted(open(t, wide), promptWords{"en", "General", "Answer", "Copy number", "Answer to", "Copied", "waits", "answered"})
}

func TestAnswerOpensTheReplyFieldInPersian(t *testing.T) {
	t.Parallel()
	prompted(open(t, look{390, 844, "fa", true}), promptWords{"fa", "عمومی", "پاسخ", "کپی شماره", "پاسخ به", "کپی شد", "در انتظار پاسخ", "پاسخ داده شد"})
}

type promptWords struct{ language, general, answer, copies, field, copied, waits, answered string }

// prompted has an agent answer by [Answer] in the topic of a customer, whose icon follows, and copy the number of another. A colleague's field stays closed.
func prompted(p *tab, say promptWords) {
	p.Helper()
	p.curl("/telegram/say", "from=Sara", "text=/language "+say.language)
	p.curl("/telegram/say", "from=Sara", "chat=Desk", "text=/language "+say.language)
	p.curl("/telegram/say", "from=Sara", "chat=Desk", "text=/topics on")
	p.waitText("#chats", p.called("Desk"))
	narrow := eval[bool](p, `innerWidth < 760`)
	toChats := func() {
		if narrow {
			p.click("#to-chats")
		}
	}
	toChats()
	p.click("#chats button", say.general)
	p.waitText("#messages .bot", "/waiting") // topics are on: the SMS goes to one
	p.curl("/panel/sms", "from="+first, "text=Hello, is anybody there?")
	toChats()
	p.waitText(".topic:has(.topic-icon) small", say.waits)
	p.shot("waits")
	p.click(".topic button", first)
	p.waitText("#chat-title", first)
	p.click(".inbound .keyboard button", say.answer)
	p.wait(fmt.Sprintf(`document.querySelector('#words').placeholder.includes(%q)`, say.field))
	p.wait(`document.activeElement === document.querySelector('#words')`)
	p.wait(`!document.querySelector('#about').hidden`)
	p.waitText("#messages .keyboard", say.copies) // the card, below what is asked: the reply field can be closed by whoever reads further up
	eval[bool](p, `document.querySelector('#messages').scrollTop = 0, true`)
	p.wait(`!document.querySelector('#newest').hidden`)
	p.shot("prompt")
	p.click("#about button")
	p.wait(`document.querySelector('#about').hidden`)

	become := func(id string) {
		p.Helper()
		toChats()
		p.click(`.person:has([value="` + id + `"])`)
		if narrow {
			p.click(".topic button", first)
		}
	}
	become("500000001")
	p.wait(`document.querySelector('#about').hidden`)
	become("500000002")
	p.wait(`!document.querySelector('#about').hidden`)
	p.click("#words")
	p.write("I am.")
	p.press(kb.Enter)
	p.waitText("#messages .own", "I am.")
	p.wait(`document.querySelector('#about').hidden`)
	p.wait(fmt.Sprintf(`!document.querySelector('#words').placeholder.includes(%q)`, say.field))
	p.sums(map[string]int{"asked": 1, "sent": 1, "delivered": 1})
	toChats()
	p.waitText(".topic:has(.topic-icon) small", say.answered)
	p.shot("answered")

	// In Support everything is not about one customer: there the number can be copied.
	p.click("#chats button", p.called("Support"))
	p.curl("/panel/sms", "from="+second, "text=Me, too")
	p.waitText("#messages .inbound", "Me, too")
	p.click(".inbound .keyboard button", say.copies)
	p.waitText("#toasts", say.copied)
	p.waitText("#toasts", second)
	p.shot("copied")
}

func TestColouredButtonsCanBeRead(t *testing.T) {
	t.Parallel()
	colouredButtons(open(t, wide))
}

func TestColouredButtonsCanBeReadInTheDark(t *testing.T) {
	t.Parallel()
	colouredButtons(open(t, look{1280, 800, "en", true}))
}

// colouredButtons measures the contrast of what a question is answered by, as WCAG 2 defines it: 4.5 is enough for text.
func colouredButtons(p *tab) {
	p.Helper()
	p.send("#words", "/send "+first+","+second+" We are closed tomorrow.")
	p.waitText(".keyboard .success", "Send")
	p.waitText(".keyboard .danger", "Cancel")
	p.shot("buttons")
	contrasts := eval[map[string]float64](p, `(() => {
		const light = (colour) => {
			const [r, g, b] = colour.match(/[\d.]+/g).map((x) => x / 255).map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
			return 0.2126 * r + 0.7152 * g + 0.0722 * b;
		};
		return Object.fromEntries([...document.querySelectorAll('.keyboard .success, .keyboard .danger')].map((n) => {
			const style = getComputedStyle(n), [a, b] = [light(style.color), light(style.backgroundColor)];
			return [n.className, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
		}));
	})()`)
	for class, contrast := range contrasts {
		if contrast < 4.5 {
			p.Errorf("%s has a contrast of %.1f", class, contrast)
		}
	}
	if len(contrasts) != 2 {
		p.Errorf("got %v", contrasts)
	}
}
