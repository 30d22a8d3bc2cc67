package sandbox

import (
	"net/http"

	"peyk/sandbox/panel"
	"peyk/sandbox/telegram"
)

// newControl is the one address from which everything is played: the controls of both sides and the bridge's process. The page at / is a
// handler of its own, to be replaced as a whole.
func newControl(tg *telegram.Server, sms *panel.Server, b *bridge) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", page)
	mux.Handle("/telegram/", http.StripPrefix("/telegram", &byName{tg, tg.Control()}))
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
	return panel.LocalOnly(mux)
}
