package bot

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"peyk/bot/text"
	"peyk/internal/connect"
	"peyk/sms"
	"peyk/smsapi"
	"peyk/store"
	"peyk/telegram"
)

// State is what a finding means.
type State int

const (
	Right State = iota
	Noted       // it works, and should be known
	Wrong
)

// Finding is one thing a check found, in a sentence that holds the mend if there is something to mend.
type Finding struct {
	State     State
	Unreached bool   // nothing is known: the other side could not be asked
	Cause     error  // what is behind it, for who runs the program; no chat is shown it
	Link      string // to the bot, in the finding that its token is right

	html string
}

// String returns the finding as one line for a terminal: ok, note or WRONG, the sentence, the cause.
func (f Finding) String() string {
	said := text.Plain(f.html)
	if f.Cause != nil {
		said += " (" + f.Cause.Error() + ")"
	}
	said = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r): // of a chat's title, or of the panel's words
			return ' '
		case r >= '\u2066' && r <= '\u2069': // ours around them: few terminals know what they mean
			return -1
		}
		return r
	}, said)
	return [...]string{"ok    ", "note  ", "WRONG "}[f.State] + said
}

const (
	checkTime       = 30 * time.Second // for each side: who checks waits for it
	clockOff        = 3 * time.Minute
	contestedLately = 10 * time.Minute
	fullDisk        = 100 << 20
)

// findings are what was found so far, and the language of it.
type findings struct {
	*text.Language
	list []Finding
}

func (f *findings) add(state State, html string) {
	f.list = append(f.list, Finding{State: state, html: html})
}

func (f *findings) wrong(cause error, html string) {
	f.list = append(f.list, Finding{State: Wrong, Cause: cause, html: html})
}

// Check looks at everything that can be looked at without fetching, sending or posting anything: the store at path, Telegram and what we
// may do there, the panel. What the Bot was made without is left out, a nil panel, an empty token, an empty path. It does not ask for
// updates, for that would end the poll of whoever else does. copyOut writes out the store while a bridge has it open.
func (b *Bot) Check(ctx context.Context, path string, opts store.Options, copyOut func(io.Writer) error) []Finding {
	return b.check(ctx, &text.English, path, opts, copyOut)
}

