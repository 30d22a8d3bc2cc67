// Package store keeps all that the bridge must not forget, in one bbolt file: SMS and how far they have come, what agents ordered, what chats
// are still to show, who may use the bot.
//
// It knows nothing of the panel's codes or protocol, nor of Telegram's methods or limits. What comes from the panel, package relay stores here
// and reads back to send it; what comes from Telegram, package bot stores here and reads back to show it. The two meet nowhere else: a commit
// wakes whoever waits for what it brought, by the channels Posts, MarksQueued and Outbox. Amounts, ages and the team's chats come from the
// settings, in Options.
//
// One method is one transaction; none contains another or a network call. One goroutine writes. It commits everything that waits in one
// transaction, so that many writers cost one sync of the disk. If a function in that transaction fails, the others run again without it: so a
// function sets its results from scratch.
//
// This is the file. Integers in keys are big-endian, and chat ids have their sign bit flipped, so that keys sort as numbers do. A value is a
// version byte and JSON, whose tags are those of the exported types; only sms has records of its own, and history bytes, as there are many. Names on disk never
// change, and so a few are older than the words in the code.
//
//	meta          schema | running | ended             number | since | when
//	              fetch | silent                       begun | since
//	              answered | pruned | low              when SMS were fetched last | how far | since
//	              owed | keys                          since when each line must be read again | the next key of an SMS
//	              cursor                               how far SMS have been read, of a panel that takes none away
//	              panel | emptied                      which kind is asked, and since when | when each line had nothing unread
//	              handed | repeats | order             the last answer with SMS | when told that it recurs | how the panel orders them
//	              held | forget                        why, incident | customers who are being forgotten, and how far
//	              closed | away                        the days on which the team does not work | when away texts were stored lately
//	              restored                             the last row of raw that a restored backup held
//	              log | entry                          the journal whose entries the file has | how many of them
//	              newest | clock                       when | right, and since when
//	raw           raw u64                              an answer to GetMsg as it came, until it is decoded
//	sms           Seq u64                              one SMS, in or out, to one recipient, and how far it has come
//	seen          time u32, hash u64, nth u16          Seq, met u32 which unread SMS were stored already
//	batch         batch u64                            one order to send, from one command
//	piece         batch u64, n u32                     at most 60 recipients of it, sent by one request
//	outbox        batch u64, n u32                     -            pieces that are Queued or Sending
//	uncertain     batch u64, n u32                     -            pieces nobody knows the fate of, until decided
//	asking        batch u64, n u32                     -            pieces that wait for [Send], until decided or too late
//	id            the panel's id                       Seq
//	due           unix u32, Seq u64                    -            when to ask for delivery next
//	post          chat i64, class u8, u64              what to show in a chat; chat 0 waits for a chat
//	dead          as post                              what Telegram refused for good, and why
//	link          chat i64, chat message u64           which SMS or batch a chat message shows
//	chat_batch    chat i64, batch u64                  -            the batches ordered in a chat
//	taken         chat i64, chat message u64, kind u8  when         which updates were acted on
//	taken_day     day u32, key of taken                -            the same by age, for pruning
//	chat          chat i64                             settings of a chat
//	agent         agent i64                            who may use the bot besides the settings' list
//	spent         day u32, agent i64                   SMS parts an agent ordered on a day
//	credit        day u32                              what was left at the panel on a day, and how fast it went
//	incident      u64                                  what the team must be told
//	customer      number                               what is known of a customer
//	bound         chat i64, topic i64                  the customer a topic or a chat belongs to
//	canned        name, folded                         an answer that agents prepared
//	import        u64                                  names for many customers from a file, and how far they have been given
//	contacts      import u64, block u32                a hundred numbers with their names, of now and of before
//	history       block u64                            which customer's the SMS of a block are: hash u16, place u16, for each
//	waiting       Seq u64                              an SMS whose customer waits for an answer, and the messages that show it
//	snoozed       number, 0, line                      a conversation that waits again at some time
//	wish          number, 0, line                      whether a customer wants no more SMS of a line
//	blocked       number                               a customer whose SMS are not shown
//	remind        unix u32, Seq u64                    when somebody is to be reminded that an SMS waits: the agents, or the admins
//	scheduled     u64                                  an order for later
//
// SMS numbers, batches and the rows of class Answers come from the sequences of sms, batch and post.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"peyk/internal/crashpoint"
	"peyk/internal/hours"
	"peyk/sms"
)

