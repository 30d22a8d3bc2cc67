package panel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// LocalOnly passes on requests whose Host is a loopback address or localhost and which no other web site sent, and answers 403 to the
// rest: another page open in the same browser must not be able to control the sandbox or watch it. A link to it may be followed.
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
		site, followed := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
		if site != "" && site != "same-origin" && site != "none" && !followed {
			http.Error(w, "the request comes from another site", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// readForm reads form fields, or a flat JSON object of the same names. curl labels JSON as a form too, so the body decides, not its
// Content-Type. If it cannot be read, it has answered and reports false.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		Refuse(w, "read the fields: "+err.Error())
		return nil, false
	}
	if b := bytes.TrimSpace(body); len(b) == 0 || b[0] != '{' {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			Refuse(w, "read the form: "+err.Error())
			return nil, false
		}
		return form, true
	}
	fields := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // an id keeps all its digits
	if err := d.Decode(&fields); err != nil {
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
