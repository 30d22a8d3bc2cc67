package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"

	bolt "go.etcd.io/bbolt"
)

// Schema 6 has the SMS of new numbers wait apart from those of customers we know. Until then all of a chat waited in one queue.

const (
	known6      = 1 // the class that all had
	newNumbers6 = 3
)

// newNumbersApart moves the posts of SMS whose customer is not known. Of a digest that was begun all say that they are perhaps repeated, as it
// is begun no more.
func newNumbersApart(t *bolt.Tx) error {
	posts, rows := t.Bucket([]byte("post")), t.Bucket([]byte("sms"))
	type row struct{ key, value []byte }
	var changed []row
	var chat []byte
	n, digest, of := 0, 0, "" // in this chat: posts so far; how many the first began together, and whose it is
	err := posts.ForEach(func(key, value []byte) error {
		if len(key) != 17 || key[8] != known6 || binary.BigEndian.Uint64(key) == 1<<63 { // the last wait for a chat
			return nil
		}
		var post struct {
			Seq    uint64 `json:"seq"`
			Digest int    `json:"digest"`
		}
		if err := decode(value, &post); err != nil {
			return err
		}
		var sms struct {
			Customer string `json:"c"`
		}
		if err := decode(rows.Get(u64(post.Seq)), &sms); err != nil {
			return err
		}
		if !bytes.Equal(chat, key[:8]) {
			chat, n, digest, of = bytes.Clone(key[:8]), 0, post.Digest, sms.Customer
		}
		n++
		begun := digest > 1 && (n <= digest || sms.Customer == of)
		known, err := known6Customer(t, sms.Customer)
		if err != nil || known && !begun {
			return err
		}
		r := row{bytes.Clone(key), bytes.Clone(value)}
		if begun {
			if r.value, err = repeated6(value); err != nil {
				return err
			}
		}
		changed = append(changed, r)
		if !known {
			changed[len(changed)-1].key = append(bytes.Clone(key[:8]), append([]byte{newNumbers6}, key[9:]...)...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range changed {
		old := bytes.Clone(r.key)
		old[8] = known6
		if err := posts.Delete(old); err != nil {
			return err
		}
		if err := posts.Put(r.key, r.value); err != nil {
			return err
		}
	}
	return nil
}

// known6Customer tells whether agents named, linked, claimed or answered a customer.
func known6Customer(t *bolt.Tx, number string) (bool, error) {
	value := t.Bucket([]byte("customer")).Get([]byte(number))
	if value == nil {
		return false, nil
	}
	var c struct {
		Name   string          `json:"name"`
		Out    int             `json:"out"`
		Linked json.RawMessage `json:"linked"`
		Claim  struct {
			Owner int64 `json:"owner"`
		} `json:"claim"`
	}
	err := decode(value, &c)
	return c.Name != "" || c.Out > 0 || c.Linked != nil || c.Claim.Owner != 0, err
}

// repeated6 returns the row of a post that says that it is perhaps repeated, and begins no digest.
func repeated6(value []byte) ([]byte, error) {
	var p map[string]json.RawMessage
	if err := decode(value, &p); err != nil {
		return nil, err
	}
	delete(p, "digest")
	p["repeated"] = json.RawMessage("true")
	row, err := json.Marshal(p)
	return append([]byte{1}, row...), err
}
