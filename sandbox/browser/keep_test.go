package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestWhereOneIsSurvives: who one is, the chat, the draft of each chat with what it answers, and the telephones are there after a reload.
func TestWhereOneIsSurvives(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	p.sms(first, "Hello")
	p.waitText("#messages .inbound", "Hello")
	p.send("#add-phone input", "09353333333")
	p.wait(`document.querySelector('[data-number="09353333333"]')`)
	p.click(".inbound .reply")
	p.wait(`!document.querySelector('#about').hidden`)
	p.write("half an ans")
	value := `document.querySelector('#words').value`
	p.wait(value + ` === 'half an ans'`)

	p.click(`.person:has([value="500000001"])`)
	p.click(".topic button", "General")
	p.waitText("#chat-title", "Desk")
	p.wait(value + ` === '' && document.querySelector('#about').hidden`)
	p.click("#words")
	p.write("another")
	p.wait(value + ` === 'another'`)
	p.click(`[data-number="` + second + `"] textarea`)
	p.write("half an SMS")
	p.do(chromedp.Reload())
	p.waitText("#chat-title", "Desk")
	p.wait(value + ` === 'another'`)
	p.wait(`document.querySelector('.person :checked').value === '500000001'`)
	p.wait(`document.querySelector('[data-number="09353333333"]')`)
	p.wait(`document.querySelector('[data-number="` + second + `"] textarea').value === 'half an SMS'`)

	p.click(`.person:has([value="500000002"])`)
	p.click("#chats button", "Support")
	p.wait(`document.querySelector('.person :checked').value === '500000002'`)
	p.wait(value + ` === 'half an ans'`)
	p.waitText("#about", "Hello")
	p.wait(`location.hash.startsWith('#500000002/')`)
	p.click("#words")
	p.press(kb.End)
	p.write("wer")
	p.press(kb.Enter)
	p.waitText(`[data-number="`+first+`"] .sms:not(.own)`, "half an answer")
	p.wait(value + ` === ''`)
	p.do(chromedp.Reload())
	p.waitText("#messages .own", "half an answer")
	p.wait(value + ` === '' && document.querySelector('#about').hidden`)

	// An edit gives way to what was begun before it.
	p.click("#words")
	p.write("begun")
	p.click(".own .edit")
	p.wait(value + ` === 'half an answer'`)
	p.press(kb.Escape)
	p.wait(value + ` === 'begun'`)
}

// TestTheBackButton: it leads from chat to chat, in the order they were chosen, also after a reload; and whoever has been to another page finds the person,
// the chat, what was begun to be written and the telephones on the way back.
func TestTheBackButton(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "<!doctype html><p id=elsewhere>Elsewhere")
	}))
	defer elsewhere.Close()
	at := func(person, title, words string) {
		p.Helper()
		p.wait(fmt.Sprintf(`document.querySelector('.person :checked')?.value === %q && document.querySelector('#chat-title').textContent === %q && document.querySelector('#words').value === %q`,
			person, title, words))
	}
	const sara, ali = "500000001", "500000002"
	// A little later: the page may be gone before it has answered.
	back := func() { p.Helper(); eval[bool](p, "setTimeout(() => history.back()), true") }
	forward := func() { p.Helper(); eval[bool](p, "setTimeout(() => history.forward()), true") }

	p.send("#add-phone input", "09353333333")
	p.click("#words")
	p.write("to the group")
	p.click("#begin-guide, #guide .quiet") // the cursor goes to a telephone: nothing that one could go back from
	p.wait(`document.activeElement.matches('.phone textarea')`)
	eval[bool](p, fmt.Sprintf(`document.querySelector('.person [value="%s"]').click(), [...document.querySelectorAll('#chats button')].find((n) => n.textContent.includes('Sales')).click(), true`, ali)) // both before anything is drawn
	at(ali, "Sales", "")
	p.click("#words")
	p.write("to Sales")
	p.click(`.person:has([value="` + sara + `"])`)
	at(sara, "Sales", "")
	p.click("#chats button", "Peyk")
	at(sara, "Peyk", "")

	p.do(chromedp.Reload())
	at(sara, "Peyk", "")
	back()
	at(sara, "Sales", "")
	back()
	at(ali, "Sales", "to Sales")
	p.do(chromedp.Navigate(elsewhere.URL))
	p.wait(`document.querySelector('#elsewhere')`)
	back()
	at(ali, "Sales", "to Sales")
	p.wait(`document.querySelector('[data-number="09353333333"]')`)
	back()
	at(ali, "Support", "to the group")
	forward()
	at(ali, "Sales", "to Sales")

	// Where one can be no more, back leads to what is there, and on.
	p.click("#chats button", "Support")
	at(ali, "Support", "to the group")
	p.curl("/telegram/member", "chat=Sales", "user=Ali", "do=remove")
	p.wait(`!document.querySelector('#chats').textContent.includes('Sales')`)
	p.click("#chats button", "Peyk")
	at(ali, "Peyk", "")
	back()
	at(ali, "Support", "to the group")
	back() // it was Sales
	at(ali, "Support", "to the group")
	p.wait(`location.hash.startsWith('#500000002/-1002000000001/')`)
	forward()
	at(ali, "Support", "to the group")
	forward()
	at(ali, "Peyk", "")
	back()
	at(ali, "Support", "to the group")

	// A browser that sets the page aside whole shows it anew: it has heard nothing meanwhile.
	eval[bool](p, `document.body.id = 'old', dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))`)
	p.wait(`document.body.id !== 'old'`)
	at(ali, "Support", "to the group")

	// On a narrow screen the parts of the page are such places, too.
	p.looks(look{390, 844, "en", false})
	p.click(".tabs [data-tab=telegram]") // the guide has led to the telephones
	p.click("#to-chats")
	p.wait(`document.querySelector('#people').checkVisibility()`)
	p.click(".tabs [data-tab=phones]")
	p.wait(`document.querySelector('#phones').checkVisibility()`)
	back()
	p.wait(`document.querySelector('#people').checkVisibility()`)
	back()
	p.wait(`document.querySelector('#messages').checkVisibility()`)
}

// TestOneZone: both columns and the bot tell the same time, in whatever zone the reader is.
func TestOneZone(t *testing.T) {
	t.Parallel()
	p := newTab(t, wide)
	if _, err := chromedp.Call(p.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "America/New_York"}); err != nil {
		t.Fatal(err)
	}
	p.visit()
	p.wait(bridgeRuns)
	p.curl("/panel/sms", "from="+first, "text=What time is it?", "time=1789000000") // 03:56 in Tehran
	p.waitText("#messages .inbound", "03:56")
	p.waitText(".phone .own time", "03:56")
}

// TestAVisitorIsMetInTheirLanguage: whoever has a browser in Persian reads no English word of the bot and no English name, and has pressed nothing for it.
func TestAVisitorIsMetInTheirLanguage(t *testing.T) {
	t.Parallel()
	p := open(t, look{1280, 800, "fa", false})
	p.waitText("#chats", "میز خدمت")
	if names := eval[string](p, `document.querySelector('.side').innerText + document.querySelector('.chat-head').innerText`); strings.ContainsFunc(names, func(r rune) bool { return r <= 'z' && unicode.IsLetter(r) }) {
		t.Errorf("not all names are Persian: %s", names)
	}
	p.send("#words", "/credit")
	p.waitText("#messages .bot", "اعتبار")
	p.click(`.person:has([value="500000001"])`)
	p.click("#chats button", "پیک")
	p.send("#words", "/start")
	p.waitText("#messages .bot", "پاسخ")
}
