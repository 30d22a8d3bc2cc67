package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
	"peyk/telegram"
)

// cannedRunes is how long a prepared answer can be: six parts of a Persian one.
const cannedRunes = 400

// nearest is how many names are listed where one is unknown.
const nearest = 5

// cannedFields are what a prepared answer can leave open.
var cannedFields = []string{"{name}", "{number}", "{agent}", "{line}", "{date}"}

// cannedKey returns what is equal for names that are one, whoever typed them on whichever keyboard.
func cannedKey(name string) string {
	return sms.Fold(normalizeWord(name))
}

// readCanned reads what follows /canned: a name, and a text unless that is only asked for.
func readCanned(args string) (name, words string) {
	i := strings.IndexFunc(args, unicode.IsSpace)
	if i < 0 {
		return args, ""
	}
	return args[:i], strings.TrimSpace(args[i:])
}

// nameable tells whether a prepared answer can have this name: a word to be typed, without what else means something.
func nameable(name string) bool {
	return utf8.RuneCountInString(name) <= text.NameRunes && strings.ContainsFunc(cannedKey(name), letterOrDigit) && !strings.ContainsAny(name, "{}#@/")
}

// brokenField returns the first brace of a text that opens none of cannedFields, with what follows it.
func brokenField(words string) (broken string, is bool) {
	for {
		i := strings.IndexByte(words, '{')
		if i < 0 {
			return "", false
		}
		words = words[i:]
		field := slices.IndexFunc(cannedFields, func(f string) bool { return strings.HasPrefix(words, f) })
		if field < 0 {
			if end := strings.IndexByte(words, '}'); end > 0 {
				words = words[:end+1]
			}
			return text.Short(words, text.NameRunes), true
		}
		words = words[len(cannedFields[field]):]
	}
}

// canned lists, shows, keeps and removes prepared answers.
func (b *Bot) canned(_ context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	all, err := b.store.Canned()
	if err != nil {
		return err
	}
	name, words := readCanned(m.Args)
	name, remove := strings.CutPrefix(name, "-")
	i := slices.IndexFunc(all, func(c store.Canned) bool { return cannedKey(c.Name) == cannedKey(name) })
	switch {
	case m.Args == "":
		return b.respond(m, listCanned(t, all))
	case !nameable(name) || remove && words != "":
		return b.respond(m, t.CannedUsage)
	case words != "":
		return b.keepCanned(m, name, words, i >= 0)
	case i < 0:
		return b.respond(m, unknownCanned(t, all, name))
	case remove:
		_, err = b.store.Take(updateKey(m), store.Caused{
			Canned: &store.Canned{Key: all[i].Key}, Posts: []store.Post{response(m, t.Say(t.CannedRemoved, text.Code(all[i].Name)))},
		})
		return err
	}
	return b.respond(m, t.Say(t.CannedIs, text.Code(all[i].Name), text.Escape(all[i].Text)))
}

// keepCanned keeps a prepared answer, perhaps in the place of another.
func (b *Bot) keepCanned(m *telegram.Message, name, words string, again bool) error {
	t := b.language(m.Chat)
	words = withAddresses(m, words)
	broken, is := brokenField(words)
	switch {
	case m.Garbled && strings.ContainsRune(words, utf8.RuneError):
		return b.respond(m, t.Garbled)
	case is:
		return b.respond(m, t.Say(t.CannedField, text.Code(broken), text.Code(strings.Join(cannedFields, " "))))
	case utf8.RuneCountInString(words) > cannedRunes:
		return b.respond(m, t.Say(t.CannedLong, cannedRunes))
	}
	sentence := t.CannedKept
	if again {
		sentence = t.CannedChanged
	}
	said := t.Say(sentence, text.Code(name), text.Code("/c "+name))
	line, err := b.lineOf(m.Chat)
	if err != nil {
		return err
	}
	usual := b.fillCanned(m, words, store.Customer{Number: "09121234567", Name: m.From.Name}, line)
	if parts := b.opts.PartSizes.Count(usual).Parts; parts > usualParts {
		said += "\n" + t.Say(t.CannedParts, parts)
	}
	_, err = b.store.Take(updateKey(m), store.Caused{
		Canned: &store.Canned{Key: cannedKey(name), Name: name, Text: words}, Posts: []store.Post{response(m, said)},
	})
	if errors.Is(err, store.ErrTooMany) {
		return b.respond(m, t.Say(t.CannedFull, store.MaxCanned))
	}
	return err
}

