package store

import (
	"encoding/binary"
	"hash"
	"hash/fnv"
	"time"

	"peyk/sms"
)

var (
	bucketMeta      = []byte("meta")
	bucketRaw       = []byte("raw")
	bucketSMS       = []byte("sms")
	bucketSeen      = []byte("seen")
	bucketBatch     = []byte("batch")
	bucketPiece     = []byte("piece")
	bucketOutbox    = []byte("outbox")
	bucketUncertain = []byte("uncertain")
	bucketAsking    = []byte("asking")
	bucketID        = []byte("id")
	bucketDue       = []byte("due")
	bucketPost      = []byte("post")
	bucketDead      = []byte("dead")
	bucketShows     = []byte("link")
	bucketChatBatch = []byte("chat_batch")
	bucketTaken     = []byte("taken")
	bucketTakenDay  = []byte("taken_day")
	bucketChat      = []byte("chat")
	bucketAgent     = []byte("agent")
	bucketIncident  = []byte("incident")
	bucketCustomer  = []byte("customer")
	bucketBound     = []byte("bound")
	bucketSpent     = []byte("spent")
	bucketCredit    = []byte("credit")
	bucketHistory   = []byte("history")
	bucketCanned    = []byte("canned")
	bucketImport    = []byte("import")
	bucketContacts  = []byte("contacts")
	bucketWaiting   = []byte("waiting")
	bucketSnoozed   = []byte("snoozed")
	bucketRemind    = []byte("remind")
	bucketWish      = []byte("wish")
	bucketBlocked   = []byte("blocked")
	bucketScheduled = []byte("scheduled")

	keySchema  = []byte("schema")
	keyRunning = []byte("running") // since when a process has the file open; gone after a clean end
	keyEnded   = []byte("ended")   // when the last clean end was
	keyFetch   = []byte("fetch")   // since when a GetMsg is under way
	keyOwed    = []byte("owed")    // since when the SMS of each line must be read again of the panel
	keyPanel   = []byte("panel")   // which kind of panel is asked, and since when
	keyEmptied = []byte("emptied") // when each line had nothing unread left at the panel
	keyAnew    = []byte("anew")    // the lines that are read again because a backup was restored: what comes so may have been shown
	keyCursor  = []byte("cursor")  // how far SMS have been read of a panel that takes none away
	keyKeys    = []byte("keys")    // the next key that no SMS had
	keySilent  = []byte("silent")  // since when SMS wait for a chat, once the team was told
	keyLow     = []byte("low")     // since when the credit is low, once the admins were told

	keyRestored = []byte("restored") // the last answer of the panel that a restored backup held, or that was read again because of it

	keyLog   = []byte("log")   // the journal whose entries the file has, by the name its keeper gave it
	keyEntry = []byte("entry") // how many of them

	keyForget = []byte("forget") // the customers who are being forgotten

	keyClosed = []byte("closed") // the days on which the team does not work
	keyAway   = []byte("away")   // when away texts were stored lately, and the admins told

	keyHeld = []byte("held") // why nothing is sent, while that lasts

	keyFetched    = []byte("answered") // when the panel last handed out SMS, nearly
	keyPruned     = []byte("pruned")
	keyNewest     = []byte("newest")  // the newest date of a message that was taken
	keyClock      = []byte("clock")   // whether our clock is right, and when it was found so
	keyLastAnswer = []byte("handed")  // the last answer that held SMS
	keyRepeats    = []byte("repeats") // when the admins were told last that the panel repeats itself
	keyOrder      = []byte("order")   // in which order the panel gives SMS
)

// buckets are all there are.
var buckets = [][]byte{
	bucketMeta, bucketRaw, bucketSMS, bucketSeen, bucketBatch, bucketPiece, bucketOutbox, bucketUncertain, bucketAsking, bucketID,
	bucketDue, bucketPost, bucketDead, bucketShows, bucketChatBatch, bucketTaken, bucketTakenDay, bucketChat, bucketAgent,
	bucketIncident, bucketCustomer, bucketBound, bucketSpent, bucketCredit, bucketHistory, bucketCanned,
	bucketImport, bucketContacts, bucketWaiting, bucketSnoozed, bucketRemind, bucketWish, bucketBlocked, bucketScheduled,
}

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// i64 flips the sign bit, so that negative ids stand before positive ones.
func i64[T ~int64](n T) []byte { return u64(uint64(n) ^ 1<<63) }

func readI64[T ~int64](key []byte) T { return T(binary.BigEndian.Uint64(key) ^ 1<<63) }

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func unix32(t time.Time) []byte { return u32(uint32(max(0, min(t.Unix(), 1<<32-1)))) }

func join(parts ...[]byte) []byte {
	var key []byte
	for _, p := range parts {
		key = append(key, p...)
	}
	return key
}

func pieceKey(batch BatchID, n int) []byte { return join(u64(uint64(batch)), u32(uint32(n))) }

func chatBatchKey(chat sms.ChatID, batch BatchID) []byte { return join(i64(chat), u64(uint64(batch))) }

func dueKey(at time.Time, seq Seq) []byte { return join(unix32(at), u64(uint64(seq))) }

func postKey(chat sms.ChatID, class Class, id uint64) []byte {
	return join(i64(chat), []byte{byte(class)}, u64(id))
}

func messageKey(chat sms.ChatID, message sms.ChatMessageID) []byte {
	return join(i64(chat), u64(uint64(message)))
}

func spentKey(day uint32, agent sms.AgentID) []byte { return join(u32(day), i64(agent)) }

// seenKey has the time first: with random keys a commit would write another page for each SMS. An SMS without a time counts by when it reached us:
// it is better to show it twice than to take a second "yes" for the first.
func seenKey(m sms.Message, nth int) []byte {
	at := m.Time
	if at.IsZero() {
		at = m.Received
	}
	parts := []string{string(m.Line), string(m.Customer), m.Text}
	if nanos := at.Nanosecond(); nanos != 0 {
		parts = append(parts, string(u32(uint32(nanos))))
	}
	if m.Clock != "" {
		at = m.Time
		parts = append(parts[:3], m.Clock)
	}
	if m.InboxID != "" {
		at = m.Time
		parts = append(parts[:3], string(m.InboxID))
	}
	h := fnv.New64a()
	hashParts(h, parts...)
	return join(unix32(at), h.Sum(nil), []byte{byte(nth >> 8), byte(nth)})
}

// hashParts has h hash texts and where each ends.
func hashParts(h hash.Hash64, parts ...string) {
	for _, part := range parts {
		h.Write(u32(uint32(len(part))))
		h.Write([]byte(part))
	}
}
