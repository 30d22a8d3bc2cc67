package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"peyk/cluster"
	"peyk/sandbox/panel"
	"peyk/sandbox/sandboxtest"
	"peyk/sandbox/telegram"
	"peyk/sms"
	"peyk/store"
)

// setUpToBreak is a set-up in which all is well, until a test breaks it.
type setUpToBreak struct {
	*world
	set map[string]string // the settings
	dir string            // the working directory, with a store in data/peyk.db
}

func (s *setUpToBreak) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// serves serves h as long as the test runs and returns its address.
func (s *setUpToBreak) serves(h http.HandlerFunc) string {
	web := httptest.NewServer(h)
	s.Cleanup(web.Close)
	return web.URL
}

func (s *setUpToBreak) servesTLS(h http.Handler) string {
	web := httptest.NewUnstartedServer(h)
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that hang up are what is tested
	web.StartTLS()
	s.Cleanup(web.Close)
	return web.URL
}

// at serves h with its answers dated by a clock that is so far ahead of ours.
func (s *setUpToBreak) at(ahead time.Duration, h http.Handler) string {
	return s.serves(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		h.ServeHTTP(w, r)
	})
}

// nobody is an address at which nobody listens: a port that was free could be another test's by now.
const nobody = "127.0.0.1:1"

// check runs peyk check and returns what it prints and its exit code.
func (s *setUpToBreak) check() (string, int) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "peyk", "check")
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir}
	for name, value := range s.set {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		s.Fatal(err)
	} else if ok && failed.ExitCode() < 0 {
		s.Fatalf("%v\n%s", err, out)
	}
	if stderr.Len() > 0 {
		s.Errorf("on standard error: %s", &stderr)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// checkInBoth runs peyk check in both languages and returns what it prints in English.
func (s *setUpToBreak) checkInBoth() (string, int) {
	s.Helper()
	out, code := s.check()
	s.set["LANGUAGE"] = "fa"
	persian, same := s.check()
	delete(s.set, "LANGUAGE")
	if same != code {
		s.Errorf("in Persian it ends with %d", same)
	}
	saysTheSame(s, out, persian)
	return out, code
}

// etcd serves what an etcd says of itself, and of a cluster in which box1 leads and box2 has other settings and was not heard of for long.
func (s *setUpToBreak) etcd(status string) string {
	value := func(v any) []byte {
		b, err := json.Marshal(v)
		s.must(err)
		return b
	}
	pair := func(v any) map[string]any {
		return map[string]any{"key": []byte("k"), "mod_revision": "7", "value": value(v)}
	}
	reports := []any{}
	for _, r := range []cluster.Report{{Self: "box1", Version: "v0", Same: "other", Entry: 7, At: time.Now()}, {Self: "box2", Entry: 3, At: time.Now().Add(-time.Hour)}, {Self: "box3", Entry: 4, At: time.Now()}} {
		reports = append(reports, pair(r))
	}
	txn := value(map[string]any{"header": map[string]any{"revision": "9"}, "succeeded": true, "responses": []any{
		map[string]any{"response_range": map[string]any{"kvs": []any{pair(map[string]any{"holder": "box1 #x", "epoch": 3, "log": "l"})}}},
		map[string]any{"response_range": map[string]any{"kvs": reports}},
	}})
	return s.at(0, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v3/maintenance/status":
			io.WriteString(w, status)
		case "/v3/kv/txn":
			w.Write(txn)
		default:
			http.NotFound(w, r)
		}
	}))
}

// lineLike returns the line of text that matches pattern, "" when none does.
func lineLike(text, pattern string) string {
	return regexp.MustCompile(`(?m)^.*(?:` + pattern + `).*$`).FindString(text)
}

