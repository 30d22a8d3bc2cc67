package telegram

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

func (b *bot) upload(p map[string]string, field, name string, data []byte) answer {
	b.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for k, v := range p {
		check(b.t, w.WriteField(k, v))
	}
	part, err := w.CreateFormFile(field, name)
	check(b.t, err)
	part.Write(data)
	check(b.t, w.Close())
	req, err := http.NewRequestWithContext(deadline(b.t), "POST", b.base+"/bot"+b.s.Token()+"/sendDocument", &form)
	check(b.t, err)
	req.Header.Set("Content-Type", w.FormDataContentType())
	a, err := b.do(req)
	check(b.t, err)
	return a
}

func (b *bot) download(path string) (int, string) {
	b.t.Helper()
	resp, err := b.http.Get(b.base + "/file/bot" + b.s.Token() + "/" + path)
	check(b.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	check(b.t, err)
	return resp.StatusCode, string(body)
}

func TestDocumentsGoBothWays(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	chat := map[string]string{"chat_id": fmt.Sprint(team), "caption": "<b>Report</b>", "parse_mode": "HTML"}
	a := b.upload(chat, "document", "report.csv", []byte("0912,delivered"))
	var m wireMessage
	if !a.OK || json.Unmarshal(a.Result, &m) != nil || m.Document == nil || m.Document.FileName != "report.csv" || m.Caption != "Report" || len(m.CaptionEntities) != 1 {
		t.Fatalf("got %+v %s", a, a.Result)
	}
	if seen := s.Messages(team)[0]; string(seen.Document.Data) != "0912,delivered" || seen.Text != "Report" {
		t.Errorf("people see %+v", seen)
	}
	b.must(nil, "sendDocument", params{"chat_id": team, "document": m.Document.FileID})
	chat["document"] = "attach://part"
	if a := b.upload(chat, "part", "x.txt", []byte("x")); !a.OK {
		t.Errorf("attach: got %+v", a)
	}

	say(t, s, Post{Chat: owner.ID, From: owner.ID, Document: &Document{Name: "numbers.csv", MIME: "text/csv", Data: []byte("0912")}})
	id := b.updates()[0].Message.Document.FileID
	var file struct {
		Path string `json:"file_path"`
		Size int    `json:"file_size"`
	}
	b.must(&file, "getFile", params{"file_id": id})
	if status, body := b.download(file.Path); status != 200 || body != "0912" || file.Size != 4 || !strings.HasSuffix(file.Path, ".csv") {
		t.Errorf("got %d %q, %+v", status, body, file)
	}
	if status, _ := b.download("documents/file_99"); status != 404 {
		t.Errorf("no such file: got %d", status)
	}
}

func TestDocumentsAreRefusedAsTelegramDoes(t *testing.T) {
	s, b, owner, team := room(t, Options{})
	chat := map[string]string{"chat_id": fmt.Sprint(team)}
	b.refused("Bad Request: there is no document in the request", "sendDocument", params{"chat_id": team})
	b.refused("Bad Request: wrong file identifier/HTTP URL specified", "sendDocument", params{"chat_id": team, "document": "x"})
	b.refused("Bad Request: message caption is too long", "sendDocument", params{"chat_id": team, "caption": strings.Repeat("x", 1025)})
	b.refused("Bad Request: wrong file_id or the file is temporarily unavailable", "getFile", params{"file_id": "x"})
	if a := b.upload(chat, "document", "x", nil); a.Description != "Bad Request: file must be non-empty" {
		t.Errorf("empty: got %+v", a)
	}
	check(t, s.Arm(Fault{Kind: TooMany, RetryAfter: 3}))
	if a := b.upload(chat, "document", "x", []byte("x")); a.Code != 429 || a.Parameters.RetryAfter != 3 {
		t.Errorf("429: got %+v", a)
	}
	say(t, s, Post{Chat: owner.ID, From: owner.ID, Document: &Document{Name: "big", Data: make([]byte, largestDownload+1)}})
	b.refused("Bad Request: file is too big", "getFile", params{"file_id": b.updates()[0].Message.Document.FileID})
}