// fillCanned fills what a prepared answer leaves open.
func (b *Bot) fillCanned(m *telegram.Message, words string, to store.Customer, line sms.Number) string {
	return strings.NewReplacer(
		"{name}", to.Name, "{number}", string(to.Number), "{agent}", text.Short(m.From.Name, text.NameRunes), "{line}", string(line),
		"{date}", strings.TrimSpace(b.language(m.Chat).Date(b.now(), "")),
	).Replace(words)
}

// listCanned lists prepared answers with how they begin; when they are many, their names alone.
func listCanned(t *text.Language, all []store.Canned) string {
	const few, inLine = 30, 5
	if len(all) == 0 {
		return t.CannedNone
	}
	lines := []string{t.CannedHead}
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = text.Code(c.Name)
		lines = append(lines, t.Say(t.CannedLine, names[i], text.Isolated(c.Text)))
	}
	if len(all) > few {
		lines = lines[:1]
		for some := range slices.Chunk(names, inLine) {
			lines = append(lines, t.List(some))
		}
	}
	return text.Clip(lines)
}

// unknownCanned says that there is no prepared answer of that name, and which come nearest.
func unknownCanned(t *text.Language, all []store.Canned, name string) string {
	if len(all) == 0 {
		return t.CannedNone
	}
	key := []rune(cannedKey(name))
	slices.SortStableFunc(all, func(a, b store.Canned) int { return distance(key, []rune(a.Key)) - distance(key, []rune(b.Key)) })
	var names []string
	for _, c := range all[:min(nearest, len(all))] {
		names = append(names, text.Code(c.Name))
	}
	return t.Say(t.CannedUnknown, text.Code(text.Short(name, text.NameRunes)), t.List(names))
}

// distance returns how many letters must be added, left out or changed to make b of a; letters that b goes on with are few.
func distance(a, b []rune) int {
	if len(a) > 0 && len(a) < len(b) && string(b[:len(a)]) == string(a) {
		return 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before := row[0] // that of a[:i] and b[:j]
		row[0] = i + 1
		for j := range b {
			changed := before
			if a[i] != b[j] {
				changed++
			}
			before = row[j+1]
			row[j+1] = min(changed, before+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// sendCanned sends a prepared answer just as a reply with its words would.
func (b *Bot) sendCanned(ctx context.Context, m *telegram.Message, _ role) error {
	t := b.language(m.Chat)
	c, name, refusal, err := b.cannedTarget(m)
	if err == nil && refusal == "" {
		c, refusal, err = b.answerable(m, c)
	}
	switch {
	case err != nil:
		return err
	case refusal != "":
		return b.respond(m, refusal)
	}
	all, err := b.store.Canned()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(c store.Canned) bool { return cannedKey(c.Name) == cannedKey(name) })
	if i < 0 {
		return b.respond(m, unknownCanned(t, all, name))
	}
	return b.orderCanned(ctx, m, c, all[i].Text)
}

// orderCanned orders a prepared answer in reply to a customer.
func (b *Bot) orderCanned(ctx context.Context, m *telegram.Message, c sms.Conversation, words string) error {
	to, err := b.store.Customer(c.Customer)
	switch {
	case err != nil:
		return err
	case to.Name == "" && strings.Contains(words, "{name}"):
		t := b.language(m.Chat)
		return b.respond(m, t.Say(t.CannedNameless, text.Code("{name}"), text.Number(c.Customer)))
	}
	reply := *m
	reply.Command, reply.Links, reply.Text = "", nil, b.fillCanned(m, words, to, c.Line)
	return b.order(ctx, &reply, addressed{c.Line, []sms.Number{c.Customer}, reply.Text, true})
}

// cannedTarget returns whom /c answers, with the name that follows it, or the sentence that says why nobody.
func (b *Bot) cannedTarget(m *telegram.Message) (c sms.Conversation, name, refusal string, err error) {
	t := b.language(m.Chat)
	name = strings.TrimSpace(m.Args)
	switch {
	case m.Elsewhere != nil:
		return c, name, t.Elsewhere, nil
	case b.repliesToUs(m):
		reply := *m
		reply.Text = name
		c, name, refusal, err = b.replyTarget(&reply)
	default:
		c, err = b.customerOfPlace(sms.Place{Chat: m.Chat, Topic: m.Topic})
		if c.Customer == "" {
			refusal = t.CannedUsage
		}
	}
	if name == "" && refusal == "" {
		refusal = t.CannedUsage
	}
	return c, name, refusal, err
}