// TestCheckFindsWhatIsBroken breaks one thing in each set-up; the rest must still be found well, and Persian must say the same.
func TestCheckFindsWhatIsBroken(t *testing.T) {
	const whole, token, panelRight, linesRight = `^ok    store: .* is whole`, `^ok    token: it belongs to @PeykSandboxBot`,
		`^ok    panel: it takes our user name`, `^ok    lines: the panel lets us send from 30001234, 30005678`
	for name, test := range map[string]struct {
		broken func(*setUpToBreak)
		want   string   // the line of it
		also   []string // other lines that must be there
		code   int
	}{
		"nothing": {nil, token, []string{`^ok    settings:`, whole, `^ok    group privacy: on`,
			`^ok    chat: the bot may write in Support \(-100\d+\)`, panelRight, linesRight, `^ok    clock`}, 0},

		"a cluster whose members differ": {func(s *setUpToBreak) {
			s.set["CLUSTER"] = s.etcd(`{"header":{"member_id":"1"},"version":"3.5.9","dbSize":"10485760","leader":"1"}`)
		}, `^WRONG cluster: the settings of box1 differ`, []string{
			`^ok    etcd: http://\S+ answers: version 3.5.9, 10 MB of 2048 MB`, `^note  etcd: with 1 servers`, `^ok    cluster: box1 leads`,
			`^note  cluster: box1 is version v0`, `^note  cluster: nothing was heard of box2 since 20`, `^ok    cluster: box3 follows, 3 entries behind`, token,
		}, 1},
		"a member that follows": {func(s *setUpToBreak) {
			s.set["CLUSTER"] = s.etcd(`{"version":"3.5.9"}`)
			f, err := store.Follow(filepath.Join(s.dir, "data", "peyk.db"), store.Options{})
			s.must(err)
			s.Cleanup(func() { s.must(f.Close()) })
		}, `^note  store: .* was not checked: it follows the leader's, so check it there`, []string{`^ok    cluster: box1 leads`, token}, 1},
		"an etcd that is full": {func(s *setUpToBreak) {
			s.set["CLUSTER"] = s.etcd(`{"version":"3.6.1","dbSize":"2147483648","dbSizeQuota":"2147483648","errors":["memberID:1 alarm:NOSPACE "]}`)
		}, `^WRONG etcd: http://\S+ uses 2048 MB of 2048 MB \(memberID:1 alarm:NOSPACE`, []string{token}, 1},
		"an etcd that is away, and one that is too old": {func(s *setUpToBreak) {
			s.set["CLUSTER"] = "http://" + nobody + "," + s.etcd(`{"version":"3.3.25"}`)
		}, `^WRONG etcd: http://127.0.0.1:1, which CLUSTER names, does not answer`, []string{`^WRONG etcd: http://\S+ is version 3.3.25: peyk needs 3.4`, token}, 1},
		"CLUSTER that is no address": {func(s *setUpToBreak) {
			s.set["CLUSTER"], s.set["CLUSTER_NAME"], s.set["CLUSTER_CA"] = "10.0.0.1:2379", "a/b", "/nowhere"
		},
			`^WRONG settings: CLUSTER is not an address`, []string{`^WRONG settings: CLUSTER_NAME has something else than letters`, token}, 2},

		"a token that was revoked": {func(s *setUpToBreak) { s.TG.Revoke() },
			`^WRONG token: Telegram does not know it: set TELEGRAM_BOT_TOKEN to the one from @BotFather`, []string{whole, panelRight}, 1},
		"a token of the wrong shape": {func(s *setUpToBreak) { s.set["TELEGRAM_BOT_TOKEN"] = "hush-hush" },
			`^WRONG settings: TELEGRAM_BOT_TOKEN is not a bot token`, []string{whole, panelRight, linesRight}, 2},
		"several wrong settings": {func(s *setUpToBreak) { s.set["TIMEZONE"], s.set["SMS_LINES"] = "Mars", "office" },
			`^WRONG settings: SMS_LINES holds "office"`, []string{`^WRONG settings: TIMEZONE is "Mars"`, whole, token, panelRight}, 2},
		"a wrong proxy, without which nobody may be asked": {func(s *setUpToBreak) { s.set["SMS_API_PROXY"] = "proxy:1080" },
			`^WRONG settings: SMS_API_PROXY is not a proxy's address`, []string{whole, token}, 2},

		"Telegram's port is closed": {func(s *setUpToBreak) { s.set["TELEGRAM_API_URL"] = "http://" + nobody },
			`^WRONG Telegram: nobody answers at the port that TELEGRAM_API_URL names.*TELEGRAM_PROXY.*connection refused`, []string{whole, panelRight}, 1},
		"a name that no server has": {func(s *setUpToBreak) { s.set["TELEGRAM_API_URL"] = "https://telegram.invalid" },
			`^WRONG Telegram: the server that TELEGRAM_API_URL names was not found: .*DNS`, []string{panelRight}, 1},
		"Telegram's proxy is down": {func(s *setUpToBreak) { s.set["TELEGRAM_PROXY"] = "socks5://" + nobody },
			`^WRONG Telegram: the proxy of TELEGRAM_PROXY lets nothing through`, []string{panelRight}, 1},
		"Telegram's proxy asks for a login": {func(s *setUpToBreak) {
			s.set["TELEGRAM_API_URL"] = s.servesTLS(s.TG)
			s.set["TELEGRAM_PROXY"] = s.serves(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) })
		}, `^WRONG Telegram: the proxy of TELEGRAM_PROXY lets nothing through.*http status 407`, []string{panelRight}, 1},
		"Telegram behind a certificate nobody vouches for": {func(s *setUpToBreak) { s.set["TELEGRAM_API_URL"] = s.servesTLS(s.TG) },
			`^WRONG Telegram: the server's certificate is not valid: .*TELEGRAM_API_URL`, []string{panelRight}, 1},
		"a web server instead of Telegram": {func(s *setUpToBreak) {
			s.set["TELEGRAM_API_URL"] = s.serves(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://telegram.example/relay"+r.URL.Path, http.StatusMovedPermanently)
			})
		}, `^WRONG Telegram: the server redirects us to https://telegram.example/relay: if that is the right server, put its address into TELEGRAM_API_URL. \(http status 301\)$`, []string{panelRight}, 1},
		"a webhook is set": {func(s *setUpToBreak) {
			answer, err := http.Get(s.TGURL + "/bot" + s.TG.Token() + "/setWebhook?url=https://other.example/")
			s.must(err)
			answer.Body.Close()
		}, `^WRONG updates: a webhook is set.*/deleteWebhook`, []string{token, panelRight}, 1},

		"the bot is not in the chat": {func(s *setUpToBreak) { s.set["INBOX_CHATS"] += ",-1009999" },
			`^WRONG chat: Telegram knows no chat -1009999 that the bot was ever in`, []string{`^ok    chat: .*Support`}, 1},
		"the bot was thrown out of the chat": {func(s *setUpToBreak) { s.must(s.TG.RemoveBot(s.Group, s.Sara)) },
			`^WRONG chat: the bot was removed from -100`, []string{token, panelRight}, 1},
		"the bot may not write in the chat": {func(s *setUpToBreak) { s.must(s.TG.SetBotRights(s.Group, telegram.Rights{Muted: true})) },
			`^WRONG chat: the bot may not write in Support`, []string{panelRight}, 1},
		"only administrators write in the chat": {func(s *setUpToBreak) { s.must(s.TG.OnlyAdminsWrite(s.Group, true)) },
			`^WRONG chat: the bot may not write in Support`, []string{panelRight}, 1},
		"whose chat it is blocks the bot": {func(s *setUpToBreak) {
			s.set["INBOX_CHATS"] += "," + fmt.Sprint(s.Sara)
			s.must(s.TG.Block(s.Sara))
		}, `^WRONG chat: the bot was removed from .*, or blocked there`, nil, 1},
		"a forum in which the bot does not manage topics": {func(s *setUpToBreak) {
			s.set["INBOX_CHATS"] = fmt.Sprint(s.TG.AddForum("Desk", s.Sara, s.TG.Bot().ID))
		}, `^note  chat: the bot may write in Desk .*, but not manage topics`, nil, 0},
		"a forum in which customers have topics, and the bot cannot make them": {func(s *setUpToBreak) {
			desk := s.TG.AddForum("Desk", s.Sara, s.TG.Bot().ID)
			st, err := store.Open(filepath.Join(s.dir, "data/peyk.db"), store.Options{})
			s.must(err)
			_, err = st.Take(store.UpdateKey{Chat: sms.ChatID(desk), Message: 1}, store.Caused{EditChat: func(c *store.Chat) {
				c.Topics, c.Inboxes = true, []store.Inbox{{}, {Topic: 7}}
			}})
			s.must(errors.Join(err, st.Close()))
		}, `^WRONG chat: each customer should have a topic in Desk .*/topics off`, []string{`^ok    chat: .*Support`}, 1},
		"a group that became a supergroup": {func(s *setUpToBreak) {
			group := s.TG.AddGroup("Old", s.Sara, s.TG.Bot().ID)
			s.set["INBOX_CHATS"] = fmt.Sprint(group)
			_, err := s.TG.Migrate(group)
			s.must(err)
		}, `^note  chat: -4\d+ has become the supergroup -100\d+: .*INBOX_CHATS`, []string{`^ok    chat: the bot may write in Old \(-100\d+\)`}, 0},
		"an admin who never wrote to the bot": {func(s *setUpToBreak) { s.set["ADMIN_USERS"] = fmt.Sprint(s.Omid) },
			`^note  people: the administrator \d+ cannot be reached`, nil, 0},
		"nobody may use the bot": {func(s *setUpToBreak) { s.set["ADMIN_USERS"], s.set["ALLOWED_USERS"], s.set["INBOX_CHATS"] = "", "", "" },
			`^note  people: nobody may use the bot yet`, []string{`^note  chats: none shows SMS yet`}, 0},

		"https to a panel of http": {func(s *setUpToBreak) {
			s.set["SMS_API_URL"] = "https" + strings.TrimPrefix(s.set["SMS_API_URL"], "http")
		},
			`^WRONG panel: the server does not speak https there: write http:// in SMS_API_URL`, []string{whole, token}, 1},
		"http to a panel of https": {func(s *setUpToBreak) {
			s.set["SMS_API_URL"] = "http" + strings.TrimPrefix(s.servesTLS(s.Panel), "https")
		}, `^WRONG panel: the server speaks https there: write https:// in SMS_API_URL`, []string{token}, 1},
		"a panel over http across the network": {func(s *setUpToBreak) {
			s.set["SMS_API_PROXY"] = s.serves(func(w http.ResponseWriter, r *http.Request) { s.Panel.ServeHTTP(w, r) })
			s.set["SMS_API_URL"] = "http://panel.example/class/sms/webservice3/server.php"
		}, `^note  panel: SMS_API_URL is http: the login crosses the network in clear text`, []string{panelRight, linesRight}, 0},
		"the panel's proxy refuses": {func(s *setUpToBreak) {
			s.set["SMS_API_PROXY"] = s.serves(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) })
			s.set["SMS_API_URL"] = "http://panel.example/server.php"
		}, `^WRONG panel: the proxy of SMS_API_PROXY lets nothing through`, []string{token}, 1},
		"the panel is down": {func(s *setUpToBreak) { s.must(s.Panel.SetDown(true)) },
			`^WRONG panel: nobody answers at the port that SMS_API_URL names`, []string{token}, 1},
		"a web page instead of the panel": {func(s *setUpToBreak) {
			s.set["SMS_API_URL"] = s.serves(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Welcome</html>") })
		}, `^WRONG panel: there is no SMS service at SMS_API_URL, but a web page`, []string{token}, 1},
		"a web page that takes no POST": {func(s *setUpToBreak) {
			s.set["SMS_API_URL"] = s.serves(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet {
					w.WriteHeader(http.StatusMethodNotAllowed) // as nginx answers for a file
					return
				}
				fmt.Fprint(w, "<html>Welcome</html>")
			})
		}, `^WRONG panel: there is no SMS service at SMS_API_URL, but a web page`, []string{token}, 1},
		"nothing where the panel should be": {func(s *setUpToBreak) { s.set["SMS_API_URL"] = s.serves(http.NotFound) },
			`^WRONG panel: there is no SMS service at SMS_API_URL, but a web page or nothing`, []string{token}, 1},
		"another SOAP service": {func(s *setUpToBreak) {
			s.set["SMS_API_URL"] = s.serves(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, `<definitions><message name="q"><part name="city"/></message><portType><operation name="GetWeather"><input message="q"/></operation></portType></definitions>`)
			})
		}, `^WRONG panel: there is another service at SMS_API_URL, without GetCredit, GetMsg, GetStatus, SendMultipleSMS, SendSMS`, []string{token}, 1},
		"the panel redirects": {func(s *setUpToBreak) {
			to := "https://me:hush@panel.example/server.php?password=" + s.set["SMS_API_PASSWORD"]
			s.set["SMS_API_URL"] = s.serves(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusMovedPermanently) })
		}, `^WRONG panel: the server redirects us to https://panel.example/server.php: if that is the right server, put its address into SMS_API_URL`, []string{token}, 1},
		"a panel that redirects without saying where to": {func(s *setUpToBreak) {
			s.set["SMS_API_URL"] = s.serves(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) })
		}, `^WRONG panel: a server on the way answers with HTTP status 302`, []string{token}, 1},
		"a wrong password": {func(s *setUpToBreak) { s.Panel.SetPassword("another") },
			`^WRONG panel: it refuses the user name or password: check SMS_API_USER and SMS_API_PASSWORD`, []string{token}, 1},
		"a login of the web server's": {func(s *setUpToBreak) {
			s.set["SMS_API_URL"] = s.serves(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					http.NotFound(w, r) // no WSDL
					return
				}
				w.WriteHeader(http.StatusUnauthorized)
			})
		}, `^WRONG panel: its web server asks for its own login`, []string{token}, 1},
		"the panel's service fails": {func(s *setUpToBreak) {
			s.Panel.Arm(panel.Fault{Kind: panel.SOAPFault, Method: "GetCredit", Text: "out \x1b[31mof order", Times: -1})
		}, `^WRONG panel: it does not give the credit: “out .*of order”`, []string{token}, 1},
		"a line that is not ours": {func(s *setUpToBreak) { s.set["SMS_LINES"] = "30001234,20009999" },
			`^WRONG lines: 20009999 is not ours, says the panel: correct SMS_LINES`, []string{`^ok    lines: the panel lets us send from 30001234\.`}, 1},
		"a panel that does not tell whose a line is": {func(s *setUpToBreak) {
			s.Panel.Arm(panel.Fault{Kind: panel.ErrCode, Method: "SendMultipleSMS", Code: -4, Times: -1})
		}, `^note  lines: without sending, nobody can tell whether 30001234, 30005678 are ours`, []string{panelRight}, 0},

		"our clock is slow": {func(s *setUpToBreak) {
			s.set["TELEGRAM_API_URL"], s.set["SMS_API_URL"] = s.at(10*time.Minute, s.TG), s.at(10*time.Minute, s.Panel)
		}, `^WRONG clock: this machine's is 10 minutes off \(compared with: Telegram\).*NTP`, []string{token, panelRight}, 1},
		"our clock is fast, and Telegram does not answer": {func(s *setUpToBreak) {
			s.set["TELEGRAM_API_URL"], s.set["SMS_API_URL"] = "http://"+nobody, s.at(-10*time.Minute, s.Panel)
		}, `^WRONG clock: this machine's is 10 minutes off \(compared with: panel\)`, []string{panelRight}, 1},
		"the panel's clock is fast": {func(s *setUpToBreak) { s.set["SMS_API_URL"] = s.at(10*time.Minute, s.Panel) },
			`^note  clock: this machine's is right, the panel's differs by 10 minutes`, []string{token, panelRight}, 0},

		"HTTP_ADDR is taken": {func(s *setUpToBreak) { s.set["HTTP_ADDR"] = strings.TrimPrefix(s.serves(http.NotFound), "http://") },
			`^WRONG health: another program uses 127.0.0.1:\d+: put another address into HTTP_ADDR`, []string{token, panelRight}, 1},
		"HTTP_ADDR is another machine's": {func(s *setUpToBreak) { s.set["HTTP_ADDR"] = "192.0.2.1:9383" },
			`^WRONG health: nobody can listen at 192.0.2.1:9383: .*HTTP_ADDR.*cannot assign`, []string{token, panelRight}, 1},
		"HTTP_ADDR, where a bridge listens": {func(s *setUpToBreak) {
			s.set["HTTP_ADDR"] = strings.TrimPrefix(s.serves(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") }), "http://")
		}, `^ok    health: a bridge answers at 127.0.0.1:\d+ \(HTTP_ADDR\)`, []string{token, panelRight}, 0},
		"HTTP_ADDR, where nobody listens": {func(s *setUpToBreak) { s.set["HTTP_ADDR"] = sandboxtest.OwnHost() + ":9383" },
			`^ok    health: the bridge can listen at 127\.\d+\.\d+\.\d+:9383 \(HTTP_ADDR\)`, []string{token, panelRight}, 0},
		"a name that is not a setting's": {func(s *setUpToBreak) {
			s.must(os.WriteFile(filepath.Join(s.dir, ".env"), []byte("INBOX_CHAT=1\n"), 0o600))
		},
			`^note  settings: INBOX_CHAT in .env is not a setting: did you mean INBOX_CHATS\?`, []string{token, panelRight}, 0},
		"a slip in the environment": {func(s *setUpToBreak) {
			s.set["TELEGRAM_TOKEN"] = s.set["TELEGRAM_BOT_TOKEN"]
			delete(s.set, "TELEGRAM_BOT_TOKEN")
		},
			`^note  settings: TELEGRAM_TOKEN in the environment is not a setting: did you mean TELEGRAM_BOT_TOKEN\?`,
			[]string{`^WRONG settings: TELEGRAM_BOT_TOKEN is missing: send /newbot to @BotFather`, panelRight}, 2},
		"no store yet": {func(s *setUpToBreak) { s.set["DB_PATH"] = "elsewhere/peyk.db" },
			`^note  store: elsewhere/peyk.db is not there yet`, []string{token, panelRight}, 0},
		"a damaged store": {func(s *setUpToBreak) {
			s.must(os.WriteFile(filepath.Join(s.dir, "data/peyk.db"), bytes.Repeat([]byte("damaged "), 4096), 0o600))
		}, `^WRONG store: data/peyk.db is not whole: stop the bridge and put a backup in its place with peyk restore`, []string{token, panelRight, `^ok    chat`}, 1},
		"a store cut short": {func(s *setUpToBreak) { s.must(os.Truncate(filepath.Join(s.dir, "data/peyk.db"), 20_000)) },
			`^WRONG store: data/peyk.db is not whole`, []string{token}, 1},
		"a directory instead of a store": {func(s *setUpToBreak) { s.set["DB_PATH"] = "data" },
			`^WRONG store: data is not a file: set DB_PATH to the name of one`, []string{token}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := wellSetUp(t)
			if test.broken != nil {
				test.broken(s)
			}
			out, code := s.checkInBoth()
			for _, pattern := range append(test.also, test.want) {
				if lineLike(out, pattern) == "" {
					t.Errorf("nothing like %s", pattern)
				}
			}
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if n := strings.Count(out, "WRONG"); (n > 0) != (test.code > 0) {
				t.Errorf("%d are wrong, exit code %d", n, code)
			}
			if sent := s.Panel.SentCount(); sent > 0 {
				t.Errorf("%d SMS were sent", sent)
			}
			for _, call := range s.TG.Calls() {
				if call.Method == "getUpdates" || strings.HasPrefix(call.Method, "sendM") {
					t.Errorf("Telegram was asked to %s", call.Method)
				}
			}
			for _, secret := range []string{s.set["SMS_API_PASSWORD"], "AAsandbox", "hush", "\x1b"} {
				if strings.Contains(out, secret) {
					t.Errorf("%q is shown", secret)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(s.dir, "*", ".check-*")); len(left) > 0 {
				t.Errorf("left behind: %s", left)
			}
			t.Logf("%s", cmp.Or(lineLike(out, test.want), out))
			if t.Failed() {
				t.Logf("all of it:\n%s", out)
			}
		})
	}
}

