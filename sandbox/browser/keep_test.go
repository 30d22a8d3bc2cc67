package browser

import (
	"testing"

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
	p.do(chromedp.Reload())
	p.waitText("#chat-title", "Desk")
	p.wait(value + ` === 'another'`)
	p.wait(`document.querySelector('.person :checked').value === '500000001'`)
	p.wait(`document.querySelector('[data-number="09353333333"]')`)

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

// TestAVisitorIsMetInTheirLanguage: whoever has a browser in Persian reads no English word of the bot, and has pressed nothing for it.
func TestAVisitorIsMetInTheirLanguage(t *testing.T) {
	t.Parallel()
	p := open(t, look{1280, 800, "fa", false})
	p.send("#words", "/credit")
	p.waitText("#messages .bot", "اعتبار")
	p.click(`.person:has([value="500000001"])`)
	p.click("#chats button", "Peyk")
	p.send("#words", "/start")
	p.waitText("#messages .bot", "پاسخ")
}
