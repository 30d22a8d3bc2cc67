// Package play gives tests a world around a bridge: customers who write, a team that answers, networks that fail, a record of all that, and
// the invariants, which compare what a bridge did with what both networks saw. It runs no bridge: crash runs processes and kills them, sim
// runs one in its own process under simulated time. Whoever runs a bridge reports when it started and how it ended.
package play

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"peyk/sandbox/panel"
	"peyk/sandbox/sandboxtest"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// World is the people, the two networks and a record of what they did. Whoever runs the bridge reports when it started and how it ended.
type World struct {
	*sandboxtest.World // whose group shows inbound SMS, and so does Sara's private chat

	Rand       *rand.Rand // of what people do
	Topics     bool       // the group is a forum with a topic for each customer
	Remembers  bool       // nobody has a customer forgotten
	strict     bool       // somebody forbids reactions in the group now and then
	panel      panel.Options
	Kind       Kind          // of panel
	inSettings int64         // the group, as the settings name it
	Inboxes    []int64       // other groups in the settings, which no invariant is about
	Settings   store.Options // of the team's besides: when it works, when it is reminded, what customers are sent meanwhile
	was        int64         // what the group was before it became a supergroup; 0 if it was none
	migrated   time.Time
	older      older

	hours string // of Settings, as the program reads them

	Outages func() []sandboxtest.Shut // of the panel: when connections were cut, or a bridge stood still on one
	// TelegramOutages are those of Telegram that no fault of a call shows; nil where there are none.
	TelegramOutages func() []sandboxtest.Shut

	DiskFailed func(at time.Time) bool // whether the store's disk took nothing then; nil where it always does
	second     time.Duration           // how long a second of Telegram's limits lasts

	Away map[int64]bool // chats that the bot is not in, nor hears; not both of the group and Sara's
	Left map[int64]bool // chats that it ever was not in

	Mu      sync.Mutex // guards what follows; acts and calls of the networks come from many goroutines
	gone    bool       // Ali is not in the group
	allowed bool       // Omid may use the bot
	refused []Order    // what he said while he might not
	looked  int        // fetches when settled looked last
	quiet   int        // fetches since something was shown
	Past
}

// New returns a World; r decides what its people do.
func New(t testing.TB, r *rand.Rand, tg telegram.Options, sms panel.Options) *World {
	w := &World{World: sandboxtest.New(t, tg, sms), Rand: r, strict: r.IntN(5) == 0, panel: sms, Kind: kindOf(sms.Dialect), second: time.Second}
	if tg.Speed > 0 {
		w.second = time.Duration(float64(time.Second) / tg.Speed)
	}
	w.inSettings = w.Group
	w.Settings.OptOutWords, w.Settings.OptInWords = outWords, inWords
	// The last digit of its number decides what becomes of an SMS.
	for pattern, status := range map[string]int{"*7": w.Kind.failed, "*8": 5, "*9": 6} {
		if err := w.Panel.SetStatusOf(pattern, status); err != nil {
			t.Fatal(err)
		}
	}
	w.Say(telegram.Post{Chat: w.Sara, From: w.Sara, Text: "/start"}) // a bot cannot write first
	w.Say(telegram.Post{Chat: w.Ali, From: w.Ali, Text: "/start"})
	return w
}

var forumRights = telegram.Rights{Admin: true, ManageTopics: true, PinMessages: true}

// UseForum has the team work in a forum, and ask for a topic for each customer. The next bridge answers that it "gets a topic here".
func (w *World) UseForum() {
	w.Helper()
	w.Topics = true
	w.Group = w.TG.AddForum("Desk", w.Sara, w.Ali, w.Omid, w.TG.Bot().ID)
	w.inSettings = w.Group
	if err := w.TG.SetBotRights(w.Group, forumRights); err != nil {
		w.Fatal(err)
	}
	w.Say(telegram.Post{Chat: w.Group, From: w.Sara, Text: "/topics on"})
}

// UseGroup has the team work in a group that may become a supergroup.
func (w *World) UseGroup() {
	w.Group = w.TG.AddGroup("Desk", w.Sara, w.Ali, w.Omid, w.TG.Bot().ID)
	w.inSettings = w.Group
}

// older is what a file holds with which a world begins.
type older struct {
	losses    int             // fetches that the first bridge tells of as perhaps lost,
	mark      time.Time       // and when one of them had begun that was in flight
	batch     store.BatchID   // the last one
	texts     map[string]bool // of all batches, and of orders for later
	scheduled map[string]bool // of these
}