// Errors a caller can act on.
var (
	ErrNotFound = errors.New("not found")
	ErrLocked   = errors.New("another process has the store open")
	ErrNewer    = errors.New("the store was written by a newer version")
	ErrDamaged  = errors.New("damaged, or no store of peyk's")
	ErrTaken    = errors.New("update was acted on already")
	ErrClosed   = errors.New("store is closed")
	ErrDisk     = errors.New("the file took no write")                                   // nothing was stored; the same write works once there is room again
	ErrStuck    = errors.New("nothing is read or written any more until the next start") // which finds what was stored; see Damaged
)

// Identifiers of our own.
type (
	Seq     uint64 // one SMS
	BatchID uint64
)

const lockWait = time.Second

// firstMap is how much of the file is mapped at first, however small the file is. When it outgrows that, no commit can end before all reads have,
// and a slow backup reads for minutes. A map takes addresses, of which there are plenty, but no memory: 4 GB, or 256 MB where addresses have 32
// bits.
const firstMap = 1 << (28 + 4*(^uint(0)>>63))

// Options of a Store; the zero value works.
type Options struct {
	LockWait time.Duration // how long to wait for another process to close the file; 1 s when zero

	// What the settings say, in addition to the store's own rows.
	Inbox  []sms.ChatID  // chats that show inbound SMS of all lines
	Admins []sms.AgentID // who is told of incidents

	DailyParts int            // what an agent may order in a day: parts of an SMS times recipients; no cap when zero
	Location   *time.Location // in whose calendar; UTC when nil
	Hours      hours.Week     // when the team works; always when zero
	Away       Away           // what customers are sent who write when it does not

	OptOutWords []string // an SMS of one of these, folded, opts its customer out of the line
	OptInWords  []string // likewise, back in

	RemindAfter   time.Duration // how long a customer waits, in working hours, before the agents are reminded; never when zero
	EscalateAfter time.Duration // likewise, before the admins are told

	RecentPosts    int           // how many of a group's last posts are remembered for whoever paces them; none when zero
	StatusInterval time.Duration // first pause before asking for delivery; 15 s when zero
	AskFor         time.Duration // how long a question waits for [Send]; 15 minutes when zero
	Keep           time.Duration // how long SMS and batches are kept; 90 days when zero
	Now            func() time.Time

	// Commit carries out each transaction by calling write, once or not at all, and returns what that returned, or why it was not called: the
	// disk takes nothing. It may take its time, as a disk does. Nil calls write.
	Commit    func(write func() error) error
	Committed func(Commit) // is told of every transaction; it must not wait
	Journal   Journal      // none when nil
	TakenOver bool         // the process before this one ran elsewhere, and perhaps still waits for an answer
	Log       *slog.Logger // nowhere when nil
}

// Store is an open file. It is safe for concurrent use.
type Store struct {
	db        *bolt.DB
	file      *os.File    // db's
	damaged   chan error  // see Damaged
	stuck     error       // an ErrStuck, once it is; the writer sets it, holding syncing
	unclean   atomic.Bool // whether the file was found damaged
	opts      Options
	entry     uint64 // how many entries of the journal the file has; the writer's
	writes    chan write
	done      chan struct{} // closed when the writer has ended
	posts     chan struct{}
	marks     chan struct{}
	forget    chan struct{} // see Forgets
	imports   chan struct{} // see Imports
	schedules chan struct{} // see Schedules
	outbox    chan struct{}
	ended     time.Time // see Ended
	opened    time.Time // by our clock

	givenUp chan struct{} // closed by GiveUp
	unsaved atomic.Int64  // writes that were given up then

	answer, message        atomic.Pointer[reading] // of Telegram's clock
	suspect                atomic.Pointer[reading] // the last answer's, whether believed or not
	newest                 atomic.Int64            // date of a message, Unix time
	clockNoted, clockWrong atomic.Bool             // since Open; what was noted

	syncing sync.RWMutex // held for writing while a transaction is committed
}

// Open opens the file at path. It makes the file and its directory if they are missing, for this user alone. What an earlier process left
// unfinished is put in order at once: sends without an answer become uncertain, a fetch without an answer becomes an incident, and posts that may
// have been shown are marked as perhaps repeated. The error is ErrLocked if another process has the file, ErrNewer if the file is of a later
// schema, and ErrDamaged if the file is seen to be damaged. The caller closes the store.
func Open(path string, opts Options) (s *Store, err error) {
	crashpoint.OneThread(func() { s, err = openStore(path, opts) })
	return s, err
}

