package browser

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestTheGuideByKeyboard goes the whole way of the guide with keys alone.
func TestTheGuideByKeyboard(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	guided(p, func(role, name string) { p.Helper(); p.tabTo(role, name) })
}

// TestTheGuideByScreenReader goes it by the roles and names of the accessibility tree, as a screen reader does.
func TestTheGuideByScreenReader(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	guided(p, func(role, name string) { p.Helper(); p.focusByName(role, name) })
}

// guided follows the guide. to brings the focus to what has a role and a name; all else is keys.
func guided(p *tab, to func(role, name string)) {
	p.Helper()
	step := func(title string) {
		p.Helper()
		p.waitText("#guide", title)
	}
	press := func(name string) {
		p.Helper()
		to("button", name)
		p.press(kb.Enter)
	}
	focused := func(selector string) {
		p.Helper()
		p.wait(fmt.Sprintf("document.activeElement.matches(%q)", selector))
	}
	step("Be a customer.")
	press("Show me")
	focused(".phone:first-child textarea")
	p.write("Hello, has my parcel left?")
	p.press(kb.Enter)
	step("Now answer it.")
	press("Show me")
	focused(".inbound .reply")
	p.press(kb.Enter)
	focused("#words")
	p.write("It leaves today.")
	p.press(kb.Enter)
	step("Now break it.")
	eval[bool](p, commandsAreThere)
	press("Show me")
	focused("[data-way=kill]")
	p.press(kb.Enter)
	step("Peyk is dead.")
	focused("[data-way=start]") // what can be pressed no more passes the focus on
	press("Show me")
	focused(".phone:nth-child(2) textarea")
	p.write("Are you there?")
	p.press(kb.Enter)
	step("Bring it back.")
	press("Show me")
	focused("[data-way=start]")
	p.press(kb.Enter)
	step("A topic for each customer.")
	press("Let Sara write it")
	p.waitText("#messages .bot", "each customer gets a topic here")
	to("textbox", "SMS from 09121111111")
	p.write("One more question")
	p.press(kb.Enter)
	step("Who waits?")
	press("Let Sara write it")
	step("No answer needed?")
	press("Show me")
	focused(".inbound .react")
	p.press(kb.Enter)
	focused(".offered button:first-child")
	p.press(kb.Enter)
	step("That is all.")
	press("Close the guide")
	p.wait(`document.querySelector('#guide').hidden`)
}

// mostStops is more than there are stops of the Tab key on the page.
const mostStops = 120

// named is whether what has the focus has a role and a name; both are only as much of what a screen reader says as the guide's controls need.
const named = `((role, name) => {
	const n = document.activeElement;
	const is = n.tagName === 'TEXTAREA' ? 'textbox' : n.tagName === 'BUTTON' ? 'button' : '';
	return is === role && (n.getAttribute('aria-label') ?? n.textContent).replace(/[\u2066-\u2069]/g, '').trim() === name;
})(%q, %q)`

// tabTo presses Tab until what has a role and a name has the focus.
func (p *tab) tabTo(role, name string) {
	p.Helper()
	for range mostStops {
		if eval[bool](p, fmt.Sprintf(named, role, name)) {
			return
		}
		p.press(kb.Tab)
	}
	p.Fatalf("Tab does not lead to the %s %q", role, name)
}

// focusByName waits until the accessibility tree has a node of a role and a name, and gives it the focus.
func (p *tab) focusByName(role, name string) {
	p.Helper()
	for late := time.Now().Add(patience); time.Now().Before(late); {
		for _, n := range p.tree() {
			if n.role != role || isolates.Replace(n.name) != name {
				continue
			}
			if _, err := chromedp.Call(p.ctx, dom.Focus, dom.FocusParams{BackendNodeID: n.node.BackendDOMNodeID}); err == nil {
				return
			} // else it has gone meanwhile
		}
	}
	p.Fatalf("there is no %s %q in the tree", role, name)
}

// isolates are the characters that set words of the other direction apart.
var isolates = strings.NewReplacer("\u2066", "", "\u2068", "", "\u2069", "")

