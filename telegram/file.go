package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"
)

// What Telegram takes at most (https://core.telegram.org/bots/api#sending-files). The sides of a photo may be 10,000 pixels together, and one at most
// 20 times as long as the other.
const (
	MaxFile      = 50 << 20 // bytes of a document
	MaxPhoto     = 10 << 20 // bytes
	CaptionUnits = 1024     // of a caption once it is parsed, in UTF-16
)

// slowestUpload is how many bytes a second an upload must at least get through.
const slowestUpload = 32 << 10

// File goes out with a message, whose text is then its caption.
type File struct {
	Name  string
	Data  io.ReaderAt // read from its beginning in each call
	Size  int64       // bytes
	Photo bool        // to look at: it may lose its name and some of its sharpness
}

// method returns the method that sends f, and the name of the field it goes into.
func (f *File) method() (method, field string) {
	if f.Photo {
		return "sendPhoto", "photo"
	}
	return "sendDocument", "document"
}

// upload makes one call with a file, within callTimeout and what the file may take.
func (t *Client) upload(ctx context.Context, params map[string]any, f *File) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout+time.Duration(f.Size/slowestUpload)*time.Second)
	defer cancel()
	method, _ := f.method()
	return t.ask(ctx, method, params, f)
}

// sendForm makes a call whose body is a form with a file. The library's own way to do that can be neither limited nor given a length.
func (d doer) sendForm(fields tgbotapi.Params, f *File) (*tgbotapi.APIResponse, error) {
	method, field := f.method()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			return nil, err
		}
	}
	if _, err := w.CreateFormFile(field, f.Name); err != nil {
		return nil, err
	}
	head := form.Len()
	if err := w.Close(); err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, strings.TrimRight(d.opts.URL, "/")+"/bot"+d.opts.Token+"/"+method, nil)
	if err != nil {
		return nil, withoutURL(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.ContentLength = int64(form.Len()) + f.Size
	req.GetBody = func() (io.ReadCloser, error) { // asked for again only if nothing of it was written to a connection that had ended
		return io.NopCloser(io.MultiReader(bytes.NewReader(form.Bytes()[:head]), io.NewSectionReader(f.Data, 0, f.Size), bytes.NewReader(form.Bytes()[head:]))), nil
	}
	if req.Body, err = req.GetBody(); err != nil {
		return nil, err
	}
	resp, err := d.Do(req)
	if err != nil {
		return nil, err
	}
	var answer tgbotapi.APIResponse
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if !answer.Ok {
		return nil, errors.New("an answer that is neither a result nor a refusal")
	}
	return &answer, nil
}