func openStore(path string, opts Options) (*Store, error) {
	opts.setDefaults()
	size, err := checkPath(path)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	db, file, err := openFile(path, size, opts.LockWait)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return begin(db, file, path, opts)
}

// begin makes the store of a file that is open and whole, and puts it in order. If that fails the file is closed.
func begin(db *bolt.DB, file *os.File, path string, opts Options) (*Store, error) {
	s := &Store{
		db: db, file: file, damaged: make(chan error, 1), opts: opts, opened: opts.Now(),
		writes: make(chan write, 256), done: make(chan struct{}), givenUp: make(chan struct{}),
		posts: make(chan struct{}, 1), marks: make(chan struct{}, 1), forget: make(chan struct{}, 1), imports: make(chan struct{}, 1), schedules: make(chan struct{}, 1), outbox: make(chan struct{}, 1),
	}
	if err := guarded(func() error { return s.prepare(path) }); err != nil {
		s.unclean.Store(errors.Is(err, ErrDamaged))
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.closeFile())
	}
	go s.write()
	return s, nil
}

func (opts *Options) setDefaults() {
	if opts.LockWait == 0 {
		opts.LockWait = lockWait
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Location == nil {
		opts.Location = time.UTC
	}
	if opts.AskFor == 0 {
		opts.AskFor = askFor
	}
	if opts.Keep == 0 {
		opts.Keep = keepHistory
	}
	if opts.StatusInterval == 0 {
		opts.StatusInterval = 15 * time.Second
	}
	if opts.Commit == nil {
		opts.Commit = func(write func() error) error { return write() }
	}
	if opts.Committed == nil {
		opts.Committed = func(Commit) {}
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
}

// checkPath makes the directory of path, and returns the size of the file there, if it may be a store: 0 when there is none yet.
func checkPath(path string) (size int64, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("%s is no file: give DB_PATH the name of one, such as %s", path, filepath.Join(path, "peyk.db"))
	case info.Mode().Perm()&0o077 != 0:
		return 0, fmt.Errorf("%s can be read by others (mode %04o): run chmod 600 on it", path, info.Mode().Perm())
	}
	return info.Size(), nil
}

// openFile opens a file of that size, or makes it. It reads what was there before it writes anything.
func openFile(path string, size int64, wait time.Duration) (db *bolt.DB, file *os.File, err error) {
	if size > 0 {
		whole, _, err := openWhole(path, wait)
		if err == nil {
			err = whole.Close()
		}
		if err != nil {
			return nil, nil, err
		}
	}
	mapped := 0
	if runtime.GOOS != "windows" { // there the file would become as large
		mapped = max(firstMap, int(min(2*size, math.MaxInt/2)))
	}
	for {
		err = guarded(func() (err error) {
			db, err = bolt.Open(path, 0o600, &bolt.Options{
				Timeout: wait, FreelistType: bolt.FreelistMapType, InitialMmapSize: mapped,
				OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
					file, err = os.OpenFile(name, flag, mode)
					return file, err
				},
			})
			return err
		})
		if mapped == 0 || !errors.Is(err, syscall.ENOMEM) { // the system may not allow so much: less does as well, most of the time
			break
		}
		mapped = 0
	}
	if err != nil && size == 0 && file != nil && !errors.Is(err, bolterrors.ErrTimeout) { // the half of a new file would be taken for a damaged one
		return nil, nil, errors.Join(err, os.Truncate(path, 0))
	}
	if err != nil {
		return nil, nil, openError(path, err)
	}
	db.AllocSize = leastGrowth
	if err := unreplaced(path, file); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, file, nil
}

// bbolt lets a file under a large map grow by the same step each time, by default 16 MB. Ours doubles until it grows by that.
const leastGrowth, mostGrowth = 1 << 15, 16 << 20

// unreplaced makes sure that path still names file: while we waited for its lock, a backup may have been restored.
func unreplaced(path string, file *os.File) error {
	named, err := os.Stat(path)
	if err != nil {
		return err
	}
	opened, err := file.Stat()
	if err == nil && !os.SameFile(named, opened) {
		err = ErrLocked
	}
	return err
}

// Close closes the file after the writes that wait. Later ones are refused with ErrClosed.
func (s *Store) Close() error {
	if s.db.IsReadOnly() {
		return s.db.Close()
	}
	err := s.queue(write{last: true, fn: func(t *tx) error {
		// To the next start it is a crash if the file is damaged, or lacks what was done: it then checks the whole file, and takes for repeated
		// what may be.
		if s.unclean.Load() || s.Unsaved() > 0 {
			return nil
		}
		meta := t.bucket(bucketMeta)
		if err := put(meta, keyEnded, s.opts.Now()); err != nil {
			return err
		}
		return meta.Delete(keyRunning)
	}})
	if errors.Is(err, ErrClosed) {
		return nil
	}
	<-s.done
	crashpoint.OneThread(func() { err = errors.Join(err, s.closeFile()) })
	return err
}

