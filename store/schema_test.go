package store

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"peyk/sms"
)

var writeSchema = flag.Bool("write-schema", false, "write the file of this schema to testdata, if there is none")

// filled stores one of everything.
func filled(tb testing.TB, s *Store, c *clock) {
	fetched(tb, s, unread(c, "سلام", "posted"))
	must(tb, s.Posted(heads(tb, s)[0], 10, false))
	ok(s.SaveRaw(Raw{Body: []byte("<xml/>"), Fetched: c.now()}))
	p := claimed(tb, s, take(tb, s, order(ali, sara)))
	must(tb, s.Sent(p, []Outcome{{ID: "71"}, {Reason: sms.Refused, Words: "blocked", Code: "-3"}}, nil))
	must(tb, s.Uncertain(claimed(tb, s, take(tb, s, order(ali)))))
	take(tb, s, asking(ali))
	take(tb, s, order(ali))
	ok(s.Take(UpdateKey{Chat: 5, Message: 1}, Caused{Allow: &Agent{ID: 5, Name: "Ali", Admin: true}, EditChat: func(c *Chat) { c.Language = "fa" }}))
	must(tb, s.AddPost(Post{Chat: group, Kind: PostText, Text: "refused"}))
	for _, p := range posts(tb, s) {
		if p.Kind == PostText {
			must(tb, s.SetAside(p, "Bad Request"))
		}
	}
	must(tb, s.AddTopic(1, sms.Place{Chat: group, Topic: 12}, "09121234567", ""))
	ok(s.Take(UpdateKey{Chat: group, Message: 900}, Caused{Customer: ali, EditCustomer: func(c *Customer) { c.Name = "Mrs Rezaei" }}))
	must(tb, s.SaveCredit(1000, 500))
	must(tb, s.update(func(t *tx) error {
		m := ok(t.sms(1))
		return errors.Join(t.wrote(m), t.snooze(m.Conversation, c.now().Add(time.Hour)), put(t.bucket(bucketWaiting), u64(2), unanswered{}),
			t.bucket(bucketRemind).Put(dueKey(c.now().Add(time.Hour), 2), []byte{0}))
	}))
	must(tb, s.update(func(t *tx) error { return t.bucket(bucketSMS).SetSequence(blockSize) }))
	ok(s.IndexHistory())
	ok(s.Take(UpdateKey{Chat: group, Message: 901}, Caused{Canned: &Canned{Key: "hours", Name: "Hours", Text: "Hello {name}, we open at 8"}}))
	ok(s.AddImport(Import{Place: sms.Place{Chat: group}, Agent: 5}, []Contact{{Number: ali, Name: "Ali"}}))
	must(tb, s.update(func(t *tx) error {
		return t.setWish(Wished{Conversation: sms.Conversation{Line: line, Customer: sara}, Wish: OptOut, At: c.now()})
	}))
	ok(s.Take(UpdateKey{Chat: group, Message: 902}, Caused{Block: &Block{Customer: "09991234567", At: c.now(), By: "Ali"}}))
	must(tb, s.update(func(t *tx) error {
		return t.putScheduled(Scheduled{ID: 1, Order: *order(ali), At: c.now().Add(time.Hour), Zone: "Asia/Tehran", Confirmed: true})
	}))
	must(tb, s.BeginFetch())
}

func claimed(tb testing.TB, s *Store, id BatchID) Piece {
	tb.Helper()
	for _, p := range queued(tb, s) {
		if p.Batch == id {
			return ok(s.Reserve(p, "", false))
		}
	}
	tb.Fatalf("batch %d is not queued", id)
	return Piece{}
}

func schemaFile(schema int) string {
	return filepath.Join("testdata", "schema", fmt.Sprintf("%d.db.gz", schema))
}

// unpacked returns a copy of a file of testdata, to be changed.
func unpacked(tb testing.TB, name string) (path string) {
	tb.Helper()
	path = tempFile(tb)
	must(tb, os.Mkdir(filepath.Dir(path), 0o700))
	f := ok(os.Open(name))
	defer f.Close()
	must(tb, os.WriteFile(path, ok(io.ReadAll(ok(gzip.NewReader(f)))), 0o600))
	return path
}

