package telegram

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

func (b *bot) upload(p map[string]string, field, name string, data []byte) answer {
	b.t.Helper()
	return b.uploadBy("sendDocument", p, field, name, data)
}

func (b *bot) uploadBy(method string, p map[string]string, field, name string, data []byte) answer {
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
	req, err := http.NewRequestWithContext(deadline(b.t), "POST", b.base+"/bot"+b.s.Token()+"/"+method, &form)
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

// drawing returns a PNG of that size.
func drawing(t testing.TB, width, height int) []byte {
	t.Helper()
	var file bytes.Buffer
	check(t, png.Encode(&file, image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White, color.Black})))
	return file.Bytes()
}

func TestPhotos(t *testing.T) {
	s, b, _, team := room(t, Options{})
	chat := map[string]string{"chat_id": fmt.Sprint(team), "caption": "<b>Figures</b>", "parse_mode": "HTML"}
	picture := drawing(t, 80, 60)
	a := b.uploadBy("sendPhoto", chat, "photo", "stats.png", picture)
	var m wireMessage
	if !a.OK || json.Unmarshal(a.Result, &m) != nil || len(m.Photo) != 1 || m.Photo[0].Width != 80 || m.Photo[0].Height != 60 || m.Document != nil || m.Caption != "Figures" {
		t.Fatalf("got %+v %s", a, a.Result)
	}
	if seen := s.Messages(team)[0]; !seen.Document.Photo || !bytes.Equal(seen.Document.Data, picture) || seen.Text != "Figures" {
		t.Errorf("people see %+v", seen)
	}
	b.must(nil, "sendPhoto", params{"chat_id": team, "photo": m.Photo[0].FileID})
	b.refused("Bad Request: can't use file of type Photo as Document", "sendDocument", params{"chat_id": team, "document": m.Photo[0].FileID})
	b.refused("Bad Request: there is no text in the message to edit", "editMessageText", params{"chat_id": team, "message_id": m.ID, "text": "x"})
	b.refused("Bad Request: there is no photo in the request", "sendPhoto", params{"chat_id": team})
	b.refused("Bad Request: message caption is too long", "sendPhoto", params{"chat_id": team, "caption": strings.Repeat("x", 1025)})
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"empty":           {nil, "file must be non-empty"},
		"too heavy":       {make([]byte, largestPhoto+1), "file of size 10485761 bytes is too big for a photo; the maximum size is 10485760 bytes"},
		"a text":          {[]byte("figures"), "IMAGE_PROCESS_FAILED"},
		"cut off":         {picture[:len(picture)-20], "IMAGE_PROCESS_FAILED"},
		"too large":       {drawing(t, 9524, 477), "PHOTO_INVALID_DIMENSIONS"},
		"too long a line": {drawing(t, 201, 10), "PHOTO_INVALID_DIMENSIONS"},
	} {
		if a := b.uploadBy("sendPhoto", chat, "photo", "x.png", test.data); a.Description != "Bad Request: "+test.want {
			t.Errorf("%s: got %+v", name, a)
		}
	}
	for _, size := range [][2]int{{9523, 477}, {200, 10}} {
		if a := b.uploadBy("sendPhoto", chat, "photo", "x.png", drawing(t, size[0], size[1])); !a.OK {
			t.Errorf("%v: got %+v", size, a)
		}
	}
}