// closeFile closes the file. bbolt cannot, if damage has broken one of its transactions so that it could not even be rolled back.
func (s *Store) closeFile() error {
	if s.unclean.Load() {
		return s.file.Close()
	}
	return s.db.Close()
}

// Path returns where the file is.
func (s *Store) Path() string { return s.db.Path() }

// Ended returns when the process before this one closed the file, by our own clock: the time of Open if it was killed, zero if there was none.
func (s *Store) Ended() time.Time { return s.ended }

// Posts receives a value after rows were added to the post queue.
func (s *Store) Posts() <-chan struct{} { return s.posts }

// MarksQueued receives a value after marks were added to the post queue.
func (s *Store) MarksQueued() <-chan struct{} { return s.marks }

// Outbox receives a value after pieces were queued.
func (s *Store) Outbox() <-chan struct{} { return s.outbox }

// write is one method's transaction, waiting for the writer.
type write struct {
	fn   func(*tx) error
	done chan error
	last bool // the writer ends after it
}

// tx is one transaction and what it is to wake when it is committed.
type tx struct {
	*bolt.Tx
	store *Store
	now   time.Time
	written
	posts  bool
	marks  bool
	outbox bool
	commit Commit
}

// bucket returns one of the buckets. In nearly all of them new keys are the highest of all, or of their chat, so that pages can be filled before
// they are split.
func (t *tx) bucket(name []byte) bucket {
	b := t.Bucket(name)
	if b == nil {
		panic(fmt.Sprintf("no bucket %q", name))
	}
	b.FillPercent = 0.9
	return bucket{b, t.noting(name)}
}

// view has fn read what is on disk. bbolt lets a transaction be read once it is written, before it is synced: what we told of it could be gone
// after a loss of power.
func (s *Store) view(fn func(*tx) error) (err error) {
	s.syncing.RLock()
	var b *bolt.Tx
	if err = s.stuck; err == nil {
		b, err = s.db.Begin(false)
	}
	s.syncing.RUnlock()
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, b.Rollback())
		s.noteDamage(err)
	}()
	return guarded(func() error { return fn(&tx{Tx: b, store: s, now: s.Now()}) })
}

// Damaged receives an error once nothing that is read or written can be relied on: the file was found damaged, or the disk does not say what of
// the last transaction it keeps.
func (s *Store) Damaged() <-chan error { return s.damaged }

func (s *Store) noteDamage(err error) {
	if errors.Is(err, ErrDamaged) {
		s.unclean.Store(true)
	}
	if errors.Is(err, ErrDamaged) || errors.Is(err, ErrStuck) {
		select {
		case s.damaged <- err:
		default:
		}
	}
}

// guarded runs fn, which reads the file, and returns ErrDamaged where damage would end the process: bbolt panics at a page that is wrong, and our
// own code at a key of another length; memory faults where the file has no page, or the disk cannot read it. Any other panic goes on.
func guarded(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		broken := recover()
		if broken == nil {
			return
		}
		calls := make([]uintptr, 32)
		frames := runtime.CallersFrames(calls[:runtime.Callers(2, calls)])
		for frame, more := frames.Next(); more; frame, more = frames.Next() {
			switch {
			case strings.HasPrefix(frame.Function, "go.etcd.io/bbolt"), strings.HasPrefix(frame.Function, "peyk/store."):
				err = fmt.Errorf("%w: %v (%s:%d)", ErrDamaged, broken, filepath.Base(frame.File), frame.Line)
				return
			case strings.HasPrefix(frame.Function, "peyk/"), strings.HasPrefix(frame.Function, "main."):
				panic(broken)
			}
		}
		panic(broken)
	}()
	return fn()
}

// update has the writer run fn and returns when its transaction is committed.
func (s *Store) update(fn func(*tx) error) error {
	return s.queue(write{fn: fn})
}

func (s *Store) queue(w write) error {
	w.done = make(chan error, 1)
	select {
	case s.writes <- w:
	case <-s.done:
		return ErrClosed
	}
	select {
	case err := <-w.done:
		return err
	case <-s.done:
	}
	// The writer has ended: either with this write or without it.
	select {
	case err := <-w.done:
		return err
	default:
		return ErrClosed
	}
}

