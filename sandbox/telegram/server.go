package telegram

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// DefaultToken is the bot's token when Options name none. It is valid nowhere else.
const DefaultToken = "7000000001:AAsandbox-token-for-loopback-only-000"

// maxUpload is the largest request that the real server accepts: a file of 50 MB and a little more.
const maxUpload = 50<<20 + 1<<16

// Options say what differs from an ordinary bot on a Telegram without limits. The zero value works.
type Options struct {
	Token      string  // "" means DefaultToken; the digits before the colon are the bot's id
	Username   string  // the bot's, without @; "" means "PeykSandboxBot"
	FirstName  string  // the bot's; "" means "Peyk"
	Inline     bool    // inline mode is on
	NoPrivacy  bool    // the bot hears everything said in its groups, also where it is no administrator
	Old        bool    // it is a Bot API server of 2021, see SetOld
	Limits     Limits  // flood limits; the zero value has none
	Speed      float64 // how many times faster than real time the clock of Limits runs; 0 means 1
	FirstGroup int64   // the id of the first basic group, from which others count down; 0 means -4000000001
}

// Server is one bot's Telegram. Make it with New.
type Server struct {
	token     string
	noPrivacy bool
	inline    bool
	speed     float64
	start     time.Time
	closed    chan struct{}
	pumps     sync.WaitGroup // goroutines of Watch

	mu            sync.Mutex
	revoked       bool
	old           bool
	bot           *User
	users         map[int64]*User
	userOrder     []int64
	chats         map[int64]*chat
	chatOrder     []int64
	lastUser      int64
	lastGroup     int64
	lastSuper     int64
	lastShared    int // message ids of basic groups and private chats, which share one counter
	queries       map[string]*Query
	lastQuery     int64
	inlineQueries map[string]*InlineQuery // that wait for an answer
	inlineCache   map[inlineKey]inlineCached
	files         map[string]*storedFile // by file_id
	filePaths     map[string]*storedFile
	menus         map[menuKey][]Command

	updates updateQueue

	flood     *limiter
	throttled int

	faults   []*Fault
	disarmed chan struct{} // closed by Disarm, which lets hanging calls end
	down     bool
	wentDown chan struct{} // closed while down
	onCall   func(Stage, string, int64)

	headerAhead, messagesAhead time.Duration // see SetClock
	forwarded                  time.Duration // see Forward

	calls     []Call
	callFeed  feed[Call]
	eventFeed feed[Event]
	lastSeq   int64
}

// New returns a Telegram with no users but the bot.
func New(o Options) *Server {
	if o.Token == "" {
		o.Token = DefaultToken
	}
	if o.Username == "" {
		o.Username = "PeykSandboxBot"
	}
	if o.FirstName == "" {
		o.FirstName = "Peyk"
	}
	if o.Speed <= 0 {
		o.Speed = 1
	}
	if o.FirstGroup == 0 {
		o.FirstGroup = -4000000001
	}
	digits, _, _ := strings.Cut(o.Token, ":")
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		id = 7000000001
	}
	s := &Server{
		token:         o.Token,
		noPrivacy:     o.NoPrivacy,
		old:           o.Old,
		inline:        o.Inline,
		speed:         o.Speed,
		start:         time.Now(),
		closed:        make(chan struct{}),
		bot:           &User{ID: id, FirstName: o.FirstName, Username: o.Username, IsBot: true},
		users:         map[int64]*User{},
		chats:         map[int64]*chat{},
		lastUser:      500000000,
		lastGroup:     o.FirstGroup + 1,
		lastSuper:     -1002000000000,
		queries:       map[string]*Query{},
		inlineQueries: map[string]*InlineQuery{},
		inlineCache:   map[inlineKey]inlineCached{},
		files:         map[string]*storedFile{},
		filePaths:     map[string]*storedFile{},
		menus:         map[menuKey][]Command{},
		flood:         newLimiter(o.Limits),
		disarmed:      make(chan struct{}),
		wentDown:      make(chan struct{}),
	}
	s.updates.init()
	s.users[id] = s.bot
	s.userOrder = append(s.userOrder, id)
	return s
}

