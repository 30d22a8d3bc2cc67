package play

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Mutant is the bridge with a fault built in on purpose, and what must find it.
type Mutant struct {
	Name   string
	file   string
	edits  [][2]string // each first stands once in the file, and is replaced by the second
	Caught []string    // any of these stands in what is found
	Drops  bool        // it tells in its log which SMS it Drops: nearly all must be found
	Power  bool        // only a loss of power shows it
	Call   string      // only a system call of that name that fails shows it
	Unseen string      // why sim cannot see it, and which test does; empty when it must
	Kind   string      // of the panel at which it shows; empty: the first
}

const (
	withRand = "import (\n\t\"math/rand/v2\"\n\t\"os\"\n"
	decoded  = "messages, order := in.Messages, f.order.Sort(in.Messages)\n"
	saved    = "crashpoint.At(\"fetch.saved\")\n"
	tells    = `fmt.Fprintf(os.Stderr, "dropped %.12s\n", m.Text)`
)

// Mutants are those that the invariants must find.
var Mutants = []Mutant{
	{Name: "agents are asked about what the panel can tell", Kind: "kavenegar", file: "relay/settle.go", Caught: []string{"I25"}, edits: [][2]string{{"if !tells(r.panel.Traits(), p, r.store.Now()) {", "if tells(r.panel.Traits(), p, r.store.Now()) || len(p.Keys) > 0 {"}}},
	{Name: "what the panel does not have by its key is taken for sent", Kind: "kavenegar", file: "store/keyed.go", Caught: []string{"I6", "I8", "I13"}, edits: [][2]string{{"if row.Lost = false; missing == 0 {", "if row.Lost = false; missing <= len(ids) {"}}},
	{Name: "what is taken of a line is not owed", Kind: "kavenegar", file: "store/keyed.go", Caught: []string{"I1", "I25"}, edits: [][2]string{{"owed.Begun, begun[line] = now, now\n\t\treturn put(t.bucket(bucketMeta), keyOwed, begun)", "owed.Begun, begun[line] = now, now\n\t\treturn nil"}}},
	{Name: "what a restored backup lacks is not read again", Kind: "kavenegar", file: "relay/again.go", Caught: []string{"I25"}, edits: [][2]string{{"if !f.cursor.Restored {\n", "if f.cursor.Restored || !f.down {\n"}}},
	{Name: "what is read again after a restore is not marked", Kind: "kavenegar", file: "store/inbound.go", Caught: []string{"I1", "I2", "I3"}, edits: [][2]string{{"anew[r.Reads] {", "anew[r.Reads] && r.Cut {"}}},
	{Name: "what is not found at the panel is sent again by itself", Kind: "edge", file: "store/match.go", Caught: []string{"I4"}, edits: [][2]string{{"\t\t\t\tb.Unmatched += len(p.To)\n\t\t\t\treturn makeUncertain(t, row, b)", "\t\t\t\trow.Lost, row.State = false, PieceQueued\n\t\t\t\treturn t.setPieceStatus(*row, sms.Queued, b)"}}},
	{Name: "where a round ended is stored before its SMS", Kind: "edge", file: "relay/cursor.go", Caught: []string{"I1", "I3", "I25"}, edits: [][2]string{{"\tsmsapi.InboxOrder(0).Sort(messages)\n", "\tsmsapi.InboxOrder(0).Sort(messages)\n\tif c := f.cursor; over && len(messages) > 0 {\n\t\tif _, err := f.store.SaveRead(nil, &c, after, true); err != nil {\n\t\t\treturn err\n\t\t}\n\t\tcrashpoint.At(\"read.stored\")\n\t\tf.cursor = c\n\t}\n"}}},
	{Name: "an answer that is none is not kept", Kind: "edge", file: "relay/fetch.go", Caught: []string{"I25"}, edits: [][2]string{{"if !garbled(answer, failure) {", "if !garbled(answer, failure) || !kept.Again {"}}},
	{Name: "who opted out is left out of nothing", file: "store/wish.go", Caught: []string{"I22"}, edits: [][2]string{{"if why == sms.NoReason {\n\t\t\tcontinue", "if why != sms.Blocked {\n\t\t\tcontinue"}}},
	{Name: "nobody is asked about an order to one who opted out", file: "store/outbox.go", Caught: []string{"I22"}, edits: [][2]string{{" || b.Duplicate || b.Against != sms.NoReason", " || b.Duplicate"}}},
	{Name: "what is scheduled goes out half a minute early", file: "store/scheduled.go", Caught: []string{"I23"}, edits: [][2]string{{"if row.At.After(t.now) {", "if row.At.After(t.now.Add(30 * time.Second)) {"}}},
	{Name: "what is scheduled stays so once it has become an order", file: "store/scheduled.go", Caught: []string{"I23", "I5", "does not come to rest"}, edits: [][2]string{{"\t\treturn t.deleteScheduled(id)\n\t})\n}\n\n// expireScheduled", "\t\tif t.now.Unix()%4 > 0 {\n\t\t\treturn t.deleteScheduled(id)\n\t\t}\n\t\treturn nil\n\t})\n}\n\n// expireScheduled"}}},
	{Name: "what a blocked customer writes is shown", file: "store/inbound.go", Caught: []string{"I24"}, edits: [][2]string{{"if blocked, err := t.countBlocked(m.Customer); err != nil || blocked {", "if _, err := t.countBlocked(m.Customer); err != nil {"}}},
	{Name: "what a blocked customer writes is not kept", file: "store/inbound.go", Caught: []string{"I24"}, edits: [][2]string{{"return seq, errors.Join(err, t.putSMS(stored))", "return seq, err"}}},
	{Name: "an export is told to nobody", file: "bot/export.go", Caught: []string{"I13"}, edits: [][2]string{{"Count: rows,", "Count: rows / 2,"}}},
	{Name: "each of a file gets the text of the next", file: "relay/send.go", Caught: []string{"I4"}, edits: [][2]string{{"Texts: p.Texts, Keys: p.Keys}", "Texts: append(p.Texts[min(1, len(p.Texts)):], p.Texts[:min(1, len(p.Texts))]...)}"}}},
	{Name: "the result of a file says that what is uncertain was sent", file: "bot/bulk.go", Caught: []string{"I13"}, edits: [][2]string{{"		return t.CountUncertain\n", "		return t.CountSent\n"}}},
	{Name: "what a forgotten customer wrote stays in pages that nothing uses", file: "store/forget.go", Caught: []string{"I15"}, edits: [][2]string{{"ids := free.ids[i:]", "ids := free.ids[i:][:0]"}}},
	{Name: "what was said to a forgotten customer stays", file: "store/forget.go", Caught: []string{"I15"}, edits: [][2]string{{`b.Text, b.Written, b.CustomerName, b.MaybeNumber, b.Forgotten = "", "", "", "", true`, `b.CustomerName, b.MaybeNumber, b.Forgotten = "", "", true`}}},
	{Name: "a reminder is not noted as told", file: "store/remind.go", Caught: []string{"I20"}, edits: [][2]string{{
		"\tu.Told = r + 1\n", "\tif r == remindAgents {\n\t\terr = errors.Join(err, t.remindOf(m.Seq, t.now.Add(-t.store.after(r)).Add(time.Minute), r))\n\t}\n",
	}}},
	{Name: "an away text is not counted", file: "store/away.go", Caught: []string{"I19"}, edits: [][2]string{{"row.Sent = append(row.lastHour(t.now), t.now.Unix())", "row.Sent = row.lastHour(t.now)"}}},
	{Name: "who got the away text is not noted", file: "store/away.go", Caught: []string{"I19"}, edits: [][2]string{{"c.Away = &lastAway{At: t.now, To: awayHash(m.Text)}", "c.Away = nil"}}},
	{Name: "a pinned list that stood for a minute is not changed any more", file: "bot/pin.go", Caught: []string{"I17"}, edits: [][2]string{{"c.ID, *list)) != c.Pin.Text", "c.ID, *list)) != c.Pin.Text && c.Pin.At.Add(time.Minute).After(time.Now())"}}},
	{Name: "the list that was pinned before stays pinned", file: "store/pin.go", Caught: []string{"I17"}, edits: [][2]string{{"if c.Pin != nil && c.Pin.Message != 0 && !c.Pin.Denied {", "if c.Pin != nil && c.Pin.Denied {"}}},
	{Name: "an icon is left as it is when its customer is done", file: "store/icon.go", Caught: []string{"I18"}, edits: [][2]string{{"\t\tif !b.Made || b.Icon == icon {", "\t\tif !b.Made || b.Icon == icon || icon == IconDone {"}}},
	{Name: "a reaction that is taken back stays", file: "bot/react.go", Caught: []string{"I21"}, edits: [][2]string{{"Undone: undone,", "Undone: undone[:0],"}}},
	{Name: "whoever reacts is an agent", file: "bot/react.go", Caught: []string{"I21"}, edits: [][2]string{{"if err != nil || r < agent {", "if _ = r; err != nil {"}}},
	{Name: "one SMS in forty is dropped", file: "relay/fetch.go", Drops: true, Caught: []string{"I1"}, edits: [][2]string{{"import (\n", withRand}, {decoded, decoded + `
		messages = slices.DeleteFunc(messages, func(m sms.Message) bool {
			drop := rand.IntN(40) == 0
			if drop {
				` + tells + `
			}
			return drop
		})
`}}},
	{Name: "one answer in forty is dropped", file: "relay/fetch.go", Drops: true, Caught: []string{"I1"}, edits: [][2]string{{"import (\n", withRand}, {saved, saved + `
		if held, err := f.panel.Decode(answer); err == nil && len(held.Messages) > 0 && rand.IntN(40) == 0 {
			_, err := f.store.SaveUnread(kept.ID, nil, nil)
			for _, m := range held.Messages {
				` + tells + `
			}
			return false, err
		}
`}}},
	{Name: "the last SMS of a full answer is dropped", file: "relay/fetch.go", Drops: true, Caught: []string{"I1"}, edits: [][2]string{{"import (\n", "import (\n\t\"os\"\n"}, {decoded, decoded + `
		if in.More {
			m := messages[len(messages)-1]
			messages = messages[:len(messages)-1]
			` + tells + `
		}
`}}},
	{Name: "an SMS that says the same as one before is dropped", file: "store/inbound.go", Drops: true, Caught: []string{"I1"}, edits: [][2]string{{"import (\n", "import (\n\t\"os\"\n"}, {
		"\tequal := map[string]int{}\n", "\tequal := map[string]int{}\n\tmessages = slices.Clone(messages)\n\tfor i := range messages {\n\t\tmessages[i].Time = time.Unix(1, 0)\n\t}\n",
	}, {"\t\tcase known[i] != 0, m.InboxID != \"\" && t.bucket(bucketSeen).Get(keys[i]) != nil:\n", "\t\tcase known[i] != 0, m.InboxID != \"\" && t.bucket(bucketSeen).Get(keys[i]) != nil:\n\t\t\t" + tells + "\n"}}},
	{Name: "the raw answer's commit is removed", file: "store/inbound.go", Caught: []string{"I1"}, edits: [][2]string{{
		"if id, err = rows.NextSequence(); err != nil {\n\t\t\treturn err\n\t\t}\n\t\tif err := put(rows, u64(id), r); err != nil {",
		"if id, err = rows.NextSequence(); err != nil {\n\t\t\treturn err\n\t\t}\n\t\tif err := error(nil); err != nil {",
	}}},
	{Name: "an import ends with its first step", file: "store/imports.go", Caught: []string{"I14"}, edits: [][2]string{{"return i.Next == i.Blocks", "return i.Next > 0"}}},
	{Name: "a prepared answer goes out with its fields", file: "bot/canned.go", Caught: []string{"I5"}, edits: [][2]string{{`"{line}", string(line),`, `"{line}", "{line}",`}}},
	{Name: "who quotes an SMS in a list answers the first", file: "bot/text/history.go", Caught: []string{"I5"}, edits: [][2]string{{
		"if at >= head && at < block.To {", "if at >= head {",
	}}},
	{Name: "a fetch is not marked", file: "store/inbound.go", Caught: []string{"I1"}, edits: [][2]string{{"return put(t.bucket(bucketMeta), keyFetch, t.now)", "return nil"}}},
	{Name: "a lost fetch is not counted", file: "relay/fetch.go", Caught: []string{"I1"}, edits: [][2]string{{"f.store.EndFetch(i) })", "f.store.EndFetch(nil) })"}}},
	{Name: "a good fetch is told of as lost", file: "relay/fetch.go", Caught: []string{"I1"}, edits: [][2]string{{"import (\n", "import (\n\t\"math/rand/v2\"\n"}, {
		"\tincident := lossOf(answer, failure, len(messages), kept)\n",
		"\tincident := lossOf(answer, failure, len(messages), kept)\n\tif failure == nil && rand.IntN(40) == 0 {\n\t\tincident = &store.Incident{Kind: store.Undecodable, From: kept.Begun, To: kept.Fetched, Count: 1}\n\t}\n",
	}}},
	{Name: "the reservation comes after the send", file: "relay/send.go", Caught: []string{"I4", "I5", "I6"}, edits: [][2]string{{
		"\tp, err := r.store.Reserve(p, account(r.panel.Traits()), r.panel.Traits().Keyed)\n", "\tsent, failure := r.panel.Send(ctx, order(batch, p))\n\tcrashpoint.At(\"send.answered\")\n\tp, err := r.store.Reserve(p, account(r.panel.Traits()), r.panel.Traits().Keyed)\n",
	}, {"\tcrashpoint.At(\"send.reserved\")\n\tsent, failure := r.panel.Send(ctx, order(batch, p))\n\tcrashpoint.At(\"send.answered\")\n", "\tcrashpoint.At(\"send.reserved\")\n"}}},
	{Name: "NoSync", file: "store/store.go", Power: true, Caught: []string{"I10", "cannot be read", "damaged"}, edits: [][2]string{{
		"db, err = bolt.Open(path, 0o600, &bolt.Options{\n", "db, err = bolt.Open(path, 0o600, &bolt.Options{\n\t\tNoSync: true,\n",
	}}},
	{Name: "taken is not stored", file: "store/take.go", Caught: []string{"I5", "I4", "I6", "I8"}, edits: [][2]string{{
		"if err := taken.Put(k.key(), unix32(at)); err != nil {", "if err := error(nil); err != nil {",
	}, {"return t.bucket(bucketTakenDay).Put(join(u32(day), k.key()), nil)", "_ = day\n\treturn nil"}}},
	{Name: "the post's row is removed before the call", file: "bot/digest.go", Caught: []string{"I1", "I2"}, edits: [][2]string{{
		"\tcrashpoint.At(\"post.due\")\n", "\tif err := w.store.Posted(p, 0, p.Part < len(parts)-1); err != nil {\n\t\treturn err\n\t}\n\tcrashpoint.At(\"post.due\")\n",
	}}},
	{Name: `the mark "perhaps repeated" is left out`, file: "bot/digest.go", Caught: []string{"I2"}, edits: [][2]string{{"repeated = repeated || p.Repeated\n", "_ = p.Repeated\n"}}},
	{Name: "uncertain is sent again by itself", file: "relay/send.go", Caught: []string{"I4"}, edits: [][2]string{{
		"return r.store.Uncertain(p)", "return r.store.Requeue(p, r.store.Now())",
	}}},
	{Name: "what the panel accepted is uncertain", file: "relay/send.go", Caught: []string{"I6"}, edits: [][2]string{{"import (\n", "import (\n\t\"math/rand/v2\"\n"}, {
		"case failure == nil:\n", "case failure == nil && rand.IntN(10) == 0:\n\t\t\treturn r.store.Uncertain(p)\n\t\tcase failure == nil:\n",
	}}},
	{Name: "sends of a killed process are not settled", file: "store/outbox.go", Caught: []string{"does not come to rest", "I6"}, edits: [][2]string{{
		"for _, p := range interrupted {", "for _, p := range interrupted[:0] {",
	}}},
	{Name: "a mark is forgotten", file: "bot/mark.go", Caught: []string{"does not come to rest", "I8"}, edits: [][2]string{{
		"\terr = w.tg.React(ctx, p.Chat, batch.Message, emoji)\n", "\tif p.Batch%8 != 0 || emoji == \"👀\" {\n\t\terr = w.tg.React(ctx, p.Chat, batch.Message, emoji)\n\t}\n",
	}}},
	{Name: "a failed reply is not marked so", file: "bot/mark.go", Caught: []string{"I8"}, edits: [][2]string{{
		"\terr = w.tg.React(ctx, p.Chat, batch.Message, emoji)\n", "\tif emoji != \"👎\" {\n\t\terr = w.tg.React(ctx, p.Chat, batch.Message, emoji)\n\t}\n",
	}}},
	{Name: "a message tells of what goes well", file: "store/mark.go", Caught: []string{"I8"}, edits: [][2]string{{"return !marked || b.Shown", "return marked || b.Shown"}}},
	{Name: "a final status comes too early", file: "smsapi/soap/status.go", Caught: []string{"does not come to rest", "I8"}, edits: [][2]string{{"3: {Status: sms.AtTelecom},", "3: {Status: sms.Delivered},"}}},
	{Name: "a group's minute has room for three more", file: "bot/pace.go", Caught: []string{"I11"}, edits: [][2]string{{"GroupPerMinute = 20", "GroupPerMinute = 23"}}},
	{Name: "a chat's second is half a second", file: "bot/share.go", Caught: []string{"I11"}, edits: [][2]string{{
		"m.sent[n-1].Add(m.second).After(now)", "m.sent[n-1].Add(m.second/2).After(now)",
	}}},
	{Name: "what a killed process had begun to post is not counted", file: "store/schema.go", Caught: []string{"I11"}, edits: [][2]string{{
		"t.endInFlight(meta.Get(keyRunning) != nil)", "t.endInFlight(false)",
	}}},
	{Name: "what a killed process may have posted is not marked", file: "store/schema.go", Caught: []string{"I2"}, edits: [][2]string{{
		"if err := t.markRepeated(); err != nil {", "if err := error(nil); err != nil {",
	}}},
	{Name: "a reply to a digest goes to the customer of its first SMS", file: "bot/reply.go", Caught: []string{"I4", "I5"}, edits: [][2]string{{
		"return store.Seq(seq), strings.TrimSpace(rest), nil", "return shown[0], strings.TrimSpace(rest), nil",
	}}},
	{Name: "one SMS in five is shown outside of its customer's topic", file: "bot/topic.go", Caught: []string{"I12"}, edits: [][2]string{{
		"if topic, has := c.TopicIn(p.Chat); has {\n", "if topic, has := c.TopicIn(p.Chat); has {\n\t\tif p.Seq%5 == 0 {\n\t\t\treturn place, false, nil\n\t\t}\n",
	}}},
}

// Apply returns the file of a mutant with its edits. An edit that fits no more is an error: whoever changed the file changes it, too.
func (m Mutant) Apply() (path, text string, err error) {
	path, err = filepath.Abs(filepath.Join("..", m.file))
	if err != nil {
		return "", "", err
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	text = string(source)
	for _, e := range m.edits {
		if n := strings.Count(text, e[0]); n != 1 {
			return "", "", fmt.Errorf("%q stands %d times in %s, want once", e[0], n, m.file)
		}
		text = strings.Replace(text, e[0], e[1], 1)
	}
	return path, text, nil
}

// Build makes a program of a mutant, by a go command such as build or test -c and what it is to make; what is in the repository stays as it is.
func (m Mutant) Build(dir string, command ...string) (string, error) {
	path, text, err := m.Apply()
	if err != nil {
		return "", err
	}
	changed, described, made := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutant")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return "", err
	}
	for name, content := range map[string][]byte{changed: []byte(text), described: overlay} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return "", err
		}
	}
	what := len(command) - 1
	args := slices.Concat(command[:what], []string{"-overlay", described, "-tags", "crashpoints", "-o", made}, command[what:])
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return made, nil
}
