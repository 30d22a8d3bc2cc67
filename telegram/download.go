package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// MaxDownload is the largest file in bytes that Telegram hands to a bot (https://core.telegram.org/bots/api#getfile).
const MaxDownload = 20 << 20

// slowestDownload is how many bytes a second a download must at least get through.
const slowestDownload = 32 << 10

// ErrTooLarge is that a file holds more bytes than were wanted, or than Telegram hands out.
var ErrTooLarge = errors.New("the file is too large")

// Attachment is a file that somebody sent. Its name and size are what the sender's app says.
type Attachment struct {
	ID   string
	Name string
	Size int64
}

// Download returns what a file holds, at most limit bytes. The error is ErrTooLarge if that is more, and an Error when it cannot be had.
func (t *Client) Download(ctx context.Context, id string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout+time.Duration(limit/slowestDownload)*time.Second)
	defer cancel()
	result, err := t.call(ctx, "getFile", map[string]any{"file_id": id})
	if e, ok := errors.AsType[*Error](err); ok && strings.Contains(e.Reason, "file is too big") {
		return nil, ErrTooLarge
	}
	if err != nil {
		return nil, err
	}
	var file struct {
		Path string `json:"file_path"`
		Size int64  `json:"file_size"`
	}
	switch err := json.Unmarshal(result, &file); {
	case err != nil || file.Path == "":
		return nil, &Error{method: "getFile", Reason: "unreadable answer"}
	case file.Size > limit:
		return nil, ErrTooLarge
	}
	content, err := t.fetch(ctx, file.Path, limit)
	if err != nil && err != ErrTooLarge {
		e := unanswered("download", err)
		e.Reason = t.redact(e.Reason)
		return nil, e
	}
	return content, err
}

// fetch reads a file from its path on the server. A local server may name one on its own disk, which nobody serves.
func (t *Client) fetch(ctx context.Context, path string, limit int64) ([]byte, error) {
	address := strings.TrimRight(t.opts.URL, "/") + "/file/bot" + t.opts.Token + "/" + (&url.URL{Path: path}).EscapedPath()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, withoutURL(err)
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, t.statusOf(resp)
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, withoutURL(err)
	case int64(len(content)) > limit:
		return nil, ErrTooLarge
	}
	return content, nil
}
