package telegram

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// How long the real server keeps a query, and a bot's answer for everybody unless that says otherwise
// (https://core.telegram.org/bots/api#answerinlinequery).
const (
	inlineFor      = 30 * time.Second
	inlineCacheFor = 300 * time.Second
	inlineResults  = 50
)

// InlineQuery is what somebody types behind the bot's name, in whatever chat.
type InlineQuery struct {
	ID   string // inline_query_id
	From int64
	Text string

	server   *Server
	at       time.Time
	answered chan struct{} // closed with the results in place
	results  []InlineResult
}

// InlineResult is one of the results that the bot offers: an article, whose text is sent when it is chosen.
type InlineResult struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	Content     struct {
		Text string `json:"message_text"`
	} `json:"input_message_content"`
}

// inlineKey is what a cached answer is for; User is 0 for everybody.
type inlineKey struct {
	user int64
	text string
}

type inlineCached struct {
	results []InlineResult
	until   time.Time
}

// Inline has somebody type a query behind the bot's name, in a chat of a type such as "supergroup". An answer that is still cached is there at once,
// without the bot.
func (s *Server) Inline(from int64, chatType, text string) (*InlineQuery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.inline:
		return nil, errors.New("inline: the bot's inline mode is off")
	case s.users[from] == nil || s.users[from].IsBot:
		return nil, fmt.Errorf("inline: there is no person %d", from)
	case len([]rune(text)) > 256:
		return nil, errors.New("inline: a query has 256 characters at most")
	}
	s.lastQuery++
	q := &InlineQuery{ID: strconv.FormatInt(from<<20+s.lastQuery, 10), From: from, Text: text, server: s, at: time.Now(), answered: make(chan struct{})}
	for _, key := range []inlineKey{{from, text}, {0, text}} {
		if c, ok := s.inlineCache[key]; ok && time.Now().Before(c.until) {
			q.results = c.results
			close(q.answered)
			return q, nil
		}
	}
	s.inlineQueries[q.ID] = q
	s.update("inline_query", map[string]any{"id": q.ID, "from": s.wireUser(from), "query": text, "offset": "", "chat_type": chatType})
	return q, nil
}

// Wait waits for the results. It fails when ctx ends or the server is closed first.
func (q *InlineQuery) Wait(ctx context.Context) ([]InlineResult, error) {
	select {
	case <-q.answered:
		return q.results, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the answer to a query: %w", ctx.Err())
	case <-q.server.closed:
		return nil, errClosed
	}
}

func (s *Server) answerInlineQuery(req *request) (any, error) {
	var results []InlineResult
	if !decode(req.str("results"), &results) {
		return nil, bad("can't parse JSON encoded inline query results")
	}
	if len(results) > inlineResults {
		return nil, bad("RESULTS_TOO_MUCH")
	}
	ids := map[string]bool{}
	for _, r := range results {
		switch {
		case r.Type != "article":
			return nil, bad("results of type %q are real, but not in the sandbox", r.Type)
		case len(r.ID) == 0 || len(r.ID) > 64:
			return nil, bad("RESULT_ID_INVALID")
		case ids[r.ID]:
			return nil, bad("RESULT_ID_DUPLICATE")
		case r.Title == "":
			return nil, bad("ARTICLE_TITLE_EMPTY")
		case blank(r.Content.Text):
			return nil, bad("message text is empty")
		case utf16Len(r.Content.Text) > 4096:
			return nil, bad("message is too long")
		}
		ids[r.ID] = true
	}
	q := s.inlineQueries[req.str("inline_query_id")]
	if q == nil || time.Since(q.at) > inlineFor {
		return nil, bad("query is too old and response timeout expired or query ID is invalid")
	}
	delete(s.inlineQueries, q.ID)
	cache := inlineCacheFor
	if req.has("cache_time") {
		cache = time.Duration(req.int("cache_time")) * time.Second
	}
	if cache > 0 {
		key := inlineKey{0, q.Text}
		if req.bool("is_personal") {
			key.user = q.From
		}
		s.inlineCache[key] = inlineCached{results, time.Now().Add(cache)}
	}
	q.results = results
	close(q.answered)
	return true, nil
}
