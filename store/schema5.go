package store

import (
	"bytes"
	"encoding/json"
	"strconv"

	bolt "go.etcd.io/bbolt"
)

// Schema 5 knows why an SMS failed in words of ours. Until then a row held the code of the only panel there was: that of its guide for a
// delivery, or an ErrCode when the panel refused to send.

// The reasons, as numbers: those of package sms may change later.
const (
	refused5 = 1 + iota
	unclear5
	telecomProblem5
	notDelivered5
	blacklisted5
)

const failed5 = 5 // the status

// codesToStates reads all SMS, and writes those that hold a code: five seconds for half a million SMS, half of them outbound.
func codesToStates(t *bolt.Tx) error {
	rows := t.Bucket([]byte("sms"))
	type row struct{ key, value []byte }
	for next := []byte{}; next != nil; {
		var changed []row
		c := rows.Cursor()
		key, value := c.Seek(next)
		for ; key != nil && len(changed) < 1000; key, value = c.Next() { // and no more: a cursor must not meet what it changed
			// Inbound SMS have neither, and decoding their rows would take long. No text holds a quote that is not escaped.
			if !bytes.Contains(value, []byte(`"k":`)) && !bytes.Contains(value, []byte(`"s":5`)) {
				continue
			}
			stated, err := codeToState(value)
			if err != nil {
				return err
			}
			changed = append(changed, row{bytes.Clone(key), stated})
		}
		next = bytes.Clone(key)
		for _, r := range changed {
			if err := rows.Put(r.key, r.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// sms5 is a row, in both schemas.
type sms5 struct {
	Direction int             `json:"d,omitempty"`
	Line      json.RawMessage `json:"l,omitempty"`
	Customer  json.RawMessage `json:"c,omitempty"`
	Text      json.RawMessage `json:"x,omitempty"`
	Time      int64           `json:"t,omitempty"`
	Received  int64           `json:"r,omitempty"`
	Batch     uint64          `json:"b,omitempty"`
	ID        string          `json:"i,omitempty"`
	Status    int             `json:"s,omitempty"`
	Words     string          `json:"w,omitempty"`
	Asked     int             `json:"n,omitempty"`
	Due       int64           `json:"u,omitempty"`
	Verbatim  bool            `json:"a,omitempty"`
	Times     int             `json:"m,omitempty"`

	Code   int  `json:"k,omitempty"` // until then
	Unsure bool `json:"q,omitempty"`

	Reason int    `json:"f,omitempty"` // from then on
	Answer string `json:"e,omitempty"`
}

// codeToState returns a row with a reason where it had a code.
func codeToState(value []byte) ([]byte, error) {
	var r sms5
	if err := decode(value, &r); err != nil {
		return nil, err
	}
	if r.Status == failed5 {
		// Delivery was asked for only of an SMS with an id, and a refusal has words or no id: there, what looks like a code of the guide's is
		// an ErrCode.
		switch delivery := r.ID != "" && r.Words == ""; {
		case r.Unsure:
			r.Reason = unclear5
		case delivery && r.Code == 2:
			r.Reason = telecomProblem5
		case delivery && r.Code == 5:
			r.Reason = notDelivered5
		case delivery && r.Code == 6:
			r.Reason = blacklisted5
		default:
			r.Reason, r.Answer = refused5, strconv.Itoa(r.Code)
		}
	}
	r.Code, r.Unsure = 0, false
	stated, err := json.Marshal(r)
	return append([]byte{1}, stated...), err
}