// wellSetUp returns a set-up in which all is well.
func wellSetUp(t *testing.T) *setUpToBreak {
	t.Helper()
	w := newWorld(t)
	s := &setUpToBreak{world: w, set: asMap(w.environ()), dir: t.TempDir()}
	st, err := store.Open(filepath.Join(s.dir, "data/peyk.db"), store.Options{})
	s.must(err)
	s.must(st.Close())
	return s
}

func TestCheckFindsAStoreOthersCanRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no such modes here")
	}
	s := wellSetUp(t)
	s.must(os.Chmod(filepath.Join(s.dir, "data/peyk.db"), 0o644))
	out, code := s.checkInBoth()
	if lineLike(out, `^WRONG store: data/peyk.db can be read by others.*: run chmod 600 data/peyk.db`) == "" || lineLike(out, `^ok    store: .* is whole`) == "" || code != 1 {
		t.Errorf("%d\n%s", code, out)
	}
}

func TestCheckFindsADirectoryThatTakesNoFiles(t *testing.T) {
	s := wellSetUp(t)
	switch {
	case os.Getuid() != 0:
		s.must(os.Chmod(filepath.Join(s.dir, "data"), 0o500))
		t.Cleanup(func() { os.Chmod(filepath.Join(s.dir, "data"), 0o700) })
	case runtime.GOOS == "linux":
		s.set["DB_PATH"] = "/proc/peyk/peyk.db" // where not even root can make one
	default:
		t.Skip("root may write everywhere here")
	}
	out, code := s.checkInBoth()
	if lineLike(out, `^WRONG store: no file can be made in`) == "" || lineLike(out, `^ok    panel`) == "" || code != 1 {
		t.Errorf("%d\n%s", code, out)
	}
}