// Token returns the token the bot must use.
func (s *Server) Token() string { return s.token }

// Bot returns the bot as a user of Telegram. Its ID is what makes it a member when named to AddGroup and the like.
func (s *Server) Bot() User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.bot
}

// Revoke makes every later call of the bot fail with 401 Unauthorized, as when its owner revokes the token. It cannot be undone.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = true
}

// Close ends long polls, hanging calls, watches and waits. It does not close the listener, which the caller owns.
func (s *Server) Close() {
	s.mu.Lock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	s.mu.Unlock()
	s.pumps.Wait()
}

// SetClock has the Date of answers, and the dates of messages and of what else updates tell, run ahead of this machine's clock from now on; behind
// it when negative. What the people's and the tester's side tells of times stays by this machine's.
func (s *Server) SetClock(header, messages time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.headerAhead, s.messagesAhead = header, messages
}

// Forward has time pass at once: all clocks, also those of the flood limits and of the people, go forward by so much.
func (s *Server) Forward(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forwarded += by
	s.start = s.start.Add(-by)
}

// peoples returns what time it is for the people and the tester. mu is held.
func (s *Server) peoples() time.Time { return time.Now().Add(s.forwarded) }

// now returns what time it is for the bot. mu is held.
func (s *Server) now() time.Time { return s.peoples().Add(s.messagesAhead) }

// sandboxNow returns the time of the flood limits' clock.
func (s *Server) sandboxNow() time.Duration {
	return time.Duration(float64(time.Since(s.start)) * s.speed)
}

// request is one call: all its parameters, wherever in the HTTP request they were.
type request struct {
	http   *http.Request
	method string // as the bot wrote it
	params map[string]string
	files  map[string]*Document
	chat   int64 // chat_id when it is a number, for faults and the log
	old    bool  // the server was old when it came
}

func (r *request) has(name string) bool { _, ok := r.params[name]; return ok }

func (r *request) str(name string) string { return r.params[name] }

func (r *request) int(name string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(r.params[name]))
	return n
}

func (r *request) bool(name string) bool {
	switch strings.ToLower(strings.TrimSpace(r.params[name])) {
	case "true", "yes", "1":
		return true
	}
	return false
}

// apiError is an answer with "ok": false.
type apiError struct {
	code       int
	text       string
	retryAfter int
	migrateTo  int64
	parameters string // instead of the two, as it stands
}

func (e *apiError) Error() string { return e.text }

func bad(format string, args ...any) *apiError {
	return &apiError{code: 400, text: "Bad Request: " + fmt.Sprintf(format, args...)}
}

func forbidden(format string, args ...any) *apiError {
	return &apiError{code: 403, text: "Forbidden: " + fmt.Sprintf(format, args...)}
}

func conflict(text string) *apiError { return &apiError{code: 409, text: "Conflict: " + text} }

func tooMany(seconds int) *apiError {
	return &apiError{code: 429, text: fmt.Sprintf("Too Many Requests: retry after %d", seconds), retryAfter: seconds}
}

// errHangUp ends a call without an answer.
var errHangUp = errors.New("hang up")