// TestOldSchemasOpen opens a file of every schema there was, and of every form that files of one schema had: their names say which schema,
// and which version made them where that matters. A file once written is never changed: it stands for those in use.
func TestOldSchemasOpen(t *testing.T) {
	current := schemaFile(len(migrations))
	if _, err := os.Stat(current); *writeSchema && err != nil {
		path, c := tempFile(t), newClock()
		s := open(t, path, c.inbox(group))
		filled(t, s, c)
		crash(t, s)
		small := filepath.Join(t.TempDir(), "small.db")
		must(t, compact(path, small))
		var packed bytes.Buffer
		w := ok(gzip.NewWriterLevel(&packed, gzip.BestCompression))
		ok(w.Write(ok(os.ReadFile(small))))
		must(t, w.Close())
		must(t, os.WriteFile(current, packed.Bytes(), 0o644))
	}
	of := map[int]int{}
	for _, name := range ok(filepath.Glob(filepath.Join("testdata", "schema", "*.db.gz"))) {
		var schema int
		ok(fmt.Sscanf(filepath.Base(name), "%d", &schema))
		of[schema]++
		t.Run(filepath.Base(name), func(t *testing.T) { opensAs(t, name, schema) })
	}
	for schema := 1; schema <= len(migrations); schema++ {
		if of[schema] == 0 {
			t.Errorf("there is no file of schema %d: write it with -write-schema", schema)
		}
	}
}

// opensAs opens a file made by filled, and perhaps a little more, with an earlier version.
func opensAs(t *testing.T, name string, schema int) {
	path, c := unpacked(t, name), newClock()
	old := ok(Inspect(path, c.inbox(group)))
	if got := schemaIn(old); got != schema {
		t.Errorf("the file says schema %d", got)
	}
	must(t, old.Check())
	for what, read := range map[string]func() error{ // what an earlier schema has no bucket for is an error, and the file can be closed
		"inboxes": func() error { _, err := old.InboxChats(); return err },
		"linked":  func() error { _, err := old.LinkedChats(); return err },
		"admins":  func() error { _, err := old.Admins(); return err },
		"stats":   func() error { _, err := old.Stats(); return err },
	} {
		if err := read(); err != nil && (schema == len(migrations) || !errors.Is(err, ErrDamaged)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, old.Close())

	s := open(t, path, c.inbox(group))
	if got := schemaIn(s); got != len(migrations) {
		t.Errorf("the file says schema %d after it was opened", got)
	}
	must(t, s.Check())
	if m := ok(s.SMS(1)); m.Text != "سلام" || m.Customer != ali || m.Line != line || !m.Time.Equal(c.now()) {
		t.Errorf("got %+v", m)
	}
	if got := ok(s.ByID("71")); got.Status != sms.Sent || got.Batch != 1 {
		t.Errorf("got %+v", got)
	}
	if got := ok(s.Shows(group, 10)).Seq; got != 1 {
		t.Errorf("message 10 shows %d", got)
	}
	if got := len(ok(s.Undecoded())); got != 1 {
		t.Errorf("%d answers undecoded, want 1", got)
	}
	if b := ok(s.Batch(2)); b.Uncertain != 1 || b.Agent != 5 {
		t.Errorf("got %+v", b)
	}
	if b := ok(s.Batch(3)); b.State != Asking {
		t.Errorf("got %+v", b)
	}
	c.pass(askFor)
	ok(s.Expire())
	if b := ok(s.Batch(3)); b.State != Expired {
		t.Errorf("got %+v, want that it is too late", b)
	}
	if got := len(queued(t, s)); got != 1 {
		t.Errorf("%d pieces queued, want 1", got)
	}
	if a := ok(s.Agents()); len(a) != 1 || a[0].Name != "Ali" || !a[0].Admin || ok(s.Chat(5)).Language != "fa" {
		t.Errorf("got %+v", a)
	}
	if !ok(s.Taken(UpdateKey{Chat: 5, Message: 1})) {
		t.Errorf("an update is not taken any more")
	}
	if c := ok(s.Customer(ali)); schema >= 2 && (c.Name != "Mrs Rezaei" || c.In == 0 || !cmp.Equal(c.Topics, []sms.Place{{Chat: group, Topic: 12}})) {
		t.Errorf("got %+v", c)
	}
	var kinds []IncidentKind
	for _, i := range ok(s.Incidents()) {
		kinds = append(kinds, i.Kind)
	}
	if diff := cmp.Diff([]IncidentKind{PostRefused, FetchLost}, kinds); diff != "" {
		t.Errorf("%s", diff)
	}
	if got := shown(t, s)[group]; !cmp.Equal(got, []string{"posted"}) {
		t.Errorf("shown %v", got)
	}

	// And it goes on as any other.
	p := claim(t, s)
	must(t, s.Sent(p, accepted(p), nil))
	if got := statuses(t, s, p.Batch); !cmp.Equal(got, []sms.Status{sms.Sent}) {
		t.Errorf("what was queued is %v, want it sent", got)
	}
	b := ok(s.Batch(2))
	ok(s.Decide(b.ID, b.Generation, Leave, "Ali"))
	fetched(t, s, unread(c, "later"))
	must(t, s.SaveCredit(900, 500))
	ok(s.Stats())
	c.pass(100 * aDay)
	prune(t, s)
	must(t, s.Check())
}

func compact(from, to string) error {
	src, err := bolt.Open(from, 0o600, nil)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := bolt.Open(to, 0o600, nil)
	if err != nil {
		return err
	}
	return errors.Join(bolt.Compact(dst, src, 0), dst.Close())
}

func TestTheFileOfThisSchemaHasOneOfEverything(t *testing.T) {
	db := ok(bolt.Open(unpacked(t, schemaFile(len(migrations))), 0o600, &bolt.Options{ReadOnly: true}))
	defer db.Close()
	must(t, db.View(func(b *bolt.Tx) error {
		return b.ForEach(func(name []byte, bucket *bolt.Bucket) error {
			if count(bucket) == 0 {
				t.Errorf("nothing in %s: the file says nothing about it", name)
			}
			return nil
		})
	}))
}

// migrate adds migrations for the length of a test.
func migrate(t *testing.T, more ...func(*bolt.Tx) error) {
	old := migrations
	migrations = append(migrations[:len(migrations):len(migrations)], more...)
	t.Cleanup(func() { migrations = old })
}

func schemaIn(s *Store) (schema int) {
	s.view(func(t *tx) error { schema = schemaOf(t.Tx); return nil })
	return schema
}

func TestAMigrationKeepsACopyOfTheOldFile(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.inbox(group))
	fetched(t, s, unread(c, "one"))
	must(t, s.Close())
	now := len(migrations)
	steps := 0
	migrate(t,
		func(b *bolt.Tx) error { steps++; return b.Bucket(bucketSMS).Delete(u64(1)) },
		func(b *bolt.Tx) error { steps++; _, err := b.CreateBucket([]byte("new")); return err },
	)
	s, err := Open(path, c.inbox(group))
	if err != nil || steps != 2 {
		t.Fatalf("%d steps, %v", steps, err)
	}
	if got := schemaIn(s); got != now+2 {
		t.Errorf("the file says schema %v, want %v", got, now+2)
	}
	must(t, s.Close())
	must(t, ok(Open(path, c.inbox(group))).Close()) // and no step again
	if steps != 2 {
		t.Errorf("%d steps, want 2", steps)
	}

	copied := fmt.Sprintf("%s.schema%d", path, now)
	if mode := ok(os.Stat(copied)).Mode(); mode != 0o600 {
		t.Errorf("the copy has mode %v", mode)
	}
	migrations = migrations[:now]
	s = open(t, copied, c.inbox(group))
	if got := shown(t, s)[group]; !cmp.Equal(got, []string{"one"}) {
		t.Errorf("the copy holds %v, want what there was before", got)
	}
}

