//lint:file-ignore ST1018 Persian is written with U+200C

package telegram

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sandbox "peyk/sandbox/telegram"
)

// received has Sara send a file in private, and returns its id as the update tells it.
func received(t *testing.T, c *Client, server *sandbox.Server, team sandbox.Team, content []byte) *Attachment {
	t.Helper()
	if _, err := server.Say(sandbox.Post{Chat: team.Sara, From: team.Sara, Caption: "/contacts now", Document: &sandbox.Document{Name: "نام‌ها.csv", Data: content}}); err != nil {
		t.Fatal(err)
	}
	updates, err := c.Updates(context.Background(), -1, 0)
	if err != nil || len(updates) != 1 {
		t.Fatalf("got %d updates, %v", len(updates), err)
	}
	m := ReadUpdate(updates[0], User{}).Message
	if m.Command != "contacts" || m.Args != "now" || !m.Media || m.Text != "" || m.File == nil {
		t.Fatalf("got %+v", m)
	}
	return m.File
}

func TestFilesAreDownloaded(t *testing.T) {
	c, server, team, _ := room(t)
	content := bytes.Repeat([]byte("0912"), 1<<18)
	f := received(t, c, server, team, content)
	if f.Name != "نام‌ها.csv" || f.Size != int64(len(content)) {
		t.Errorf("got %+v", f)
	}
	for limit, want := range map[int64]error{MaxDownload: nil, f.Size: nil, f.Size - 1: ErrTooLarge} {
		got, err := c.Download(context.Background(), f.ID, limit)
		if err != want || err == nil && !bytes.Equal(got, content) {
			t.Errorf("at most %d: %d bytes, %v, want %v", limit, len(got), err, want)
		}
	}
	big := received(t, c, server, team, make([]byte, MaxDownload+1))
	if _, err := c.Download(context.Background(), big.ID, MaxDownload); err != ErrTooLarge {
		t.Errorf("a file of more than 20 MB: %v", err)
	}
	if _, err := c.Download(context.Background(), "unknown", MaxDownload); FateOf(err) != Refused {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestDownloadsThatGoWrong: a server may say anything, and the token is in no error.
func TestDownloadsThatGoWrong(t *testing.T) {
	const secret = "AAsecret"
	for name, test := range map[string]struct {
		path string
		file http.HandlerFunc
		want error // nil: any Error
	}{
		"larger than it said": {`"file_path":"a b/ü.csv","file_size":1`, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/file/bot1:"+secret+"/a b/ü.csv" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			io.Copy(w, strings.NewReader(strings.Repeat("x", 2000)))
		}, ErrTooLarge},
		"without a path": {`"file_size":1`, nil, nil},
		"gone":           {`"file_path":"x"`, http.NotFound, nil},
		"somewhere else": {`"file_path":"x"`, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/file/bot1:"+secret+"/y", http.StatusFound)
		}, nil},
		"cut off": {`"file_path":"x"`, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("half"))
		}, nil},
		"no path at all": {`"file_path":"` + secret + `\u0000"`, http.NotFound, nil},
	} {
		t.Run(name, func(t *testing.T) {
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/file/") {
					test.file(w, r)
					return
				}
				io.WriteString(w, `{"ok":true,"result":{"file_id":"f",`+test.path+`}}`)
			}))
			defer web.Close()
			got, err := New(Options{Token: "1:" + secret, URL: web.URL}).Download(context.Background(), "f", 1000)
			if _, ok := errors.AsType[*Error](err); err == nil || got != nil || test.want != nil && err != test.want || test.want == nil && !ok {
				t.Fatalf("got %d bytes, %v", len(got), err)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the token is in %q", err)
			}
		})
	}
}