// BeginWith reads the store with which the world begins, whose group is the team's. It is copied to path to be read.
func (w *World) BeginWith(file, path string) {
	w.Helper()
	mark := w.FetchMark(file, path)
	if err := CopyFile(file, path); err != nil {
		w.Fatal(err)
	}
	st, err := store.Open(path, w.StoreOptions())
	if err != nil {
		w.Fatal(err)
	}
	defer st.Close()
	_, losses, err := Losses(st)
	if err != nil {
		w.Fatal(err)
	}
	undecoded, err := st.Undecoded() // in vain
	if err != nil {
		w.Fatal(err)
	}
	batches, err := st.Batches(sms.ChatID(w.Group), 1<<20)
	if err != nil {
		w.Fatal(err)
	}
	scheduled, err := st.ScheduledIn(sms.ChatID(w.Group))
	if err != nil {
		w.Fatal(err)
	}
	for w.Say(telegram.Post{Chat: w.Group, From: w.Sara, Text: "hello"}) < 1000 { // those that the file knows were before
	}
	w.older = older{losses: losses + len(undecoded), mark: mark, texts: map[string]bool{}, scheduled: map[string]bool{}}
	for _, b := range batches {
		w.older.batch = max(w.older.batch, b.ID)
		w.older.texts[b.Text] = true
	}
	for _, o := range scheduled {
		w.older.texts[o.Order.Text], w.older.scheduled[o.Order.Text] = true, true
	}
}

// Migrate makes a supergroup of the team's group, unless it is one, or the bot is not in it.
func (w *World) Migrate() {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	if w.Away[w.Group] {
		return
	}
	if to, err := w.TG.Migrate(w.Group); err == nil { // else it is a supergroup
		w.was, w.Group, w.migrated = w.Group, to, time.Now()
	}
}

// SetClock has Telegram's answers, and its messages, tell another time than this machine's: by so much ahead.
func (w *World) SetClock(answers, messages time.Duration) {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	if answers != 0 {
		w.Ahead = append(w.Ahead, answers)
	}
	w.apart = w.apart || answers != 0 || messages != 0
	w.clockSet = append(w.clockSet, time.Now())
	w.TG.SetClock(answers, messages)
}

// span is from a time to another; zero: it lasts.
type span struct{ from, to time.Time }

// Throw throws the bot out of the group.
func (w *World) Throw() error {
	if n := len(w.Bare); w.Topics && (n == 0 || !w.Bare[n-1].to.IsZero()) {
		w.Bare = append(w.Bare, span{from: time.Now()})
	}
	return w.TG.RemoveBot(w.Group, w.Sara)
}

// Promote gives the bot its rights in the forum again, unless it has them, or is not in it.
func (w *World) Promote() {
	w.Mu.Lock()
	defer w.Mu.Unlock()
	if n := len(w.Bare); n > 0 && w.Bare[n-1].to.IsZero() && !w.Away[w.Group] {
		if err := w.TG.SetBotRights(w.Group, forumRights); err != nil {
			w.Errorf("rights: %v", err)
		}
		w.Bare = slices.Clone(w.Bare) // others read what was
		w.Bare[n-1].to = time.Now()
	}
}

// ids returns what a chat was, and what it is.
func (w *World) ids(chat int64) []int64 {
	if chat == w.Group && w.was != 0 {
		return []int64{w.was, chat}
	}
	return []int64{chat}
}

// NoteCall notes a stage of a call to either network. Mu is held.
func (w *World) NoteCall(method, stage string) {
	if method == "GetMsg" && stage == string(panel.Arrived) {
		w.Fetches = append(w.Fetches, time.Now())
		w.quiet++
	}
	if method == "sendMessage" || method == "sendPhoto" {
		w.quiet = 0
	}
}

// noteLost notes what Telegram gave up as no bridge asked for a day. Mu is held.
func (w *World) noteLost() {
	for _, u := range w.TG.Updates() {
		if !u.Lost || slices.ContainsFunc(w.lost, func(o telegram.Update) bool { return o.ID == u.ID }) {
			continue
		}
		w.lost = append(w.lost, u)
		if aboutOmid(u) {
			w.doubtOmid(u.At)
		}
	}
}

// aboutOmid reports whether an update says whether Omid may use the bot.
func aboutOmid(u telegram.Update) bool {
	return strings.Contains(u.JSON, `"/allow `) || strings.Contains(u.JSON, `"/deny `)
}

// doubtOmid notes that what Sara said of Omid since then may be forgotten: what he said meanwhile may be an order or not. She says it again.
func (w *World) doubtOmid(since time.Time) {
	for i := range w.Orders {
		w.Orders[i].perhaps = w.Orders[i].perhaps || w.Orders[i].From == w.Omid && w.Orders[i].At.After(since)
	}
	w.refused = slices.DeleteFunc(w.refused, func(o Order) bool {
		if o.perhaps = o.At.After(since); o.perhaps {
			w.Orders = append(w.Orders, o)
		}
		return o.perhaps
	})
	w.sayOfOmid()
}