func TestAMigrationThatBreaksOffGoesOnWhereItStopped(t *testing.T) {
	path, c := tempFile(t), newClock()
	must(t, open(t, path, c.options()).Close())
	now := len(migrations)
	full, first := errors.New("no space left on device"), 0
	broken := true
	migrate(t,
		func(b *bolt.Tx) error { first++; return nil },
		func(b *bolt.Tx) error {
			if err := b.DeleteBucket(bucketDead); err != nil {
				return err
			}
			if broken {
				return full
			}
			_, err := b.CreateBucket(bucketDead)
			return err
		},
	)
	if _, err := Open(path, c.options()); !errors.Is(err, full) {
		t.Fatalf("got %v, want the error of the step", err)
	}
	broken = false
	s := open(t, path, c.options())
	if first != 1 {
		t.Errorf("the first step was done %d times", first)
	}
	if got := schemaIn(s); got != now+2 {
		t.Errorf("the file says schema %v, want %v", got, now+2)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path, c := tempFile(t), newClock()
	s := open(t, path, c.options())
	must(t, s.update(func(t *tx) error { return t.bucket(bucketMeta).Put(keySchema, u64(uint64(len(migrations)+1))) }))
	must(t, s.Close())
	before := ok(os.ReadFile(path))
	if _, err := Open(path, c.options()); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v, want ErrNewer", err)
	}
	if !cmp.Equal(before, ok(os.ReadFile(path))) {
		t.Error("the file was changed")
	}
}

func TestAFileOfSomethingElseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peyk.db")
	for _, content := range []string{"SQLite format 3\x00", string(make([]byte, 1<<16))} {
		must(t, os.WriteFile(path, []byte(content), 0o600))
		if _, err := Open(path, Options{}); err == nil {
			t.Errorf("a file of %d foreign bytes was opened", len(content))
		}
	}
}