// said is what a screen reader says of a node.
type said struct {
	role, name, description string
	node                    *accessibility.Node
}

// tree returns what a screen reader finds on the page.
func (p *tab) tree() []said {
	p.Helper()
	all, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		p.Fatal(err)
	}
	text := func(v *accessibility.Value) string {
		var s string
		if v != nil {
			json.Unmarshal(v.Value, &s) // anything but a string is none
		}
		return s
	}
	var nodes []said
	for _, n := range all.Nodes {
		if !n.Ignored {
			nodes = append(nodes, said{text(n.Role), text(n.Name), text(n.Description), n})
		}
	}
	return nodes
}

// TestAScreenReaderFindsNames: every control has a name, each way to break says beforehand what it does, and the sums have headings.
func TestAScreenReaderFindsNames(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"en", "fa"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			p := open(t, look{1280, 800, language, false})
			p.unfold()
			p.sms(first, "Hello")
			p.waitText("#messages .inbound", "Hello")
			counted := map[string]int{}
			explained := 0
			for _, n := range p.tree() {
				counted[n.role]++
				switch n.role {
				case "button", "textbox", "combobox", "radio", "link", "heading", "list":
					if n.name == "" && (n.role != "list" || n.description != "") {
						t.Errorf("a %s has no name", n.role)
					}
				}
				if n.role == "button" && len(n.description) > len(n.name) {
					explained++
				}
			}
			if counted["heading"] < 12 || counted["button"] < 30 || counted["textbox"] < 3 || counted["radio"] != 3 {
				t.Errorf("the tree has %v", counted)
			}
			if explained < 20 {
				t.Errorf("%d buttons say what they do", explained)
			}
			for code := range 5 {
				selector := fmt.Sprintf(`[data-way="code-%d"]`, code+1)
				eval[bool](p, fmt.Sprintf("document.querySelector(%q).focus(), true", selector))
				p.wait(fmt.Sprintf(`document.querySelector('#tell').textContent.includes('-%d')`, code+1))
			}
		})
	}
}

// TestAChatIsOneStopOfTheTabKey: however many messages there are, Tab leads to one of them; the arrows go from one to the next.
func TestAChatIsOneStopOfTheTabKey(t *testing.T) {
	t.Parallel()
	p := open(t, wide)
	for i := range 6 {
		p.curl("/telegram/say", "from=Omid", fmt.Sprintf("text=question %d", i))
	}
	p.waitText("#messages .message", "question 5")
	const stops = `[...document.querySelectorAll('#messages [data-id]')].filter((m) => [m, ...m.querySelectorAll('*')].some((n) => n.tabIndex >= 0)).map((m) => m.textContent).join()`
	p.wait(fmt.Sprintf(`(%s).includes('question 5') && !(%s).includes('question 4')`, stops, stops))
	last := `document.querySelector('#messages [data-id]:last-child')`
	p.click("#words")
	p.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift))) // the clip
	for range 12 {
		if eval[bool](p, last+".contains(document.activeElement)") {
			break
		}
		p.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)))
	}
	p.press(kb.ArrowUp)
	p.wait(`document.activeElement.matches('[data-id]') && document.activeElement.textContent.includes('question 4')`)
	p.wait(fmt.Sprintf(`(%s).includes('question 4') && !(%s).includes('question 5')`, stops, stops))
	p.press(kb.Home)
	p.wait(`document.activeElement === document.querySelector('#messages [data-id]')`)
	p.press(kb.End)
	p.wait("document.activeElement === " + last)
	p.press(kb.Tab)
	p.wait(last + `.contains(document.activeElement) && document.activeElement.tagName !== 'LI'`)
	if got := eval[string](p, stops); strings.Contains(got, "question 4") {
		t.Errorf("the stops are %s", got)
	}
	// What has the focus keeps it when its message changes.
	p.press(kb.End)
	p.wait("document.activeElement === " + last)
	p.curl("/telegram/edit", "from=Omid", "message=last", "text=question 5, and more")
	p.waitText("#messages .message", "and more")
	p.wait("document.activeElement === " + last)
}
