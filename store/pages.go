package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// bbolt reads pages in mapped memory and trusts them: a wrong length makes it read beyond the map, a wrong page number makes it run in circles. So
// the pages are checked here first, by reading the file: all of them, or only those that lead to the others, see openWhole. The layout is bbolt's
// file format, version 2.

const (
	pageHead   = 16 // id u64, flags u16, count u16, overflow u32
	pageBranch = 0x01
	pageLeaf   = 0x02
	pageFree   = 0x10
	rowHead    = 16 // of a leaf flags u32, offset u32, two lengths u32; of a branch offset u32, length u32, page u64
	noFreelist = 1<<64 - 1

	metaMagic   = 0xED0CDAED
	metaVersion = 2
	metaSum     = 56 // where the checksum of what is before it stands

	fewestPage, largestPage = 1 << 10, 1 << 16
	mostWrong               = 10 // are told of one file
)

var native = binary.NativeEndian

// metaPage is what a file says of itself; it has two, of the last transactions.
type metaPage struct {
	pageSize             int64
	root, freelist, high uint64 // high is the first page beyond the file's
	tx                   uint64
}

// readMeta returns the meta page that stands at an offset, if one does.
func readMeta(file io.ReaderAt, at int64) (m metaPage, ok bool) {
	b := make([]byte, metaSum+8)
	if _, err := file.ReadAt(b, at+pageHead); err != nil || native.Uint32(b) != metaMagic || native.Uint32(b[4:]) != metaVersion {
		return m, false
	}
	sum := fnv.New64a()
	sum.Write(b[:metaSum])
	m = metaPage{int64(native.Uint32(b[8:])), native.Uint64(b[16:]), native.Uint64(b[32:]), native.Uint64(b[40:]), native.Uint64(b[48:])}
	return m, native.Uint64(b[metaSum:]) == sum.Sum64() && m.pageSize >= fewestPage && m.pageSize <= largestPage && m.pageSize&(m.pageSize-1) == 0
}

// readMetas returns the meta page of a transaction, or of the last one when tx is 0.
func readMetas(file io.ReaderAt, tx uint64) (metaPage, error) {
	var found metaPage
	consider := func(m metaPage, ok bool) {
		if ok && (tx == 0 && m.tx >= found.tx || tx != 0 && m.tx == tx) {
			found = m
		}
	}
	first, ok := readMeta(file, 0)
	consider(first, ok)
	for at := int64(fewestPage); at <= largestPage; at *= 2 {
		if m, ok := readMeta(file, at); ok && m.pageSize == at {
			consider(m, true)
		}
	}
	if found.pageSize == 0 {
		return found, fmt.Errorf("%w: neither of its first pages can be read", ErrDamaged)
	}
	return found, nil
}

// pageWalk looks through the pages of one transaction.
type pageWalk struct {
	file io.ReaderAt
	metaPage
	seen  []bool // pages that were come by, or are free
	last  []byte // what the last leaf was read into
	wrong []error

	freelistMore uint64 // into how many pages the list of free pages runs over
}

// checkHead looks at what says where everything else is: the first pages, and the list of those that are free.
func checkHead(file io.ReaderAt, size int64, m metaPage) error {
	w, err := newPageWalk(file, size, m)
	if err != nil {
		return err
	}
	w.free()
	return w.found()
}

// checkPages looks through all that the transaction of m can reach of a file of that size, and returns what is wrong with it.
func checkPages(file io.ReaderAt, size int64, m metaPage) error {
	w, err := newPageWalk(file, size, m)
	if err != nil {
		return err
	}
	w.free()
	w.tree(w.root, nil, nil)
	if len(w.wrong) == 0 && w.freelist != noFreelist {
		for id, seen := range w.seen {
			if !seen {
				w.says("page %d is neither used nor free", id)
			}
		}
	}
	return w.found()
}

func newPageWalk(file io.ReaderAt, size int64, m metaPage) (*pageWalk, error) {
	if m.high < 2 || m.high > uint64(size/m.pageSize) {
		return nil, fmt.Errorf("%w: cut short, %d bytes of %d", ErrDamaged, size, m.high*uint64(m.pageSize))
	}
	w := &pageWalk{file: file, metaPage: m, seen: make([]bool, m.high), last: make([]byte, m.pageSize)}
	w.seen[0], w.seen[1] = true, true
	return w, nil
}

func (w *pageWalk) found() error {
	if len(w.wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrDamaged, errors.Join(w.wrong...))
}

func (w *pageWalk) says(format string, args ...any) {
	if len(w.wrong) < mostWrong {
		w.wrong = append(w.wrong, fmt.Errorf(format, args...))
	}
}

// page reads a page with those it runs over into, which nothing else may use; nil, when it cannot be one.
func (w *pageWalk) page(id uint64, kinds uint16) (body []byte, flags uint16, count int) {
	if id < 2 || id >= w.high {
		w.says("page %d is named, there are %d", id, w.high)
		return nil, 0, 0
	}
	head := w.last
	if _, err := w.file.ReadAt(head, int64(id)*w.pageSize); err != nil {
		w.says("page %d: %w", id, err)
		return nil, 0, 0
	}
	flags, count = native.Uint16(head[8:]), int(native.Uint16(head[10:]))
	more := uint64(native.Uint32(head[12:]))
	if native.Uint64(head) != id || flags&^kinds != 0 || flags == 0 || more >= w.high-id {
		w.says("page %d is not what it must be", id)
		return nil, 0, 0
	}
	for i := id; i <= id+more; i++ {
		if w.seen[i] {
			w.says("page %d is used twice", i)
			return nil, 0, 0
		}
		w.seen[i] = true
	}
	if more == 0 && flags == pageLeaf {
		return head, flags, count
	}
	if more == 0 {
		return bytes.Clone(head), flags, count // as in leaf
	}
	body = make([]byte, int64(more+1)*w.pageSize)
	if _, err := w.file.ReadAt(body, int64(id)*w.pageSize); err != nil {
		w.says("page %d: %w", id, err)
		return nil, 0, 0
	}
	return body, flags, count
}

