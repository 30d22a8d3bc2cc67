package soap

import (
	"context"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"

	"peyk/sms"
	"peyk/smsapi"
)

// statuses are what the guide's status codes mean.
var statuses = map[int]smsapi.Delivery{
	1: {Status: sms.Sent},
	2: {Status: sms.Failed, Reason: sms.TelecomProblem},
	3: {Status: sms.AtTelecom},
	4: {Status: sms.Delivered},
	5: {Status: sms.Failed, Reason: sms.NotDelivered},
	6: {Status: sms.Failed, Reason: sms.Blacklisted},
}

// Status returns a Delivery for each id, in the order asked. It takes as many requests as are needed to ask for at most MaxRecipients ids in
// each, and to find the ids a panel does not know, if that panel answers by place and leaves those out. With an error there are none.
func (c *Client) Status(ctx context.Context, ids []sms.ID) ([]smsapi.Delivery, error) {
	codes := map[sms.ID]int{}
	known, omitted := c.omitted.split(ids)
	for _, asked := range smsapi.Pieces(known) {
		if _, err := c.askStatus(ctx, asked, codes, true, maxExtraAsks(len(asked))); err != nil {
			return nil, err
		}
	}
	for _, asked := range smsapi.Pieces(omitted) {
		if _, err := c.askStatus(ctx, asked, codes, false, maxExtraAsks(len(asked))); err != nil {
			return nil, err
		}
	}
	c.omitted.remove(codes)
	var deliveries []smsapi.Delivery
	for _, id := range ids {
		d := statuses[codes[id]]
		d.ID, d.Code = id, smsapi.NumberCode(codes[id])
		deliveries = append(deliveries, d)
	}
	return deliveries, nil
}

// askStatus asks for the codes of ids, at most MaxRecipients, and adds them to codes. When fewer codes come than ids were asked for, nobody
// can say whose they are: then it asks for each half, until the ids that the panel leaves out are alone. That takes at most extra more
// requests; it returns how many of them are left. For ids that were left out before, known is false, and an answer without codes tells nothing new.
func (c *Client) askStatus(ctx context.Context, ids []sms.ID, codes map[sms.ID]int, known bool, extra int) (int, error) {
	response, err := c.call(ctx, "GetStatus", values{"unique_ids": plain(ids)})
	if err != nil {
		return 0, err
	}
	said, items, err := readStatuses(response, ids)
	if err != nil {
		return 0, c.Redacted(err)
	}
	maps.Copy(codes, said)
	switch {
	case len(said) > 0 || items >= len(ids) || items == 0 && !known:
		return extra, nil
	case len(ids) == 1:
		c.omitted.add(ids[0])
		return extra, nil
	}
	for _, half := range [][]sms.ID{ids[:len(ids)/2], ids[len(ids)/2:]} {
		if extra == 0 {
			break
		}
		if extra, err = c.askStatus(ctx, half, codes, true, extra-1); err != nil {
			return 0, nil // what is known by now is known
		}
	}
	return extra, nil
}

// maxExtraAsks is how many requests find two ids among n. Where there are more, the next Status goes on.
func maxExtraAsks(n int) int { return 4 * bits.Len(uint(n)) }

// omittedIDs are the ids that the panel left out of its answer when it was asked for them alone.
type omittedIDs struct {
	mu  sync.Mutex
	ids map[sms.ID]bool
}

// maxOmitted bounds the memory of omitted ids. What is forgotten is found again.
const maxOmitted = 10_000

func (o *omittedIDs) add(id sms.ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ids == nil || len(o.ids) >= maxOmitted {
		o.ids = map[sms.ID]bool{}
	}
	o.ids[id] = true
}

// split splits ids into those the panel may know and those it omitted.
func (o *omittedIDs) split(ids []sms.ID) (known, omitted []sms.ID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		if o.ids[id] {
			omitted = append(omitted, id)
		} else {
			known = append(known, id)
		}
	}
	return known, omitted
}

// remove forgets ids that the panel knows by now.
func (o *omittedIDs) remove(codes map[sms.ID]int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id := range codes {
		delete(o.ids, id)
	}
}

