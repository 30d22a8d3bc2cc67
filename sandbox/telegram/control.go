package telegram

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"
)

// order is the body of every POST except /user, /say, /fault and /limits: a JSON object with the fields that the address needs.
type order struct {
	Chat    int64           `json:"chat"`
	From    int64           `json:"from"` // who does it
	User    int64           `json:"user"` // to whom
	Message int             `json:"message"`
	Topic   int             `json:"topic"`
	Do      string          `json:"do"` // which of several things
	Kind    string          `json:"kind"`
	Title   string          `json:"title"`
	Members []int64         `json:"members"`
	Name    string          `json:"name"`
	Text    string          `json:"text"`
	Data    string          `json:"data"`
	Emoji   []string        `json:"emoji"`
	Rights  Rights          `json:"rights"`
	On      bool            `json:"on"`
	Update  json.RawMessage `json:"update"`
	ID      int64           `json:"id"`
	Seconds float64         `json:"seconds"`
}

// Control returns the people's and the tester's side as JSON over HTTP, for curl and for the sandbox's page. Answers are JSON; a
// refusal is 400 with {"error": "..."}. Requests must name a loopback host and must not come from another site's page.
//
//	GET  /chats /users /updates /calls /faults /throttled
//	GET  /messages?chat=ID                       all messages of a chat
//	GET  /commands?chat=ID&user=ID               the menu a person sees there
//	GET  /events                                 what happens from now on, as server-sent events named by their kind
//	POST /user      User                         {"first_name":"Sara"}: add a person
//	POST /group     kind title members           kind is "group", "supergroup", "forum" or "channel": the new id
//	POST /say       Post                         {"chat":-100…,"from":5…,"text":"/help"}: the message's id
//	POST /edit      from chat message text
//	POST /delete    chat message
//	POST /unpin     from chat message
//	POST /react     from chat message emoji      {"emoji":["👍"]}, none takes them back
//	POST /age       chat message                 too old for the bot to be told of: edits fail, its buttons come without it
//	POST /press     from chat message data seconds   waits up to seconds, 0 means 10, for the bot's answer
//	POST /inline    from text seconds            types behind the bot's name: its results, waited for as for /press
//	POST /bot       chat do from rights          do is "add", "remove" or "rights"
//	POST /member    chat user do                 do is "add", "remove", "promote" or "demote"
//	POST /block     user on
//	POST /reactions chat on                      off forbids them
//	POST /migrate   chat                         the new id
//	POST /topic     from chat do topic name      do is "add", "rename", "close", "reopen" or "delete"
//	POST /fault     Fault                        {"kind":"close_after","method":"sendMessage"}
//	POST /disarm    kind                         takes faults of that kind back, or all
//	POST /down      on
//	POST /old       on                           see SetOld
//	POST /limits    Limits
//	POST /raw       update                       an update of any shape
//	POST /redeliver id
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	get := func(path string, f func(url.Values) any) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { writeJSON(w, http.StatusOK, f(r.URL.Query())) })
	}
	number := func(v url.Values, name string) int64 {
		n, _ := strconv.ParseInt(v.Get(name), 10, 64)
		return n
	}
	get("/chats", func(url.Values) any { return s.Chats() })
	get("/users", func(url.Values) any { return s.Users() })
	get("/updates", func(url.Values) any { return s.Updates() })
	get("/calls", func(url.Values) any { return s.Calls() })
	get("/faults", func(url.Values) any { return s.Armed() })
	get("/throttled", func(url.Values) any { return s.Throttled() })
	get("/messages", func(v url.Values) any { return s.Messages(number(v, "chat")) })
	get("/commands", func(v url.Values) any { return s.CommandsFor(number(v, "chat"), number(v, "user")) })
	mux.HandleFunc("GET /events", s.serveEvents)

	post(mux, "/user", func(_ context.Context, u User) (any, error) { return s.AddUser(u), nil })
	post(mux, "/say", func(_ context.Context, p Post) (any, error) { return id(s.Say(p)) })
	post(mux, "/fault", func(_ context.Context, f Fault) (any, error) { return nil, s.Arm(f) })
	post(mux, "/limits", func(_ context.Context, l Limits) (any, error) { s.SetLimits(l); return nil, nil })
	for path, f := range map[string]func(*Server, context.Context, order) (any, error){
		"/group":  (*Server).orderGroup,
		"/press":  (*Server).orderPress,
		"/inline": (*Server).orderInline,
		"/bot":    (*Server).orderBot,
		"/member": (*Server).orderMember,
		"/topic":  (*Server).orderTopic,
		"/edit": func(s *Server, _ context.Context, o order) (any, error) {
			return nil, s.Edit(o.From, o.Chat, o.Message, o.Text)
		},
		"/delete": func(s *Server, _ context.Context, o order) (any, error) { return nil, s.Delete(o.Chat, o.Message) },
		"/unpin": func(s *Server, _ context.Context, o order) (any, error) {
			return nil, s.Unpin(o.From, o.Chat, o.Message)
		},
		"/age": func(s *Server, _ context.Context, o order) (any, error) { return nil, s.Age(o.Chat, o.Message) },
		"/react": func(s *Server, _ context.Context, o order) (any, error) {
			return nil, s.React(o.From, o.Chat, o.Message, o.Emoji...)
		},
		"/reactions": func(s *Server, _ context.Context, o order) (any, error) { return nil, s.ForbidReactions(o.Chat, !o.On) },
		"/migrate":   func(s *Server, _ context.Context, o order) (any, error) { return id(s.Migrate(o.Chat)) },
		"/disarm": func(s *Server, _ context.Context, o order) (any, error) {
			if o.Kind == "" {
				s.Disarm()
			} else {
				s.TakeBack(FaultKind(o.Kind))
			}
			return nil, nil
		},
		"/down":      func(s *Server, _ context.Context, o order) (any, error) { s.SetDown(o.On); return nil, nil },
		"/old":       func(s *Server, _ context.Context, o order) (any, error) { s.SetOld(o.On); return nil, nil },
		"/raw":       func(s *Server, _ context.Context, o order) (any, error) { return id(s.RawUpdate(string(o.Update))) },
		"/redeliver": func(s *Server, _ context.Context, o order) (any, error) { return nil, s.Redeliver(o.ID) },
		"/block": func(s *Server, _ context.Context, o order) (any, error) {
			if o.On {
				return nil, s.Block(o.User)
			}
			return nil, s.Unblock(o.User)
		},
	} {
		post(mux, path, func(ctx context.Context, o order) (any, error) { return f(s, ctx, o) })
	}
	return sameSite(mux)
}

