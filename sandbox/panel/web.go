package panel

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// What controls over HTTP have in common; the sandbox's own use it too.

// LocalOnly passes on requests whose Host is a loopback address or localhost and which no other web site sent, and answers 403 to the
// rest: a page open in the same browser must not be able to play with the sandbox.
func LocalOnly(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		ip := net.ParseIP(strings.Trim(host, "[]"))
		if !strings.EqualFold(host, "localhost") && !ip.IsLoopback() {
			http.Error(w, "only loopback addresses are served", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ReadForm reads form fields or a flat JSON object of the same names. If it cannot, it has answered and reports false.
func ReadForm(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/json" {
		if err := r.ParseForm(); err != nil {
			Refuse(w, "read the form: "+err.Error())
			return nil, false
		}
		return r.Form, true
	}
	fields := map[string]any{}
	d := json.NewDecoder(r.Body)
	d.UseNumber() // a number keeps its digits, an id all of them
	if err := d.Decode(&fields); err != nil && err != io.EOF {
		Refuse(w, "read the JSON object: "+err.Error())
		return nil, false
	}
	form := url.Values{}
	for name, v := range fields {
		form.Set(name, fmt.Sprint(v))
	}
	return form, true
}

// Reply answers 200 with v as JSON.
func Reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.Encode(v)
}

// Refuse answers 400 with a sentence for whoever typed the request.
func Refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"error": why})
}