// readStatuses reads an answer to GetStatus: for each of the distinct ids a code, 0 when the panel gave none, and how many statuses there
// are, no matter whose. Codes that nothing says whose they are count by their places, if there are as many as ids.
func readStatuses(response *node, ids []sms.ID) (codes map[sms.ID]int, items int, err error) {
	value, failed := result(outcome(response))
	if failed != nil {
		return nil, 0, failed
	}
	codes = map[sms.ID]int{}
	all := statusItems(value, ids)
	var byPlace []int
	for i, item := range all {
		item = item.parsed()
		named := idsNamed(item, ids)
		said := statusCodes(item, named)
		switch key := item.key(); {
		case len(named) > 0 && len(said) == 1:
			for _, id := range named {
				codes[id] = said[0]
			}
		case len(named) > 0 && len(said) == len(named):
			for j, id := range named {
				codes[id] = said[j]
			}
		case len(said) == 1 && !namesAnID(item) && (!digitsOnly(key) || key == strconv.Itoa(i)):
			byPlace = append(byPlace, said[0])
		}
	}
	if len(byPlace) == len(ids) && len(all) == len(ids) && len(codes) == 0 {
		for i, id := range ids {
			codes[id] = byPlace[i]
		}
	}
	return codes, len(all), nil
}

// statusItems returns the values that each tell of one id, or of several in one text.
func statusItems(value *node, ids []sms.ID) []*node {
	if value == nil || len(value.kids) > 0 && len(idsNamed(value, ids)) == 0 {
		return value.items()
	}
	parts := split(value.scalar())
	if len(parts) < 2 {
		if len(value.kids) > 0 || len(parts) > 0 {
			return []*node{value}
		}
		return nil
	}
	items := make([]*node, len(parts))
	for i, part := range parts {
		items[i] = &node{text: part}
		if id, code, ok := strings.Cut(strings.Replace(part, "=", ":", 1), ":"); ok {
			items[i] = &node{name: strings.TrimSpace(id), text: code}
		}
	}
	return items
}

// isID reports whether a member of a struct is an id, by its name. A statusId is a status.
func isID(member *node) bool {
	name := strings.ToLower(strings.TrimSuffix(member.name, "s"))
	return strings.HasSuffix(name, "id") && name != "statusid"
}

func namesAnID(item *node) bool {
	return slices.ContainsFunc(item.kids, func(k *node) bool { return isID(k) && len(k.texts()) > 0 })
}

// idsNamed returns those of ids that an item names, by its key or by a member.
func idsNamed(item *node, ids []sms.ID) []sms.ID {
	said := [][]string{split(item.key())}
	for _, k := range item.kids {
		if isID(k) {
			said = append(said, k.texts())
		}
	}
	for _, texts := range said {
		var named []sms.ID
		for _, text := range texts {
			if id := sms.ID(text); slices.Contains(ids, id) {
				named = append(named, id)
			}
		}
		if len(named) > 0 && len(named) == len(texts) {
			return named
		}
	}
	return nil
}

// statusCodes returns the codes in a scalar, or in a struct that is about the named ids; a lone 0 when there is none.
func statusCodes(item *node, named []sms.ID) []int {
	places := []*node{item}
	if len(item.kids) > 0 {
		places = slices.Clone(item.kids)
		slices.SortStableFunc(places, func(a, b *node) int { return statusRank(a) - statusRank(b) })
	}
	for _, place := range places {
		if isID(place) {
			continue
		}
		var codes []int
		for _, text := range place.texts() {
			code, err := strconv.Atoi(sms.Digits(text))
			if err != nil || len(item.kids) > 0 && slices.Contains(named, sms.ID(text)) {
				codes = nil
				break
			}
			codes = append(codes, code)
		}
		if len(codes) > 0 {
			return codes
		}
	}
	return []int{0}
}

// statusRank orders the members of a struct by how likely they hold its code: where there is a statusId, status are its words.
func statusRank(member *node) int {
	name := strings.ToLower(member.name)
	switch {
	case strings.HasPrefix(name, "statusid"):
		return 0
	case strings.Contains(name, "status"):
		return 1
	}
	return 2
}
