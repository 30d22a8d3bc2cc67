package doctor

import (
	"cmp"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"peyk/bot/text"
	"peyk/sms"
	"peyk/store"
)

// settings are what the store says about chats and people. Where it cannot be read they are those of the environment.
type settings struct {
	inboxes, linked []store.Chat
	admins          []sms.AgentID
}

// showing returns the chats that show inbound SMS.
func (s settings) showing() []store.Chat {
	return append(s.inboxes, slices.DeleteFunc(s.linked, func(c store.Chat) bool {
		return slices.ContainsFunc(s.inboxes, func(in store.Chat) bool { return in.ID == c.ID })
	})...)
}

// checkStore checks the store and its disk, and returns the settings in it.
func (d Doctor) checkStore(f *findings) settings {
	known := settings{admins: d.Options.Admins}
	for _, id := range d.Options.Inbox {
		known.inboxes = append(known.inboxes, store.Chat{ID: id})
	}
	room := d.checkDir(f)
	if info := d.checkFile(f); info != nil {
		st := d.checkPages(f, info.Size(), room)
		if st != nil {
			defer st.Close()
		}
		if from := cmp.Or(d.Open, st); from != nil {
			known.read(from)
		}
	}
	if len(known.admins) == 0 && len(d.Users) == 0 {
		f.add(Noted, f.CheckNobody)
	}
	if len(known.inboxes) == 0 {
		f.add(Noted, f.CheckNoInbox)
	}
	return known
}

// checkDir checks the directory of the store and returns the free bytes there; as many as can be when that is not known.
func (d Doctor) checkDir(f *findings) (room uint64) {
	dir := filepath.Dir(d.Path)
	if err := tryMakingFiles(dir); err != nil {
		f.wrong(err, f.Say(f.CheckDir, text.Code(dir)))
	}
	room, err := store.Room(nearestExisting(dir))
	if err != nil {
		return math.MaxUint64
	}
	if room < fullDisk {
		f.add(Noted, f.Say(f.CheckRoom, text.Code(dir), int(room>>20)))
	}
	return room
}

// checkFile checks the file without reading it, and returns nil when there is nothing to read.
func (d Doctor) checkFile(f *findings) fs.FileInfo {
	info, err := os.Stat(d.Path)
	file := text.Code(d.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.add(Noted, f.Say(f.CheckNoStore, file))
		return nil
	case err != nil:
		f.wrong(err, f.Say(f.CheckStoreShut, file))
		return nil
	case !info.Mode().IsRegular():
		f.add(Wrong, f.Say(f.CheckNoFile, file))
		return nil
	case info.Mode().Perm()&0o077 != 0:
		f.add(Wrong, f.Say(f.CheckStoreOpen, file, text.Code("chmod 600 "+d.Path)))
	}
	return info
}

// checkPages reads the whole store, or a copy of it while a bridge has it open, if there is room for a copy. It returns the opened store,
// damaged or not, which the caller closes; nil when it could not be opened.
func (d Doctor) checkPages(f *findings, size int64, room uint64) *store.Store {
	file, whole := text.Code(d.Path), f.CheckWhole
	st, err := store.Inspect(d.Path, d.Options)
	if errors.Is(err, store.ErrLocked) {
		if room < uint64(size)+fullDisk {
			f.add(Noted, f.Say(f.CheckNoCopy, file))
			return nil
		}
		whole = f.CheckCopyWhole
		path, remove, failed := store.Scratch(filepath.Dir(d.Path), d.CopyOut)
		if errors.Is(failed, ErrFollows) {
			f.list = append(f.list, Finding{State: Noted, HTML: f.Say(f.CheckFollows, file), Cause: failed})
			return nil
		}
		if failed != nil {
			f.wrong(failed, f.Say(f.CheckStoreBusy, file))
			return nil
		}
		defer remove()
		st, err = store.Inspect(path, d.Options)
	}
	if err == nil {
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
	return st
}

// read reads the settings in from. What cannot be read is damaged, which was reported, or newer than the version that wrote the file.
func (s *settings) read(from *store.Store) {
	if all, err := settingsOf(from, from.InboxChats); err == nil {
		s.inboxes = all
	}
	if some, err := settingsOf(from, from.LinkedChats); err == nil {
		s.linked = some
	}
	if people, err := from.Admins(); err == nil {
		s.admins = people
	}
}

// settingsOf returns the chats that find finds.
func settingsOf(st *store.Store, find func() ([]sms.ChatID, error)) ([]store.Chat, error) {
	ids, err := find()
	var chats []store.Chat
	for _, id := range slices.Compact(ids) { // a chat with several inbox topics comes several times
		c, failed := st.Chat(id)
		chats, err = append(chats, c), errors.Join(err, failed)
	}
	return chats, err
}

// tryMakingFiles returns an error if no files can be made in dir, or dir itself cannot be made. It leaves nothing behind.
func tryMakingFiles(dir string) error {
	probe, err := os.MkdirTemp(nearestExisting(dir), ".check-*")
	if err != nil {
		return err
	}
	return os.Remove(probe)
}

// nearestExisting returns dir, or the nearest directory above it that exists.
func nearestExisting(dir string) string {
	for {
		_, err := os.Stat(dir)
		if up := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && up != dir {
			dir = up
			continue
		}
		return dir
	}
}