func (b *Bot) check(ctx context.Context, t *text.Language, path string, opts store.Options, copyOut func(io.Writer) error) []Finding {
	home, tg, panel := findings{Language: t}, findings{Language: t}, findings{Language: t}
	var inboxes []store.Chat
	var admins []sms.AgentID
	if path != "" {
		inboxes, admins = b.checkStore(&home, path, opts, copyOut)
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	var sides sync.WaitGroup
	if b.tg != nil {
		sides.Go(func() { b.checkTelegram(ctx, &tg, inboxes, admins) })
	}
	if b.panel.Client != nil {
		sides.Go(func() { b.checkPanel(ctx, &panel) })
	}
	sides.Wait()
	all := findings{Language: t, list: slices.Concat(home.list, tg.list, panel.list)}
	b.checkClock(&all)
	return all.list
}

// checkStore returns the chats that show SMS and the admins, too.
func (b *Bot) checkStore(f *findings, path string, opts store.Options, copyOut func(io.Writer) error) (chats []store.Chat, admins []sms.AgentID) {
	var inboxes, linked []store.Chat
	for _, id := range opts.Inbox {
		inboxes = append(inboxes, store.Chat{ID: id})
	}
	admins = opts.Admins
	file, dir := text.Code(path), filepath.Dir(path)
	defer func() {
		if len(admins) == 0 && len(b.opts.Users) == 0 {
			f.add(Noted, f.CheckNobody)
		}
		if len(inboxes) == 0 {
			f.add(Noted, f.CheckNoInbox)
		}
		chats = append(inboxes, slices.DeleteFunc(linked, func(c store.Chat) bool {
			return slices.ContainsFunc(inboxes, func(in store.Chat) bool { return in.ID == c.ID })
		})...)
	}()
	if err := takesFiles(dir); err != nil {
		f.wrong(err, f.Say(f.CheckDir, text.Code(dir)))
	}
	room, err := store.Room(existing(dir))
	roomKnown := err == nil
	if roomKnown && room < fullDisk {
		f.add(Noted, f.Say(f.CheckRoom, text.Code(dir), int(room>>20)))
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.add(Noted, f.Say(f.CheckNoStore, file))
		return
	case err != nil:
		f.wrong(err, f.Say(f.CheckStoreShut, file))
		return
	case !info.Mode().IsRegular():
		f.add(Wrong, f.Say(f.CheckNoFile, file))
		return
	case info.Mode().Perm()&0o077 != 0:
		f.add(Wrong, f.Say(f.CheckStoreOpen, file, text.Code("chmod 600 "+path)))
	}
	whole := f.CheckWhole
	st, err := store.Inspect(path, opts)
	if errors.Is(err, store.ErrLocked) {
		if roomKnown && room < uint64(info.Size())+fullDisk {
			f.add(Noted, f.Say(f.CheckNoCopy, file))
			return
		}
		whole = f.CheckCopyWhole
		copied, remove, failed := copyStore(dir, copyOut)
		if failed != nil {
			f.wrong(failed, f.Say(f.CheckStoreBusy, file))
			return
		}
		defer remove()
		st, err = store.Inspect(copied, opts)
	}
	if err == nil {
		defer st.Close()
		err = st.Check()
	}
	switch {
	case err == nil:
		f.add(Right, f.Say(whole, file))
	case errors.Is(err, store.ErrNewer):
		f.wrong(err, f.Say(f.CheckStoreNewer, file))
	case errors.Is(err, fs.ErrPermission):
		f.wrong(err, f.Say(f.CheckStoreShut, file))
	default:
		f.wrong(err, f.Say(f.CheckDamaged, file, text.Code("peyk restore")))
	}
	if from := cmp.Or(b.store, st); from != nil {
		// What cannot be read is damaged, which was said, or not known yet to the version that wrote the file.
		if all, err := settingsOf(from, from.InboxChats); err == nil {
			inboxes = all
		}
		if one, err := settingsOf(from, from.LinkedChats); err == nil {
			linked = one
		}
		if people, err := from.Admins(); err == nil {
			admins = people
		}
	}
	return chats, admins
}

// settingsOf returns the settings of the chats that find finds.
func settingsOf(st *store.Store, find func() ([]sms.ChatID, error)) ([]store.Chat, error) {
	ids, err := find()
	var chats []store.Chat
	for _, id := range slices.Compact(ids) { // one that shows SMS in several topics comes several times
		c, failed := st.Chat(id)
		chats, err = append(chats, c), errors.Join(err, failed)
	}
	return chats, err
}

// takesFiles tries whether files can be made in dir, or dir where there is none yet. Nothing is left behind.
func takesFiles(dir string) error {
	probe, err := os.MkdirTemp(existing(dir), ".check-*")
	if err != nil {
		return err
	}
	return os.Remove(probe)
}

// existing returns dir, or the nearest directory above it that is there.
func existing(dir string) string {
	for {
		_, err := os.Stat(dir)
		if up := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && up != dir {
			dir = up
			continue
		}
		return dir
	}
}

// checkCopy is what the copy of a store is called while it is checked; * stands for digits.
const checkCopy = ".check-*"

// copyStore copies a store that a bridge has open into dir.
func copyStore(dir string, copyOut func(io.Writer) error) (path string, remove func() error, err error) {
	f, err := os.CreateTemp(dir, checkCopy)
	if err != nil {
		return "", nil, err
	}
	remove = func() error { return os.Remove(f.Name()) }
	if err := errors.Join(copyOut(f), f.Close()); err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return f.Name(), remove, nil
}

// side is one of the two networks, for the sentences about not getting there.
type side struct{ name, url, proxy string }

func (b *Bot) checkTelegram(ctx context.Context, f *findings, inboxes []store.Chat, admins []sms.AgentID) {
	telegramSide := side{f.CheckTelegramName, "TELEGRAM_API_URL", "TELEGRAM_PROXY"}
	if b.tg.InClear() {
		f.add(Noted, f.CheckTelegramClear)
	}
	me, hearsAll, err := b.tg.GetMe(ctx)
	if err != nil {
		if telegram.FateOf(err) == telegram.Revoked {
			f.add(Wrong, f.CheckToken)
		} else {
			f.unreached(telegramSide, err)
		}
		return
	}
	link := "https://t.me/" + me.UserName
	f.list = append(f.list, Finding{Link: link, html: f.Say(f.CheckBot, text.Isolated("@"+me.UserName), text.Escape(link))})
	if hearsAll {
		f.add(Noted, f.CheckHearsAll)
	} else {
		f.add(Right, f.CheckPrivacy)
	}
	hook, err := b.tg.Webhook(ctx)
	switch {
	case err != nil:
		f.unreached(telegramSide, err)
		return
	case hook != "":
		f.add(Wrong, f.Say(f.CheckWebhook, text.Code(`curl "https://api.telegram.org/bot$TELEGRAM_BOT_TOKEN/deleteWebhook"`)))
	}
	for _, c := range inboxes {
		b.checkChat(ctx, f, telegramSide, me.ID, c)
	}
	for _, id := range admins {
		if slices.ContainsFunc(inboxes, func(c store.Chat) bool { return c.ID == sms.ChatID(id) }) {
			continue // said above
		}
		if _, err := b.tg.Standing(ctx, sms.ChatID(id), me.ID); telegram.FateOf(err) == telegram.ChatLost {
			f.add(Noted, f.Say(f.CheckAdmin, text.Code(fmt.Sprint(int64(id)))))
		}
	}
}

// checkChat checks a chat that shows SMS.
func (b *Bot) checkChat(ctx context.Context, f *findings, s side, self sms.AgentID, c store.Chat) {
	named := text.Code(fmt.Sprint(int64(c.ID)))
	may, err := b.tg.Standing(ctx, c.ID, self)
	if telegram.FateOf(err) == telegram.Migrated {
		moved, _ := errors.AsType[*telegram.Error](err)
		f.add(Noted, f.Say(f.CheckMoved, named, text.Code(fmt.Sprint(int64(moved.MigratedTo)))))
		named = text.Code(fmt.Sprint(int64(moved.MigratedTo)))
		may, err = b.tg.Standing(ctx, moved.MigratedTo, self)
	}
	if may.Title != "" {
		named = text.Isolated(may.Title) + " (" + named + ")"
	}
	failed, _ := errors.AsType[*telegram.Error](err)
	switch {
	case telegram.FateOf(err) == telegram.ChatLost && failed.Code == http.StatusForbidden:
		f.add(Wrong, f.Say(f.CheckThrownOut, named))
	case telegram.FateOf(err) == telegram.ChatLost || telegram.FateOf(err) == telegram.Refused:
		f.add(Wrong, f.Say(f.CheckNoChat, named))
	case err != nil:
		f.unreached(s, err)
	case !may.In:
		f.add(Wrong, f.Say(f.CheckThrownOut, named))
	case !may.Write:
		f.add(Wrong, f.Say(f.CheckMuted, named))
	case c.Topics && !(may.Forum && may.Topics):
		f.add(Wrong, f.Say(f.CheckNoTopics, named))
	case may.Forum && !may.Topics:
		f.add(Noted, f.Say(f.CheckTopics, named))
	default:
		f.add(Right, f.Say(f.CheckChat, named))
	}
}

func (b *Bot) checkPanel(ctx context.Context, f *findings) {
	panelSide := side{f.CheckPanelName, "SMS_API_URL", "SMS_API_PROXY"}
	if b.panel.InClear() {
		f.add(Noted, f.CheckPanelClear)
	}
	lacks, err := b.panel.Lacks(ctx)
	if err == nil && len(lacks) > 0 {
		f.add(Wrong, f.Say(f.CheckWSDL, text.Code(strings.Join(lacks, ", "))))
		return
	}
	credit := ""
	if err == nil {
		credit, err = b.panel.Credit(ctx)
	}
	if err != nil {
		f.panelFails(panelSide, err)
		return
	}
	f.add(Right, f.Say(f.CheckLogin, text.Code(text.Short(credit, text.NameRunes))))
	if len(b.opts.Lines) == 0 {
		return
	}
	foreign, told, err := b.panel.Foreign(ctx, b.opts.Lines)
	for _, line := range foreign {
		f.add(Wrong, f.Say(f.CheckForeign, text.Number(line)))
	}
	ours := slices.DeleteFunc(slices.Clone(b.opts.Lines), func(l sms.Number) bool { return slices.Contains(foreign, l) })
	switch {
	case err != nil || !told:
		f.add(Noted, f.Say(f.CheckUntold, f.Numbers(ours)))
	case len(ours) > 0:
		f.add(Right, f.Say(f.CheckLines, f.Numbers(ours)))
	}
}

// panelFails adds why the panel does not tell the credit.
func (f *findings) panelFails(s side, err error) {
	e, ok := errors.AsType[*smsapi.Error](err)
	status, _ := errors.AsType[smsapi.HTTPStatus](err)
	switch {
	case ok && e.Kind == smsapi.Auth && e.Code == 0:
		f.wrong(err, f.CheckWebLogin)
	case ok && e.Kind == smsapi.Auth:
		f.wrong(err, f.CheckPassword)
	case ok && e.Kind == smsapi.Rejected, errors.Is(err, smsapi.ErrFault):
		f.wrong(err, f.Say(f.CheckPanelRefuses, text.Reason(e.Text)))
	case errors.Is(err, smsapi.ErrProtocol) || status == http.StatusNotFound:
		f.wrong(err, f.CheckNoSOAP)
	default:
		f.unreached(s, err)
	}
}

// unreached adds why we do not get to the other side, or do not understand what comes from there.
func (f *findings) unreached(s side, err error) {
	if e, ok := errors.AsType[*telegram.Error](err); ok && e.Cause != nil {
		err = e.Cause
	}
	place, proxy := text.Code(s.url), text.Code(s.proxy)
	status := 0
	if e, ok := errors.AsType[smsapi.HTTPStatus](err); ok {
		status = int(e)
	} else if e, ok := errors.AsType[connect.Status](err); ok {
		status = int(e)
	}
	dial, _ := errors.AsType[*net.OpError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	_, noName := errors.AsType[*net.DNSError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	late, _ := errors.AsType[net.Error](err)
	switch {
	case dial != nil && (dial.Op == "proxyconnect" || strings.HasPrefix(dial.Op, "socks")), status == http.StatusProxyAuthRequired:
		f.wrong(err, f.Say(f.NetProxy, s.name, proxy))
	case noName:
		f.wrong(err, f.Say(f.NetName, s.name, place))
	case errors.Is(err, syscall.ECONNREFUSED):
		f.wrong(err, f.Say(f.NetRefused, s.name, place, proxy))
	case noTLS || errors.Is(err, http.ErrSchemeMismatch):
		f.wrong(err, f.Say(f.NetWantsHTTP, s.name, place))
	case errors.Is(err, smsapi.ErrWantsHTTPS):
		f.wrong(err, f.Say(f.NetWantsHTTPS, s.name, place))
	case certificate:
		f.wrong(err, f.Say(badCertificate(f.Language, err), s.name, place))
	case oldTLS(err):
		f.wrong(err, f.Say(f.NetOldTLS, s.name, place))
	case status >= 300 && status < 400:
		f.wrong(err, f.Say(f.NetRedirect, s.name, place))
	case status != 0:
		f.wrong(err, f.Say(f.NetStatus, s.name, status, place))
	case late != nil && late.Timeout():
		f.wrong(err, f.Say(f.NetSilent, s.name, place, proxy))
	default:
		f.wrong(err, f.Say(f.NetBroken, s.name, place))
	}
	f.list[len(f.list)-1].Unreached = true
}

// badCertificate says what is wrong with a certificate.
func badCertificate(t *text.Language, err error) string {
	invalid, _ := errors.AsType[x509.CertificateInvalidError](err)
	_, otherName := errors.AsType[x509.HostnameError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case invalid.Reason == x509.Expired && invalid.Cert != nil: // or not valid yet
		return t.NetExpired
	case otherName:
		return t.NetOtherName
	case unknown:
		return t.NetUnknownIssuer
	}
	return t.NetCertificate
}

// oldTLS tells whether a server has no TLS in common with us, most often because it is too old. The library has no types for it.
func oldTLS(err error) bool {
	for _, words := range []string{
		"tls: protocol version not supported", "tls: server selected unsupported protocol version", "tls: handshake failure", "tls: insufficient security level",
		"tls: server chose an unconfigured cipher suite",
	} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

// checkClock compares our clock with those of the other sides' answers.
func (b *Bot) checkClock(f *findings) {
	var telegrams *time.Duration // how far it is ahead of us
	if skew, known := b.tg.Skew(); known {
		telegrams = &skew
	}
	if b.store != nil { // it has also seen the dates of messages
		if off := b.store.ClockOff(); off != 0 {
			telegrams = &off
		}
	}
	var panels time.Duration
	panelKnown := false
	if b.panel.Client != nil {
		panels, panelKnown = b.panel.Skew()
	}
	minutes := func(d time.Duration) int { return int(d.Abs().Round(time.Minute) / time.Minute) }
	switch {
	case telegrams == nil && !panelKnown:
		return
	case telegrams != nil && telegrams.Abs() > clockOff:
		f.add(Wrong, f.Say(f.CheckClockOff, minutes(*telegrams), f.CheckTelegramName))
	case panelKnown && panels.Abs() > clockOff && telegrams == nil:
		f.add(Wrong, f.Say(f.CheckClockOff, minutes(panels), f.CheckPanelName))
	case panelKnown && panels.Abs() > clockOff:
		f.add(Noted, f.Say(f.CheckPanelClock, minutes(panels)))
	default:
		f.add(Right, f.CheckClock)
	}
}

// checkCommand is the check in the chat, what is wrong first.
func (b *Bot) checkCommand(ctx context.Context, m *telegram.Message, _ role) error {
	contested := b.contested
	return b.inquire(ctx, m, func(ctx context.Context, t *text.Language) string {
		list := b.check(ctx, t, b.store.Path(), store.Options{}, b.store.Backup)
		if time.Since(contested) < contestedLately {
			list = append(list, Finding{State: Wrong, html: t.Say(t.CheckContested, t.Clock(contested, b.now()))})
		}
		slices.SortStableFunc(list, func(a, b Finding) int { return int(b.State - a.State) })
		lines := make([]string, len(list))
		for i, found := range list {
			lines[i] = [...]string{"✅ ", "ℹ️ ", "❌ "}[found.State] + found.html
			if found.Cause != nil {
				b.log.Warn("check", "err", found.Cause)
			}
		}
		return clip(lines)
	})
}