// methods are the calls this server knows, by name in lower case. All but getUpdates run with s.mu held.
var methods = map[string]func(*Server, *request) (any, error){
	"getme":                     (*Server).getMe,
	"deletewebhook":             (*Server).deleteWebhook,
	"setwebhook":                (*Server).setWebhook,
	"getwebhookinfo":            (*Server).getWebhookInfo,
	"sendmessage":               (*Server).sendMessage,
	"senddocument":              (*Server).sendDocument,
	"sendphoto":                 (*Server).sendPhoto,
	"sendchataction":            (*Server).sendChatAction,
	"editmessagetext":           (*Server).editMessageText,
	"editmessagereplymarkup":    (*Server).editMessageReplyMarkup,
	"deletemessage":             (*Server).deleteMessage,
	"pinchatmessage":            (*Server).pinChatMessage,
	"unpinchatmessage":          (*Server).unpinChatMessage,
	"setmessagereaction":        (*Server).setMessageReaction,
	"answercallbackquery":       (*Server).answerCallbackQuery,
	"answerinlinequery":         (*Server).answerInlineQuery,
	"setmycommands":             (*Server).setMyCommands,
	"getmycommands":             (*Server).getMyCommands,
	"deletemycommands":          (*Server).deleteMyCommands,
	"getchat":                   (*Server).getChat,
	"getchatmember":             (*Server).getChatMember,
	"getchatadministrators":     (*Server).getChatAdministrators,
	"leavechat":                 (*Server).leaveChat,
	"createforumtopic":          (*Server).createForumTopic,
	"editforumtopic":            (*Server).editForumTopic,
	"closeforumtopic":           (*Server).closeForumTopic,
	"reopenforumtopic":          (*Server).reopenForumTopic,
	"deleteforumtopic":          (*Server).deleteForumTopic,
	"getforumtopiciconstickers": (*Server).getForumTopicIconStickers,
	"getfile":                   (*Server).getFile,
}

// ServeHTTP answers the bot.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/file/bot"); ok {
		token, name, _ := strings.Cut(rest, "/")
		s.serveFile(w, token, name)
		return
	}
	rest, ok := strings.CutPrefix(path, "/bot")
	token, method, slash := strings.Cut(rest, "/")
	if !ok || !slash {
		writeAnswer(w, nil, &apiError{code: 404, text: "Not Found"}, false)
		return
	}
	s.mu.Lock()
	down, authorized := s.down, token == s.token && !s.revoked
	s.mu.Unlock()
	if down {
		if authorized {
			req, _ := readRequest(w, r, method) // of which no more is noted than could be read
			s.record(req, errHangUp, CloseBefore)
		}
		panic(http.ErrAbortHandler)
	}
	s.date(w)
	if !authorized {
		err := &apiError{code: 401, text: "Unauthorized"}
		s.record(&request{method: method}, err, "")
		writeAnswer(w, nil, err, false)
		return
	}
	req, err := readRequest(w, r, method)
	if err != nil {
		if r.Context().Err() != nil {
			panic(http.ErrAbortHandler) // the caller left in the middle of its request
		}
		s.record(req, err, "")
		writeAnswer(w, nil, err, false)
		return
	}
	s.answer(w, req)
}

// date has an answer tell the time that SetClock says it is.
func (s *Server) date(w http.ResponseWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.headerAhead+s.forwarded != 0 {
		w.Header().Set("Date", s.peoples().Add(s.headerAhead).UTC().Format(http.TimeFormat))
	}
}

// answer takes one call through its stages: OnCall's function, the fault if one matches, the method, the answer.
func (s *Server) answer(w http.ResponseWriter, req *request) {
	s.tell(BeforeHandling, req)
	fault := s.takeFault(req)
	err := s.spoilBefore(w, req, fault)
	var result any
	if err == nil {
		result, err = s.handle(req)
		if !errors.Is(err, errHangUp) {
			s.tell(AfterHandling, req)
			if fault.Kind == CloseAfter {
				err = errHangUp
			}
		}
	}
	s.record(req, err, fault.Kind)
	s.date(w) // a long poll took its time
	switch {
	case errors.Is(err, errHangUp):
		panic(http.ErrAbortHandler)
	case errors.Is(err, errGateway):
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		io.WriteString(w, gatewayPage)
	default:
		writeAnswer(w, result, err, fault.Kind == CutAnswer)
	}
}

