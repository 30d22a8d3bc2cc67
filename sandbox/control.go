package sandbox

import (
	"crypto/rand"
	"errors"
	"net/http"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// languages are those of the bridge.
var languages = map[string]bool{"en": true, "fa": true}

// newControl returns the handler of the one address that controls everything: the page, both networks and the bridge's process.
func newControl(tg *telegram.Server, sms *panel.Server, b *bridge, everybody world) http.Handler {
	mux := http.NewServeMux()
	page := &live{tg: tg, sms: sms, bridge: b, world: rand.Text(), named: everybody.named, asked: make(chan struct{})}
	mux.Handle("/", servePage())
	mux.Handle("GET /live", page)
	named := &byName{tg: tg, world: everybody, next: tg.Control(), running: func() bool { return b != nil && b.current().Running }, showing: page.showing}
	mux.Handle("/telegram/", http.StripPrefix("/telegram", named))
	mux.Handle("/panel/", http.StripPrefix("/panel", sms.Control()))
	mux.HandleFunc("GET /bridge", func(w http.ResponseWriter, r *http.Request) { panel.Reply(w, b.current()) })
	for _, what := range []string{"start", "stop", "kill"} {
		mux.HandleFunc("POST /bridge/"+what, func(w http.ResponseWriter, r *http.Request) {
			if err := b.do(r.Context(), what); err != nil {
				panel.Refuse(w, err.Error())
				return
			}
			panel.Reply(w, b.current())
		})
	}
	mux.HandleFunc("POST /bridge/language", func(w http.ResponseWriter, r *http.Request) {
		fields, err := readFields(w, r)
		language := text(fields["language"])
		if err == nil && !languages[language] {
			err = errors.New("language is en or fa")
		}
		if err == nil {
			everybody.speak(tg, language)
			err = b.order(r.Context(), order{what: "language", language: language})
		}
		if err != nil {
			panel.Refuse(w, err.Error())
			return
		}
		panel.Reply(w, b.current())
	})
	mux.HandleFunc("GET /clock", func(w http.ResponseWriter, r *http.Request) { panel.Reply(w, b.clock()) })
	mux.HandleFunc("POST /clock", func(w http.ResponseWriter, r *http.Request) {
		fields, err := readFields(w, r)
		if err == nil {
			err = moveClock(r.Context(), fields, tg, sms, b)
		}
		if err != nil {
			panel.Refuse(w, err.Error())
			return
		}
		panel.Reply(w, b.clock())
	})
	return panel.LocalOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r)
		if r.Method == http.MethodPost {
			page.notify()
		}
	}))
}