// NoteStart notes that a bridge starts, whether the one before it broke off, and since when a fetch was in flight then. Mu is held.
func (w *World) NoteStart(at time.Time, broken bool, mark time.Time) {
	w.noteLost()
	w.quiet = 0
	if n := len(w.Starts); n > 0 && broken {
		w.Starts[n-1].broken, w.Starts[n-1].mark = true, mark
	}
	w.Starts = append(w.Starts, start{At: at})
}

// NoteTakeover notes that another machine goes on, as NoteStart does of a start.
func (w *World) NoteTakeover(at time.Time, broken bool, mark time.Time) {
	w.NoteStart(at, broken, mark)
	w.Starts[len(w.Starts)-1].takeover = true
}

// Past is what happened. It only grows, so a copy stays valid.
type Past struct {
	Starts    []start
	Fetches   []time.Time // when each GetMsg arrived
	Inbound   []Sender    // who wrote each SMS
	Orders    []Order
	presses   []pressed
	Restored  []restored
	Bare      []span            // when the bot had no rights in the forum
	Ahead     []time.Duration   // how far the time that Telegram's answers tell ever was ahead of this machine's
	apart     bool              // Telegram ever told another time than this machine, by answers or messages: then nothing old may have been forgotten
	clockSet  []time.Time       // when Telegram began to tell another time
	lost      []telegram.Update // that nobody asked for in a day
	named     []named
	imports   int // files of names that Sara sent
	erasings  []erasing
	blockings []blocking
	choices   []choice
	deeds     []deed
	pins      []pinning
}

// Chance returns what a seed decides, for several goroutines at once.
func Chance(seed uint64) *rand.Rand { return rand.New(&source{pcg: rand.NewPCG(seed, 7)}) }

// source lets several goroutines share one source of chance.
type source struct {
	mu  sync.Mutex
	pcg *rand.PCG
}

func (s *source) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pcg.Uint64()
}

// start is a process that began.
type start struct {
	At     time.Time
	broken bool      // it did not end in order,
	mark   time.Time // see markOf, by the clock that it believed

	takeover bool // the one before was on another machine
}

// Sender is who wrote an SMS, to which line of ours, and what.
type Sender struct {
	Customer, Line, text string
	at                   time.Time
	again                bool       // they said the same twice
	wish                 store.Wish // what the text is; none is ""
}

// Order is what an agent wrote to have an SMS sent.
type Order struct {
	Chat       int64
	Message    int
	From       int64
	At         time.Time
	Said       string // the message
	Text       string // of the SMS, unique
	Line       string
	Recipients []string
	Reply      bool
	perhaps    bool          // it may be none: nobody knows whether Omid may use the bot, see doubtOmid
	later      time.Duration // after how long it is to go out; 0: at once
	canned     bool          // it was sent with /c
	bulk       bool          // by a file: each text is of its own, see rowOf
	unheard    bool          // Telegram does not give it to the bot, as it gives no caption in a group whose messages it keeps from bots
	of         []string      // the short ids of the SMS in the message that it replies to
}

// named is a customer whom an agent gave a name.
type named struct {
	customer, name string
	at             time.Time
}

// pressed is a button an agent pressed.
type pressed struct {
	at         time.Time
	by         int64
	batch      store.BatchID
	generation int
	decision   store.Decision
}

// Say has somebody write, and returns the message's id.
func (w *World) Say(p telegram.Post) int {
	w.Helper()
	id, err := w.TG.Say(p)
	if err != nil {
		w.Errorf("say: %v", err) // not Fatal: calls of the networks are other goroutines
	}
	return id
}

// StoreOptions returns the store's options under the bridge's settings.
func (w *World) StoreOptions() store.Options {
	inbox := []sms.ChatID{sms.ChatID(w.inSettings), sms.ChatID(w.Sara)}
	for _, chat := range w.Inboxes {
		inbox = append(inbox, sms.ChatID(chat))
	}
	opts := w.Settings
	opts.Inbox, opts.Admins, opts.RecentPosts = inbox, []sms.AgentID{sms.AgentID(w.Sara)}, 20
	return opts
}

// CopyFile copies the file from to to. Nobody may write to either meanwhile.
func CopyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// Asked returns how often a method of the panel was called.
func (w *World) Asked(method string) int {
	n := 0
	for _, r := range w.Panel.Requests() {
		if r.Method == method {
			n++
		}
	}
	return n
}
