package browser

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"peyk/sandbox"
)

// patience is how long anything may take on a busy machine.
const patience = 2 * time.Minute

var (
	peyk     string          // the real program
	chromium context.Context // one browser for all tests; each has a profile of its own
	missing  string          // why there is none
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "peyk-browser-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		path := ""
		for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
			if path, err = exec.LookPath(name); err == nil {
				break
			}
		}
		if path == "" {
			missing = "there is no Chromium to show the page: apt-get install chromium"
			return m.Run()
		}
		peyk = filepath.Join(dir, "peyk")
		if out, err := exec.Command("go", "build", "-o", peyk, "peyk").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
			chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
			chromedp.Flag("disable-sync", true))
		ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
		defer end()
		ctx, end = chromedp.NewContext(ctx)
		defer end()
		if err := chromedp.Do(ctx); err != nil {
			fmt.Fprintf(os.Stderr, "start chromium: %v\n", err)
			return 1
		}
		chromium = ctx
		return m.Run()
	}())
}

// look is how somebody looks at the page.
type look struct {
	width, height int64
	language      string
	dark          bool
}

var wide = look{1280, 800, "en", false}

// tab is the page of a sandbox, open in the browser.
type tab struct {
	*testing.T
	ctx  context.Context
	addr string
	end  func() // ends the sandbox

	// outage is how long the test let a network be down. Pauses grow: what failed then may be tried again only after as long a time.
	outage time.Duration
}

// open starts a sandbox with the real bridge and opens its page, which knows what there is and has a bridge that runs and speaks its language.
func open(t *testing.T, l look) *tab {
	t.Helper()
	p := newTab(t, l)
	p.visit()
	p.wait(bridgeRuns + fmt.Sprintf(` && document.querySelector('#bridge').dataset.language === %q`, l.language))
	return p
}

// called is the name that somebody or something has on a page in its language.
func (p *tab) called(english string) string {
	p.Helper()
	if eval[string](p, "document.documentElement.lang") == "fa" {
		return map[string]string{"Ali": "علی", "Desk": "میز خدمت", "Peyk": "پیک", "Support": "پشتیبانی"}[english]
	}
	return english
}

// unfold shows the strip with what breaks things.
func (p *tab) unfold() {
	p.Helper()
	p.click("#unfold")
	p.wait(`document.querySelector('#unfold').getAttribute('aria-expanded') === 'true'`)
}

// bridgeRuns holds once the page has heard what there is, and that a bridge is there.
const bridgeRuns = `!document.querySelector('#bridge').hidden && !document.querySelector('#bridge').classList.contains('dead')`

// newTab starts a sandbox with the real bridge and returns an empty tab for its page. Whatever the browser complains of fails the test.
func newTab(t *testing.T, l look) *tab {
	t.Helper()
	if missing != "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	out := &told{changed: make(chan struct{})}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- sandbox.Run(ctx, sandbox.Options{Exe: peyk, Addr: "127.0.0.1:0", Stdout: out, Stderr: io.Discard})
		close(ended)
	}()
	stop := sync.OnceFunc(func() {
		end()
		if err := <-ended; err != nil {
			t.Errorf("the sandbox: %v", err)
		}
	})
	t.Cleanup(stop)
	p := &tab{T: t, addr: out.address(t), end: stop}

	var closeTab context.CancelFunc
	p.ctx, closeTab = chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	heard := make(chan struct{}) // closed when the browser's complaints have been read
	t.Cleanup(func() {
		closeTab()
		<-heard
	})
	if err := chromedp.Do(p.ctx); err != nil { // the tab lives as long as the context of its first call
		close(heard)
		t.Fatal(err)
	}
	complaints := chromedp.Console(p.ctx)
	go func() {
		defer close(heard)
		for m, err := range complaints {
			if err != nil {
				return
			}
			if gone := strings.Contains(m.Text, "ERR_INCOMPLETE_CHUNKED_ENCODING") || strings.Contains(m.Text, "ERR_CONNECTION_REFUSED"); !gone { // the sandbox has ended
				t.Errorf("the browser complains: %s %s", m.Type, m.Text)
			}
		}
	}()
	p.looks(l)
	speaks := fmt.Sprintf("Object.defineProperty(navigator, 'language', { get: () => %q });", l.language)
	if _, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: speaks + beforehand}); err != nil {
		t.Fatal(err)
	}
	// Each tab believes that it is the one somebody looks at: else another that opens takes the keyboard away.
	if _, err := chromedp.Call(p.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	return p
}

