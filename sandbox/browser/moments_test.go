package browser

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestTheBotJoinsAGroupAndIsThrownOut: added by an admin it offers [Show SMS here], after which SMS are shown there; thrown out it tells the admins.
func TestTheBotJoinsAGroupAndIsThrownOut(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	p.click(`.person:has([value="500000001"])`)
	p.click("#chats button", "Sales")
	p.waitText("#messages", "Peyk is not in this group")
	p.click("#join")
	p.click("#messages .keyboard button", "Show SMS here")
	p.waitText("#messages .bot", "are now shown here")
	p.shot("joined")
	p.sms(first, "To whom it may concern")
	p.waitText("#messages .inbound", "concern")
	p.wait(`!document.querySelector('#throw-out').hidden && document.querySelector('#join').hidden`)
	p.click("#throw-out")
	p.wait(`document.querySelector('#throw-out').hidden && !document.querySelector('#join').hidden`)
	p.sms(first, "Are you still there?")
	p.click("#chats button", "Peyk")
	p.waitText("#messages .bot", "Sales")
	p.shot("thrown-out")
}

// TestCreditRunsOut: admins are warned, then the panel refuses, and both are taken back.
func TestCreditRunsOut(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	p.unfold()
	p.click("[data-way=creditLow]")
	p.waitText("#credit", "50")
	p.send("#words", "/send "+first+" Your parcel is here.")
	p.sums(map[string]int{"asked": 1, "sent": 1})
	p.click("[data-way=hour]") // the credit is asked for at most once a minute
	p.click(`.person:has([value="500000001"])`)
	p.click("#chats button", "Peyk")
	p.wait(`/\b(49|50)\b/.test(document.querySelector('#messages').textContent)`) // it may have looked before the SMS went out
	p.shot("low")
	p.click("[data-way=creditOut]")
	p.waitText("#credit", "0")
	p.send("#words", "/send "+first+" And another.")
	p.waitText("#messages .bot", "اعتبار کافی نیست")
	p.sums(map[string]int{"asked": 2, "sent": 1, "refused": 1})
	p.click("#mend")
	p.wait(`document.querySelector('#mend').hidden && document.querySelector('[data-way=creditOut]').getAttribute('aria-pressed') === 'false'`)
}

// TestALostSMSIsCountedAsLost: and once the panel gives it again it is shown.
func TestALostSMSIsCountedAsLost(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	p.unfold()
	p.sms(second, "Hello")
	p.waitText("#messages .inbound", "Hello")
	p.click("[data-way=lostFetch]")
	p.sms(first, "Where am I?")
	p.sums(map[string]int{"written": 2, "lost": 1, "fetched": 0, "shown": 1})
	p.waitText(".phone .own", "lost on the way")
	p.shot("lost")
	p.click("[data-way=again]") // as if the panel had forgotten that it was read
	p.waitText("#messages .inbound", "Where am I?")
	p.sums(map[string]int{"lost": 0, "shown": 2})
}

// TestEverythingLeftToTry presses what the guide offers at its end, and does what it says.
func TestEverythingLeftToTry(t *testing.T) {
	t.Parallel()
	tries(open(t, wide), tryWords{"parcel left?", "Recipients: 2", "Schedule", "opted out"})
}

func TestEverythingLeftToTryInPersian(t *testing.T) {
	t.Parallel()
	tries(open(t, look{1280, 800, "fa", false}), tryWords{"parcel left?", "گیرنده: ۲", "زمان\u200cبندی", "لغو"})
}

type tryWords struct{ sms, recipients, schedule, optedOut string }

func tries(p *tab, say tryWords) {
	p.Helper()
	eval[bool](p, `localStorage.setItem('guide', '99'), true`) // the last step
	p.do(chromedp.Reload())
	p.wait(`document.querySelectorAll('[data-try]').length === 8`)
	p.curl("/panel/sms", "from="+first, "text=Hello, has my parcel left?")
	p.waitText("#messages .inbound", say.sms)
	p.shot("tries")
	try := func(name string) {
		p.Helper()
		p.click("[data-try=" + name + "]")
		p.wait(`document.querySelector('#toasts').textContent !== ''`)
	}
	enter := func(begins string) {
		p.Helper()
		p.wait(fmt.Sprintf(`document.activeElement.id === 'words' && document.activeElement.value.startsWith(%q)`, begins))
		p.press(kb.Enter)
		p.wait(`document.querySelector('#words').value === ''`)
	}

	try("history")
	enter("/history")
	p.wait(`[...document.querySelectorAll('#messages .bot')].filter((n) => n.textContent.includes('parcel')).length === 2`)
	try("waiting")
	enter("/waiting")
	p.wait(`/[1۱]\. /.test([...document.querySelectorAll('#messages .bot')].at(-1).textContent)`)

	try("bulk")
	p.waitText("#messages .own .file", "customers.csv")
	p.waitText("#messages .bot", "Mina")
	p.waitText("#messages .bot", say.recipients)
	p.shot("bulk")
	p.click("#messages .keyboard .success")
	p.waitText(`[data-number="`+second+`"] .arrived`, "Reza")
	p.waitText("#messages .bot .file", ".xlsx")

	try("later")
	enter("/later")
	p.click("#messages .keyboard button", say.schedule)
	p.wait(`!document.querySelector('#messages .keyboard .success')`)
	p.unfold()
	p.click("[data-way=morning]")
	p.wait(`/8:0|۸:۰/.test(document.querySelector('#now').textContent)`)
	p.wait(bridgeRuns)
	p.wait(`document.querySelectorAll('[data-number="` + first + `"] .sms:not(.own)').length === 2`)

	try("optOut")
	p.waitText("#messages .bot", say.optedOut)

	try("export")
	name := download(p, func() {
		enter("/export")
		p.click("#messages .bot .file")
	})
	sheet, err := zip.OpenReader(name)
	if err != nil {
		p.Fatal(err)
	}
	defer sheet.Close()
	all := ""
	for _, f := range sheet.File {
		r, err := f.Open()
		if err != nil {
			p.Fatal(err)
		}
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			p.Fatal(err)
		}
		all += string(b)
	}
	if !strings.Contains(all, "Hello, has my parcel left?") {
		p.Errorf("the export has no such SMS in %d bytes", len(all))
	}

	try("join")
	p.wait(`document.querySelector('#join').checkVisibility()`)
	try("credit")
	enter("/send")
	p.wait(`document.querySelectorAll('[data-number="` + first + `"] .sms:not(.own)').length === 3`)
	p.click("[data-way=hour]") // the credit is asked for at most once a minute
	p.click(`.person:has([value="500000001"])`)
	p.click("#chats button", p.called("Peyk"))
	p.wait(`/49|50|۴۹|۵۰/.test(document.querySelector('#messages').textContent)`)
}

// download has something saved and returns where.
func download(p *tab, save func()) string {
	p.Helper()
	dir := p.TempDir()
	if _, err := chromedp.CallBrowser(p.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID, DownloadPath: dir, EventsEnabled: new(true),
	}); err != nil {
		p.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	progress := chromedp.BrowserEvents(ctx, browser.DownloadProgress)
	save()
	for e, err := range progress {
		if err != nil {
			p.Fatal(err)
		}
		if e.State == browser.DownloadProgressStateCompleted {
			name := filepath.Join(dir, e.GUID)
			if _, err := os.Stat(name); err == nil {
				return name
			}
		}
	}
	p.Fatal("nothing was saved")
	return ""
}