// free notes which pages are free.
func (w *pageWalk) free() {
	if w.freelist == noFreelist {
		return
	}
	body, _, count := w.page(w.freelist, pageFree)
	if body == nil {
		return
	}
	w.freelistMore = uint64(native.Uint32(body[12:]))
	ids := body[pageHead:]
	if count == 0xFFFF { // more than a page's count can say
		n := native.Uint64(ids)
		ids = ids[8:]
		if n > uint64(len(ids)/8) {
			w.says("the list of free pages is not what it must be")
			return
		}
		count = int(n)
	}
	if count > len(ids)/8 {
		w.says("the list of free pages is not what it must be")
		return
	}
	for i := range count {
		switch id := native.Uint64(ids[8*i:]); {
		case id < 2 || id >= w.high:
			w.says("page %d is free, there are %d", id, w.high)
		case w.seen[id]:
			w.says("page %d is free, and used", id)
		default:
			w.seen[id] = true
		}
	}
}

// part returns so many bytes of b from at on, if b has them.
func part(b []byte, at, n uint64) ([]byte, bool) {
	if at > uint64(len(b)) || n > uint64(len(b))-at {
		return nil, false
	}
	return b[at : at+n], true
}

// tree looks through a page and those below it, whose keys lie between from and to; to is not among them, and nil is no bound.
func (w *pageWalk) tree(id uint64, from, to []byte) {
	body, flags, count := w.page(id, pageBranch|pageLeaf)
	switch {
	case body == nil:
	case flags == pageLeaf:
		w.leaf(id, body, count, from, to)
	case flags != pageBranch || count == 0:
		w.says("page %d is not what it must be", id)
	default:
		w.branch(id, body, count, from, to)
	}
}

func (w *pageWalk) branch(id uint64, body []byte, count int, from, to []byte) {
	type child struct {
		key []byte
		id  uint64
	}
	children := make([]child, count)
	for i := range children {
		row, ok := part(body, uint64(pageHead+i*rowHead), rowHead)
		if !ok {
			w.says("page %d has no room for its %d rows", id, count)
			return
		}
		key, ok := part(body, uint64(pageHead+i*rowHead)+uint64(native.Uint32(row)), uint64(native.Uint32(row[4:])))
		if !ok {
			w.says("row %d of page %d is longer than it", i, id)
			return
		}
		children[i] = child{key, native.Uint64(row[8:])}
	}
	for i, c := range children {
		if !w.inOrder(id, i, c.key, from, to) {
			return
		}
		next := to
		if i+1 < count {
			next = children[i+1].key
			if bytes.Compare(c.key, next) >= 0 {
				w.says("row %d of page %d is out of order", i+1, id)
				return
			}
		}
		w.tree(c.id, c.key, next)
	}
}

func (w *pageWalk) leaf(id uint64, body []byte, count int, from, to []byte) {
	var before []byte
	copied := false
	for i := range count {
		row, ok := part(body, uint64(pageHead+i*rowHead), rowHead)
		if !ok {
			w.says("page %d has no room for its %d rows", id, count)
			return
		}
		bucket, keyLen := native.Uint32(row)&1 != 0, uint64(native.Uint32(row[8:]))
		both, ok := part(body, uint64(pageHead+i*rowHead)+uint64(native.Uint32(row[4:])), keyLen+uint64(native.Uint32(row[12:])))
		if !ok {
			w.says("row %d of page %d is longer than it", i, id)
			return
		}
		key, value := both[:keyLen], both[keyLen:]
		if !w.inOrder(id, i, key, from, to) {
			return
		}
		if i > 0 && bytes.Compare(before, key) >= 0 {
			w.says("row %d of page %d is out of order", i, id)
			return
		}
		before = key
		if bucket {
			if !copied { // others are read before this one is done with
				copied, body = true, bytes.Clone(body)
				before, value = bytes.Clone(key), bytes.Clone(value)
			}
			w.bucket(id, i, value)
		}
	}
}

func (w *pageWalk) inOrder(id uint64, i int, key, from, to []byte) bool {
	// What leads to a page names its first key: by any other bbolt would not find it again when it writes it anew.
	if bytes.Compare(key, from) < 0 || i == 0 && from != nil && !bytes.Equal(key, from) || to != nil && bytes.Compare(key, to) >= 0 {
		w.says("row %d of page %d belongs elsewhere", i, id)
		return false
	}
	return true
}

// bucket looks through a bucket: its value names its first page, or, when it is small, holds it.
func (w *pageWalk) bucket(id uint64, i int, value []byte) {
	const head = 16 // page u64, sequence u64
	switch {
	case len(value) < head:
		w.says("row %d of page %d is no bucket", i, id)
	case native.Uint64(value) != 0:
		w.tree(native.Uint64(value), nil, nil)
	case len(value) < head+pageHead || native.Uint16(value[head+8:]) != pageLeaf:
		w.says("row %d of page %d is no bucket", i, id)
	default:
		w.leaf(id, value[head:], int(native.Uint16(value[head+10:])), nil, nil)
	}
}
