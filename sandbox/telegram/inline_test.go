package telegram

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// inline answers the query of somebody with results and other parameters, and returns what they see.
func inline(t *testing.T, s *Server, from int64, query string, p map[string]string) []InlineResult {
	t.Helper()
	q, err := s.Inline(from, "supergroup", query)
	if err != nil {
		t.Fatal(err)
	}
	params := map[string]string{"inline_query_id": q.ID}
	for name, value := range p {
		params[name] = value
	}
	s.mu.Lock()
	_, _ = s.answerInlineQuery(&request{params: params}) // a cached one is answered already
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	got, _ := q.Wait(ctx)
	return got
}

const oneResult = `[{"type":"article","id":"1","title":"hours","input_message_content":{"message_text":"We open at 8"}}]`

func TestInlineAnswersAreCachedForEverybodyUnlessToldOtherwise(t *testing.T) {
	for name, test := range map[string]struct {
		params             map[string]string
		again, others, now bool // whether the next query of the same person, of another, and one five minutes later see the old answer
	}{
		"as by default":     {map[string]string{}, true, true, false},
		"personal":          {map[string]string{"is_personal": "true"}, true, false, false},
		"uncached":          {map[string]string{"cache_time": "0", "is_personal": "true"}, false, false, false},
		"uncached, of all":  {map[string]string{"cache_time": "0"}, false, false, false},
		"cached for longer": {map[string]string{"cache_time": "900"}, true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Options{Inline: true})
				defer s.Close()
				ali, sara := s.AddUser(User{FirstName: "Ali"}).ID, s.AddUser(User{FirstName: "Sara"}).ID
				test.params["results"] = oneResult
				if got := inline(t, s, ali, "h", test.params); len(got) != 1 || got[0].Content.Text != "We open at 8" {
					t.Fatalf("got %+v", got)
				}
				none := map[string]string{"results": "[]", "cache_time": "0"}
				sees := func(who int64) bool { return len(inline(t, s, who, "h", none)) == 1 }
				if got := sees(ali); got != test.again {
					t.Errorf("the same person: %t", got)
				}
				if got := sees(sara); got != test.others {
					t.Errorf("another person: %t", got)
				}
				if len(inline(t, s, sara, "other", none)) != 0 {
					t.Errorf("another query has that answer, too")
				}
				time.Sleep(inlineCacheFor + time.Second)
				if got := sees(ali); got != test.now {
					t.Errorf("five minutes later: %t", got)
				}
			})
		})
	}
}

func TestInlineAnswersAreCheckedAsOnTheRealServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Inline: true})
		defer s.Close()
		ali := s.AddUser(User{FirstName: "Ali"}).ID
		article := func(id string) string {
			return `{"type":"article","id":"` + id + `","title":"t","input_message_content":{"message_text":"x"}}`
		}
		many := strings.Repeat(article("1")+",", 50) + article("2")
		for results, want := range map[string]string{
			"no":                    "can't parse",
			"[" + many + "]":        "RESULTS_TOO_MUCH",
			"[" + article("") + "]": "RESULT_ID_INVALID",
			"[" + article(strings.Repeat("x", 65)) + "]":  "RESULT_ID_INVALID",
			"[" + article("1") + "," + article("1") + "]": "RESULT_ID_DUPLICATE",
			`[{"type":"article","id":"1"}]`:               "ARTICLE_TITLE_EMPTY",
			`[{"type":"article","id":"1","title":"t"}]`:   "message text is empty",
			`[{"type":"photo","id":"1"}]`:                 "not in the sandbox",
			"[" + article(strings.Repeat("x", 64)) + "]":  "",
		} {
			q, err := s.Inline(ali, "private", "h")
			if err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			_, err = s.answerInlineQuery(&request{params: map[string]string{"inline_query_id": q.ID, "results": results, "cache_time": "0"}})
			s.mu.Unlock()
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%.60s: %v, want %q", results, err, want)
			}
		}
		q, err := s.Inline(ali, "private", "late")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(inlineFor + time.Second)
		s.mu.Lock()
		_, err = s.answerInlineQuery(&request{params: map[string]string{"inline_query_id": q.ID, "results": oneResult}})
		s.mu.Unlock()
		if err == nil || !strings.Contains(err.Error(), "query is too old") {
			t.Errorf("a late answer: %v", err)
		}
	})
	s := New(Options{})
	defer s.Close()
	if _, err := s.Inline(s.AddUser(User{}).ID, "private", "h"); err == nil {
		t.Error("a bot without inline mode is asked")
	}
}