// looks gives the page a size and light or dark colours.
func (p *tab) looks(l look) {
	p.Helper()
	p.do(chromedp.EmulateViewport(l.width, l.height))
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}); err != nil {
		p.Fatal(err)
	}
	p.wait(fmt.Sprintf("innerWidth === %d && innerHeight === %d", l.width, l.height))
}

// visit has the browser load the page.
func (p *tab) visit() {
	p.Helper()
	p.do(chromedp.Navigate("http://" + p.addr + "/"))
}

// hold keeps requests whose address matches pattern from leaving the browser. It returns a function that waits for the first and lets it go.
func (p *tab) hold(pattern string) (release func()) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	p.Cleanup(cancel)
	held := chromedp.Events(ctx, fetch.RequestPaused)
	if _, err := chromedp.Call(p.ctx, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: pattern}}}); err != nil {
		p.Fatal(err)
	}
	return func() {
		p.Helper()
		for e, err := range held {
			if err == nil {
				_, err = chromedp.Call(p.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID})
			}
			if err != nil {
				p.Fatal(err)
			}
			return
		}
	}
}

// told collects what the sandbox tells.
type told struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and replaced by each write
}

func (o *told) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.text.Write(b)
}

var firstAddress = regexp.MustCompile(`http://(\S+)/`)

// address waits for the address the sandbox says to open.
func (o *told) address(t *testing.T) string {
	t.Helper()
	late := time.After(patience)
	for {
		o.mu.Lock()
		found, changed := firstAddress.FindStringSubmatch(o.text.String()), o.changed
		o.mu.Unlock()
		if found != nil {
			return found[1]
		}
		select {
		case <-changed:
		case <-late:
			t.Fatal("the sandbox names no address")
		}
	}
}

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.Fatal(err)
	}
}

// eval returns what an expression is in the page.
func eval[T any](p *tab, expression string) T {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience+p.outage+5*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return v
}

// loadedAnew is what the browser says of a script whose page has given way to another: a back button may load one at any moment.
var loadedAnew = regexp.MustCompile(`(?i)navigated|execution context|cannot find context`)

// wait waits, frame by frame, until an expression is true in the page, or in the one that comes in its place.
func (p *tab) wait(expression string) {
	p.Helper()
	look := fmt.Sprintf(`new Promise((done) => {
		const late = performance.now() + %d;
		const look = () => {
			let v;
			try { v = (%s); } catch (e) { v = false; }
			if (v) done('');
			else if (performance.now() > late) done(document.body.innerText);
			else requestAnimationFrame(look);
		};
		look();
	})`, (patience + p.outage).Milliseconds(), expression)
	ctx, cancel := context.WithTimeout(p.ctx, patience+p.outage+5*time.Second)
	defer cancel()
	outcome, err := chromedp.Run(ctx, chromedp.Evaluate[string](look, chromedp.EvalAwaitPromise))
	for err != nil && ctx.Err() == nil && loadedAnew.MatchString(err.Error()) {
		outcome, err = chromedp.Run(ctx, chromedp.Evaluate[string](look, chromedp.EvalAwaitPromise))
	}
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	if outcome != "" {
		p.shot("failed")
		p.Fatalf("it does not come to %s; the page says:\n%s", expression, outcome)
	}
}

// waitText waits until some element a selector finds holds words.
func (p *tab) waitText(selector, words string) {
	p.Helper()
	p.wait(fmt.Sprintf(`[...document.querySelectorAll(%q)].some((n) => n.textContent.includes(%q))`, selector, words))
}

