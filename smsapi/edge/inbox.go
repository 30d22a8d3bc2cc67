package edge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"peyk/sms"
	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// perPage is how many rows a page has that we ask for. The panel may give fewer.
const perPage = 100

// mostUnseen is how many SMS are read at most, or a page more, where nobody has read before.
const mostUnseen = 1000

// Fetch reads a page of what came after at.After. Whether from_id means that, the documentation says in words and denies by its example: there the
// rows are those at or below it. What shows that is followed by a reading from the newest down, without from_id; see Decode.
func (c *Client) Fetch(ctx context.Context, at smsapi.Place) (smsapi.Answer, error) {
	body := map[string]any{"page": at.Page + 1, "per_page": perPage}
	if at.After != "" && !at.Down {
		body["filters"] = map[string]any{"from_id": json.Number(at.After)}
	}
	_, r, err := c.post(ctx, "report/messages-inbox", body)
	return smsapi.Answer{ContentType: r.ContentType, Body: r.Body, Cut: r.Cut != nil, Holds: bytes.Contains(r.Body, []byte(`"messages_inbox_id"`)), At: at}, err
}

// Decode returns the SMS in an answer of Fetch, in the order of their ids, and where to go on. Complete ones are returned along with an error, too. What makes no
// SMS is one whose text is the row as it stood: it must hide no other. Where nobody has read before, what was seen at the panel is none.
func Decode(a smsapi.Answer) (smsapi.Inbox, error) {
	said := read(a.Body)
	err := said.failed(exchange.Reply{Status: http.StatusOK})
	first, down := a.At.After == "", a.At.Down || a.At.After == ""
	in, next, met := smsapi.Inbox{}, a.At, false // met: rows that are known
	upwards, before := true, a.At.After          // each row's id is above the one before
	for _, raw := range said.data {
		var row struct {
			ID                 exchange.Scalar `json:"messages_inbox_id"`
			From, Number, Time exchange.Scalar
			Message            *string
			Seen               exchange.Scalar
		}
		broken := json.Unmarshal(raw, &row) != nil || row.ID.ID() == "" || row.Message == nil
		id := row.ID.ID()
		upwards, before = upwards && later(id, before), id
		if later(id, next.Top) {
			next.Top = id
		}
		if id != "" && !later(id, a.At.After) || first && !broken && row.Seen != "" && row.Seen != "0" {
			met = true
			continue
		}
		m := sms.Message{
			Direction:    sms.Inbound,
			Conversation: sms.Conversation{Line: sms.NormalizeLine(string(row.Number)), Customer: sms.Normalize(string(row.From))},
			InboxID:      id,
		}
		if broken {
			m.Text, m.Verbatim = string(raw), true
			if sum := sha256.Sum256(raw); id == "" {
				m.InboxID = sms.ID("row " + hex.EncodeToString(sum[:8]))
			}
		} else {
			m.Text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(*row.Message)
		}
		if n, err := strconv.ParseInt(string(row.Time), 10, 64); err == nil && n > 0 {
			m.Time = time.Unix(n, 0)
		}
		in.Messages = append(in.Messages, m)
	}
	slices.SortStableFunc(in.Messages, func(a, b sms.Message) int {
		switch {
		case later(b.InboxID, a.InboxID):
			return -1
		case later(a.InboxID, b.InboxID):
			return 1
		}
		return 0
	})
	switch {
	case met && !down:
		next.Down, next.Page, in.More = true, 0, true
	case !said.last() && upwards && !down: // page by page, what came between a short page and the next one would be passed over
		next.After, next.Page, in.More = next.Top, 0, true
	case !said.last() && !(met && down) && !(first && (next.Page+1)*len(said.data) >= mostUnseen):
		next.Page, in.More = next.Page+1, true
	default:
		next = smsapi.Place{After: next.Top, Down: next.Down}
		if !later(next.After, a.At.After) {
			next.After = a.At.After
		}
	}
	in.Next = next
	return in, err
}

// Decode is the package's.
func (*Client) Decode(a smsapi.Answer) (smsapi.Inbox, error) { return Decode(a) }

// later reports whether an id is above another, as numbers of any size; none is below all.
func later(a, b sms.ID) bool {
	x, y := strings.TrimLeft(string(a), "0"), strings.TrimLeft(string(b), "0")
	return len(x) > len(y) || len(x) == len(y) && x > y
}