// TestCheckBesideABridge has a bridge run, and its disk become full.
func TestCheckBesideABridge(t *testing.T) {
	s := wellSetUp(t)
	small := false // whether the disk is one of a few megabytes
	if runtime.GOOS == "linux" && os.Getuid() == 0 {
		dir := filepath.Join(s.dir, "small")
		s.must(os.Mkdir(dir, 0o700))
		if exec.Command("mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", dir).Run() == nil {
			t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
			s.set["DB_PATH"], small = "small/peyk.db", true
		}
	}
	bridge := exec.Command("peyk")
	bridge.Dir = s.dir
	for name, value := range s.set {
		bridge.Env = append(bridge.Env, name+"="+value)
	}
	var log bytes.Buffer
	bridge.Stderr = &log
	s.must(bridge.Start())
	ended := false
	end := func() {
		if !ended {
			ended = true
			bridge.Process.Signal(os.Interrupt)
			if err := bridge.Wait(); err != nil {
				t.Errorf("%v\n%s", err, &log)
			}
		}
	}
	t.Cleanup(end)
	if _, err := s.TG.Say(telegram.Post{From: s.Sara, Chat: s.Group, Text: "/check"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	in, err := s.TG.WaitMessage(ctx, s.Group, func(m telegram.Message) bool { return m.FromBot && strings.Contains(m.Text, "store: ") })
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	out, code := s.check()
	end()
	if strings.Contains(log.String(), "409") || strings.Contains(log.String(), "another program") {
		t.Errorf("the bridge was disturbed:\n%s", &log)
	}
	want := `store: .* is whole; a copy was read, because a bridge has it open`
	if small {
		want = `store: .* was not checked: a bridge has it open, and there is no room for the copy to check`
		for _, text := range []string{in.Text, out} {
			if lineLike(text, `disk: in .*small.* only \d MB are left: make room`) == "" {
				t.Errorf("the full disk is not named:\n%s", text)
			}
		}
	}
	for _, text := range []string{in.Text, out} {
		if lineLike(text, want) == "" || lineLike(text, `lines: the panel lets us send from 30001234, 30005678`) == "" {
			t.Errorf("nothing like %s:\n%s", want, text)
		}
	}
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestCheckOfAnEarlierVersionsStore finds it whole, as it will be opened, and leaves it as it is.
func TestCheckOfAnEarlierVersionsStore(t *testing.T) {
	for _, name := range []string{"1-efbc321", "2-895f834", "2-a783051", "2-e5ce606"} {
		t.Run(name, func(t *testing.T) {
			s := wellSetUp(t)
			old := packedStore(t, name)
			path := filepath.Join(s.dir, "data/peyk.db")
			s.must(os.WriteFile(path, old, 0o600))
			out, code := s.check()
			if lineLike(out, `^ok    store: .* is whole`) == "" || lineLike(out, `^ok    panel`) == "" {
				t.Errorf("exit code %d\n%s", code, out)
			}
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, old) {
				t.Errorf("the file was changed, or is gone: %v", err)
			}
		})
	}
}