func (s *Server) orderGroup(_ context.Context, o order) (any, error) {
	switch o.Kind {
	case "group":
		return id(s.AddGroup(o.Title, o.Members...), nil)
	case "supergroup":
		return id(s.AddSupergroup(o.Title, o.Members...), nil)
	case "forum":
		return id(s.AddForum(o.Title, o.Members...), nil)
	case "channel":
		return id(s.AddChannel(o.Title), nil)
	}
	return nil, fmt.Errorf("kind %q: it is group, supergroup, forum or channel", o.Kind)
}

func (s *Server) orderPress(ctx context.Context, o order) (any, error) {
	q, err := s.Press(o.From, o.Chat, o.Message, o.Data)
	if err != nil {
		return nil, err
	}
	ctx, cancel := o.patience(ctx)
	defer cancel()
	return q.Wait(ctx)
}

func (s *Server) orderInline(ctx context.Context, o order) (any, error) {
	q, err := s.Inline(o.From, "supergroup", o.Text)
	if err != nil {
		return nil, err
	}
	ctx, cancel := o.patience(ctx)
	defer cancel()
	return q.Wait(ctx)
}

// patience returns a context that ends once the bot's answer is not waited for any more.
func (o order) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.Seconds == 0 {
		o.Seconds = 10
	}
	return context.WithTimeout(ctx, time.Duration(o.Seconds*float64(time.Second)))
}

func (s *Server) orderBot(_ context.Context, o order) (any, error) {
	switch o.Do {
	case "add":
		return nil, s.AddBot(o.Chat, o.From)
	case "remove":
		return nil, s.RemoveBot(o.Chat, o.From)
	case "rights":
		return nil, s.SetBotRights(o.Chat, o.Rights)
	}
	return nil, fmt.Errorf("do %q: it is add, remove or rights", o.Do)
}

func (s *Server) orderMember(_ context.Context, o order) (any, error) {
	switch o.Do {
	case "add":
		return nil, s.AddMember(o.Chat, o.User)
	case "remove":
		return nil, s.RemoveMember(o.Chat, o.User)
	case "promote", "demote":
		return nil, s.SetAdmin(o.Chat, o.User, o.Do == "promote")
	}
	return nil, fmt.Errorf("do %q: it is add, remove, promote or demote", o.Do)
}

func (s *Server) orderTopic(_ context.Context, o order) (any, error) {
	switch o.Do {
	case "add":
		return id(s.AddTopic(o.From, o.Chat, o.Name))
	case "rename":
		return nil, s.RenameTopic(o.From, o.Chat, o.Topic, o.Name)
	case "close":
		return nil, s.CloseTopic(o.From, o.Chat, o.Topic)
	case "reopen":
		return nil, s.ReopenTopic(o.From, o.Chat, o.Topic)
	case "delete":
		return nil, s.DeleteTopic(o.From, o.Chat, o.Topic)
	}
	return nil, fmt.Errorf("do %q: it is add, rename, close, reopen or delete", o.Do)
}

// id is the answer to a request that makes something.
func id[N int | int64](n N, err error) (any, error) {
	return map[string]N{"id": n}, err
}

// post serves one address whose body is a T. Unknown fields are refused: they are typos.
func post[T any](mux *http.ServeMux, path string, f func(context.Context, T) (any, error)) {
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		var body T
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 2*maxUpload))
		d.DisallowUnknownFields()
		if err := d.Decode(&body); err != nil && r.ContentLength != 0 {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": "body: " + err.Error()})
			return
		}
		answer, err := f(r.Context(), body)
		switch {
		case err != nil:
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		case answer == nil:
			writeJSON(w, http.StatusOK, struct{}{})
		default:
			writeJSON(w, http.StatusOK, answer)
		}
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	events := s.Watch(r.Context())
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flush := http.NewResponseController(w).Flush
	fmt.Fprint(w, ": watching\n\n") // from here on nothing is missed
	flush()
	for e := range events {
		body, err := json.Marshal(e)
		if err != nil {
			continue
		}
		fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Kind, body)
		flush()
	}
}

// sameSite keeps out pages of other sites: by the request's Host, against DNS rebinding, and by its origin.
func sameSite(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := ""
		if !loopback(r.Host) {
			refuse = "the host is not loopback"
		}
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
			refuse = "the request comes from another site"
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
				refuse = "the request comes from another origin"
			}
		}
		if refuse != "" {
			writeJSON(w, http.StatusForbidden, map[string]string{"error": refuse})
			return
		}
		h.ServeHTTP(w, r)
	})
}

func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