func (s *Store) write() {
	defer close(s.done)
	for last := false; !last; {
		w := <-s.writes
		waiting := []write{w}
		last = w.last
		// Let those run whose writes were just committed: their next ones can then share a transaction.
		runtime.Gosched()
	more:
		for !last && len(waiting) < cap(s.writes) {
			select {
			case w := <-s.writes:
				waiting = append(waiting, w)
				last = w.last
			default:
				break more
			}
		}
		crashpoint.OneThread(func() { s.commit(waiting) })
	}
}

// commit runs the writes in one transaction. If one fails, its caller gets the error, and the others run again without it.
func (s *Store) commit(waiting []write) {
	for len(waiting) > 0 {
		if s.stuck != nil {
			for _, w := range waiting {
				w.done <- s.stuck
			}
			return
		}
		t := &tx{store: s, now: s.Now(), written: s.noting()}
		failed, kept := -1, false
		begun := time.Now()
		err := s.opts.Commit(func() error {
			unlock := func() {}
			defer func() { unlock() }()
			return guarded(func() error {
				return s.carryOut(t, func() error {
					for i, w := range waiting {
						if err := guarded(func() error { return w.fn(t) }); err != nil {
							failed = i
							return err
						}
					}
					crashpoint.At("commit.begun")
					var err error
					if kept, err = s.keep(t.Tx, t.changes); err != nil {
						return err
					}
					s.syncing.Lock() // not before: reads need not wait for the journal
					unlock = s.syncing.Unlock
					return nil
				})
			})
		})
		switch {
		case err == nil && kept:
			s.entry++
		case err != nil && kept || errors.Is(err, errJournal): // an entry is never taken back, and the next would be another
			err = s.getStuck(err)
		case failed < 0 && errors.Is(err, ErrDamaged): // bbolt may wait forever for the end of that transaction
			s.getStuck(err)
		}
		s.noteDamage(err)
		if failed >= 0 {
			waiting[failed].done <- err
			waiting = append(waiting[:failed:failed], waiting[failed+1:]...)
			continue
		}
		crashpoint.At("commit.done")
		if err == nil {
			wake(s.posts, t.posts)
			wake(s.marks, t.marks)
			wake(s.outbox, t.outbox)
		}
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrStuck) {
			err = fmt.Errorf("%w: %w", ErrDisk, err)
		}
		t.commit.Took, t.commit.Err = time.Since(begun), err
		s.opts.Committed(t.commit)
		for _, w := range waiting {
			w.done <- err
		}
		return
	}
}

// getStuck has nothing be read or written any more.
func (s *Store) getStuck(why error) error {
	if !errors.Is(why, ErrStuck) {
		why = fmt.Errorf("%w: %w", ErrStuck, why)
	}
	s.syncing.Lock()
	defer s.syncing.Unlock()
	s.stuck = why
	return why
}

// carryOut has fn write in a transaction of bbolt's, which is t's, and commits it.
func (s *Store) carryOut(t *tx, fn func() error) error {
	id, written := 0, false
	err := s.db.Update(func(b *bolt.Tx) error {
		t.Tx, id = b, b.ID()
		s.db.AllocSize = int(min(max(b.Size(), leastGrowth), mostGrowth))
		err := fn()
		written = err == nil
		return err
	})
	if err == nil || !written {
		return err
	}
	last, failed := s.db.Begin(false)
	if failed != nil {
		return err
	}
	defer last.Rollback()
	if last.ID() >= id {
		// Only the last sync failed. To bbolt this transaction is the file's last, but the disk may not have it. The same writes would find
		// themselves done, and bbolt now takes pages for free that reads under way still need.
		err = fmt.Errorf("%w: the disk does not say whether it keeps what was written last: %w", ErrStuck, err)
		s.stuck = err
	}
	return err
}

func wake(c chan struct{}, awake bool) {
	if awake {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// recordVersion is the first byte of every value, so that a later form can be told apart.
const recordVersion = 1

func put(b bucket, key []byte, record any) error {
	value, err := json.Marshal(record)
	if err != nil {
		return err
	}
	return b.Put(key, append([]byte{recordVersion}, value...))
}

func get(b bucket, key []byte, record any) error {
	value := b.Get(key)
	if value == nil {
		return ErrNotFound
	}
	return decode(value, record)
}

func decode(value []byte, record any) error {
	if len(value) == 0 || value[0] != recordVersion {
		return errors.New("record of unknown version")
	}
	return json.Unmarshal(value[1:], record)
}