// click clicks with the mouse on the last element a selector finds, as soon as it is there and nothing covers it. With words it is the
// last that holds them. What moves away from under the mouse is clicked once more, and what comes there instead hears nothing of it.
func (p *tab) click(selector string, words ...string) {
	p.Helper()
	find := fmt.Sprintf(`(() => {
		const n = [...document.querySelectorAll(%q)].filter((n) => n.textContent.includes(%q)).at(-1);
		if (!n || n.disabled) return null;
		n.scrollIntoView({ block: 'nearest', inline: 'nearest' });
		const r = n.getBoundingClientRect();
		const at = [r.x + r.width / 2, r.y + r.height / 2];
		const top = document.elementFromPoint(...at);
		if (!(r.width > 0 && top && (n.contains(top) || top.contains(n) && top.tagName === 'LABEL'))) return null;
		aim = n;
		hit = false;
		return at;
	})()`, selector, strings.Join(words, ""))
	for late := time.Now().Add(patience); ; {
		p.wait(find)
		at := eval[[]float64](p, find)
		if len(at) == 2 {
			p.do(chromedp.MouseClickXY(at[0], at[1]))
			if eval[bool](p, "hit") {
				return
			}
		}
		if time.Now().After(late) {
			p.Fatalf("%s moves about", selector)
		}
	}
}

// beforehand runs before the page's own scripts.
const beforehand = `
	// What the mouse is to click next, and whether it did: see click.
	let aim = null, hit = false;
	addEventListener('click', (e) => {
		if (!aim) return;
		hit = e.composedPath().some((x) => x === aim || x === aim.closest('label'));
		aim = null;
		if (!hit) { e.stopImmediatePropagation(); e.preventDefault(); }
	}, true);
	// What is said in passing stays until something else is said: who looks may be late.
	const pass = setTimeout;
	window.setTimeout = (f, ms) => pass(f, ms * 60);
`

// write puts words where the cursor is, as a keyboard of any language does.
func (p *tab) write(words string) {
	p.Helper()
	if _, err := chromedp.Call(p.ctx, input.InsertText, input.InsertTextParams{Text: words}); err != nil {
		p.Fatal(err)
	}
}

func (p *tab) press(key string) {
	p.Helper()
	p.do(chromedp.KeyEvent(key))
}

// send writes words into a field and sends them with Enter.
func (p *tab) send(selector, words string) {
	p.Helper()
	p.click(selector)
	p.write(words)
	p.wait(fmt.Sprintf(`document.querySelector(%q).value === %q`, selector, words))
	p.press(kb.Enter)
	p.wait(fmt.Sprintf(`document.querySelector(%q).value === ''`, selector))
}

// sms writes an SMS on a customer's telephone.
func (p *tab) sms(number, words string) {
	p.Helper()
	p.send(`[data-number="`+number+`"] textarea`, words)
}

// curl asks a control of the sandbox for something the page has no button for.
func (p *tab) curl(path string, fields ...string) {
	p.Helper()
	form := url.Values{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		form.Set(name, value)
	}
	answer, err := http.PostForm("http://"+p.addr+path, form)
	if err != nil {
		p.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != 200 {
		p.Fatalf("%s: %v %s", path, err, body)
	}
}

// sums checks that the counts the page shows add up, and that they come to be the ones wanted, by name.
func (p *tab) sums(want map[string]int) {
	p.Helper()
	const read = `Object.fromEntries([...document.querySelectorAll('[data-count]')].map((n) => [n.dataset.count,
		Number(n.querySelector('dd').textContent.replace(/[۰-۹]/g, (d) => d.charCodeAt(0) - 0x6f0))]))`
	for name, n := range want {
		p.wait(fmt.Sprintf(`(%s)[%q] === %d`, read, name, n))
	}
	c := eval[map[string]int](p, read)
	if len(c) != 13 || c["written"] != c["unread"]+c["fetched"]+c["lost"]+c["shown"] || c["asked"] != c["sent"]+c["refused"]+c["uncertain"] ||
		c["accepted"] != c["underway"]+c["delivered"]+c["failed"] || c["accepted"] < c["sent"] || c["accepted"] > c["sent"]+c["uncertain"] {
		p.Errorf("the counts do not add up: %v", c)
	}
}

// shot saves a picture of the page when there is a place for it.
func (p *tab) shot(name string) {
	p.Helper()
	dir := os.Getenv("PEYK_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(p.Name(), "/", "-")+"-"+name+".png"), png, 0o644)
	}
	if err != nil {
		p.Errorf("save a picture: %v", err)
	}
}
