package panel

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzServeHTTP sends anything: the panel must answer, and what it takes for a call must be one of the five.
func FuzzServeHTTP(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.request.http")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		request, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		_, body, _ := strings.Cut(string(request), "\r\n\r\n")
		f.Add("text/xml; charset=utf-8", body, false)
	}
	f.Add("text/xml", "<a><Body><GetMsg/></Body></a>", true)
	f.Fuzz(func(t *testing.T, contentType, body string, native bool) {
		opts := Options{}
		if native {
			opts.Dialect = Native
		}
		s := New(opts)
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		q := s.Requests()
		if len(q) != 1 {
			t.Fatalf("got %d requests, want one", len(q))
		}
		if (w.Code == http.StatusOK) != (q[0].Answer != "fault" && q[0].Answer != "crash") {
			t.Errorf("got status %d for %+v", w.Code, q[0])
		}
		if q[0].Answer != "fault" && !strings.Contains(" GetCredit SendSMS SendMultipleSMS GetStatus GetMsg ", " "+q[0].Method+" ") {
			t.Errorf("got a call of %q", q[0].Method)
		}
	})
}