func (s *Server) handle(req *request) (any, error) {
	name := strings.ToLower(req.method)
	if name == "getupdates" {
		return s.getUpdates(req)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := methods[name]
	if f == nil || s.old && newMethods[name] {
		return nil, &apiError{code: 404, text: "Not Found: method not found"}
	}
	s.dropNew(req)
	return f(s, req)
}

func (s *Server) tell(stage Stage, req *request) {
	s.mu.Lock()
	f := s.onCall
	s.mu.Unlock()
	if f != nil {
		f(stage, req.method, req.chat)
	}
}

// writeAnswer writes the JSON envelope; cut breaks off in the middle of it.
func writeAnswer(w http.ResponseWriter, result any, err error, cut bool) {
	type parameters struct {
		RetryAfter int   `json:"retry_after,omitempty"`
		MigrateTo  int64 `json:"migrate_to_chat_id,omitempty"`
	}
	status := http.StatusOK
	var body []byte
	if err != nil {
		e, ok := errors.AsType[*apiError](err)
		if !ok {
			e = &apiError{code: 500, text: "Internal Server Error"}
		}
		status = e.code
		failed := struct {
			OK          bool            `json:"ok"`
			Code        int             `json:"error_code"`
			Description string          `json:"description"`
			Parameters  json.RawMessage `json:"parameters,omitempty"`
		}{Code: e.code, Description: e.text}
		if e.retryAfter != 0 || e.migrateTo != 0 {
			failed.Parameters, _ = json.Marshal(parameters{e.retryAfter, e.migrateTo})
		}
		if e.parameters != "" {
			failed.Parameters = json.RawMessage(e.parameters)
		}
		body, _ = json.Marshal(failed)
		if e.retryAfter != 0 {
			w.Header().Set("Retry-After", strconv.Itoa(e.retryAfter))
		}
	} else {
		body, err = json.Marshal(struct {
			OK     bool `json:"ok"`
			Result any  `json:"result"`
		}{true, result})
		if err != nil {
			status = http.StatusInternalServerError
			body = []byte(`{"ok":false,"error_code":500,"description":"Internal Server Error"}`)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if cut {
		w.Write(body[:len(body)/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(body)
}

// readRequest gathers the parameters from the query, a form, a multipart form or a JSON object.
func readRequest(w http.ResponseWriter, r *http.Request, method string) (*request, error) {
	req := &request{http: r, method: method, params: map[string]string{}, files: map[string]*Document{}}
	add := func(values url.Values) {
		for name, v := range values {
			req.params[name] = v[0]
		}
	}
	add(r.URL.Query())
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var err error
	switch kind {
	case "multipart/form-data":
		err = req.readMultipart()
	case "application/json":
		err = req.readJSON()
	default:
		var body []byte
		if body, err = io.ReadAll(r.Body); err == nil {
			values, _ := url.ParseQuery(string(body))
			add(values)
		}
	}
	req.chat, _ = strconv.ParseInt(req.params["chat_id"], 10, 64)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return req, &apiError{code: 413, text: "Request Entity Too Large"}
	}
	return req, err
}

func (r *request) readMultipart() error {
	parts, err := r.http.MultipartReader()
	if err != nil {
		return bad("can't parse multipart form")
	}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return err
		}
		if part.FileName() == "" {
			r.params[part.FormName()] = string(data)
			continue
		}
		r.files[part.FormName()] = &Document{Name: part.FileName(), MIME: part.Header.Get("Content-Type"), Data: data}
	}
}

// readJSON keeps strings as they are and everything else as its JSON, which is how the other forms give it.
func (r *request) readJSON() error {
	body, err := io.ReadAll(r.http.Body)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return bad("can't parse JSON object")
	}
	for name, raw := range fields {
		var text string
		switch {
		case string(raw) == "null":
		case json.Unmarshal(raw, &text) == nil:
			r.params[name] = text
		default:
			r.params[name] = string(raw)
		}
	}
	return nil
}
