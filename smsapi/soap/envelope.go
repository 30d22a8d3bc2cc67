package soap

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"peyk/smsapi"
	"peyk/smsapi/exchange"
)

// From the bytes of an answer to the element that answers the method.

var (
	errDoctype = errors.New("the answer has a DOCTYPE")
	errCut     = errors.New("the answer is incomplete")
	errCrossed = errors.New("the answer is not XML: elements overlap")
)

var (
	envelopeStart = regexp.MustCompile(`<(?:[\w.-]+:)?Envelope[\s>/]`)
	envelopeEnd   = regexp.MustCompile(`</(?:[\w.-]+:)?Envelope\s*>`)
)

// readResponse returns the element that answers the method. For a cut answer it returns an error and what could be read.
func readResponse(contentType string, raw []byte) (*node, error) {
	body, err := readEnvelope(contentType, raw)
	var response *node
	if body != nil {
		if fault := body.member("Fault"); fault != nil {
			return nil, faultError(fault)
		}
		for _, k := range body.kids {
			// Beside the response stand the values that an href names.
			if response == nil || k.id == "" && response.id != "" {
				response = k
			}
		}
	}
	switch {
	case len(bytes.TrimSpace(raw)) == 0:
		return nil, exchange.Uncertain("the panel's answer is empty", nil)
	case err == smsapi.ErrProtocol && looksLikeHTML(raw):
		return nil, exchange.Uncertain("the panel answered with a web page", err)
	case err != nil:
		return response, exchange.Uncertain("the panel's answer cannot be read", err)
	case response == nil:
		return nil, exchange.Uncertain("the panel's SOAP body is empty", nil)
	}
	return response, nil
}

// complete reports whether an answer that holds an envelope holds its end.
func complete(a smsapi.Answer) bool {
	text := toUTF8(a.ContentType, a.Body)
	return !envelopeStart.Match(text) || envelopeEnd.Match(text)
}

func looksLikeHTML(raw []byte) bool {
	head := bytes.ToLower(raw[:min(len(raw), 1024)])
	return bytes.Contains(head, []byte("<html")) || bytes.Contains(head, []byte("<!doctype html"))
}

// readEnvelope reads the SOAP envelope in an answer, whatever stands before or after it, and returns its Body. When the
// envelope is cut or broken, the Body holds what could be read and the error says why it ends there.
func readEnvelope(contentType string, raw []byte) (*node, error) {
	data := toUTF8(contentType, raw)
	at := envelopeStart.FindIndex(data)
	if at == nil {
		return nil, smsapi.ErrProtocol
	}
	if hasDoctype(data[:at[0]]) {
		return nil, errDoctype
	}
	b := builder{}
	data = replaceIllegal(escapeTexts(data[at[0]:]))
	err := b.readXML(data)
	if err != nil && !errors.Is(err, errDoctype) && !errors.Is(err, errTooLarge) && !envelopeEnd.Match(data) {
		err = fmt.Errorf("%w: %w", errCut, err)
	}
	if err == errDoctype || len(b.root.kids) == 0 {
		return nil, err
	}
	root, tooLarge := resolve(b.root.kids[0])
	if tooLarge != nil {
		return nil, tooLarge
	}
	body := root.member("Body")
	if body == nil && err == nil {
		err = errors.New("the SOAP envelope has no body")
	}
	return body, err
}

// hasDoctype reports whether the text before the root element declares a document type.
func hasDoctype(head []byte) bool {
	return bytes.Contains(bytes.ToUpper(head), []byte("<!DOCTYPE"))
}

// readXML reads one element.
func (b *builder) readXML(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	// RawToken neither resolves prefixes nor compares tags, which takes half of the time; tags are compared below. Without
	// Strict unknown entities stay as they are written.
	d.Strict = false
	d.Entity = entities(data)
	defer func() {
		for _, n := range b.stack {
			n.joinText()
		}
	}()
	for {
		token, err := d.RawToken()
		if err != nil {
			return fmt.Errorf("the answer is not XML: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			n := b.node(t.Name.Local)
			n.readAttributes(t.Attr)
			if err := b.push(n); err != nil {
				return err
			}
		case xml.EndElement:
			if b.top().name != t.Name.Local {
				return errCrossed
			}
			b.pop()
			if len(b.stack) == 0 {
				return nil
			}
		case xml.CharData:
			b.addText(t)
		case xml.Directive:
			return errDoctype
		}
	}
}

func (n *node) readAttributes(attributes []xml.Attr) {
	for _, a := range attributes {
		switch a.Name.Local {
		case "id":
			n.id = a.Value
		case "href", "ref":
			n.href = strings.TrimPrefix(a.Value, "#")
		case "nil", "null":
			n.null = a.Value == "true" || a.Value == "1"
		case "arrayType":
			_, size, _ := strings.Cut(a.Value, "[")
			n.size, _ = strconv.Atoi(strings.TrimSuffix(size, "]"))
		case markAttribute:
			n.mark = a.Value
		}
	}
}

// resolver puts what an href names in its place.
type resolver struct {
	named  map[string]*node // by id
	shared bool             // there is an href, so what has an id may belong in several places
	count  int              // nodes so far: references can name one another, so that the tree they stand for is endless, or just huge
}

// resolve returns a tree with what each href names in its place and Maps made structs. It copies the tree if it has an href.
func resolve(root *node) (*node, error) {
	r := resolver{named: map[string]*node{}}
	r.collect(root)
	return r.resolve(root, 0)
}

// collect finds what has an id.
func (r *resolver) collect(n *node) {
	r.shared = r.shared || n.href != ""
	if n.id != "" {
		r.named[n.id] = n
	}
	for _, k := range n.kids {
		r.collect(k)
	}
}

func (r *resolver) resolve(n *node, depth int) (*node, error) {
	if r.count++; r.count > maxNodes || depth > maxDepth {
		return nil, errTooLarge
	}
	if target := r.named[n.href]; n.href != "" && target != nil {
		n = &node{name: n.name, text: target.text, kids: target.kids, href: target.href, null: target.null, open: target.open, mark: target.mark, size: target.size}
		if n.href != "" {
			return r.resolve(n, depth+1)
		}
	}
	if r.shared {
		c := *n
		c.kids = slices.Clone(n.kids)
		n = &c
	}
	for i, k := range n.kids {
		k, err := r.resolve(k, depth+1)
		if err != nil {
			return nil, err
		}
		n.kids[i] = k
	}
	for i, k := range n.kids {
		key, value := k.member("key"), k.member("value")
		if len(k.kids) == 2 && key != nil && value != nil && len(key.kids) == 0 { // an entry of a Map
			value.name = key.text
			value.open = value.open || k.open
			n.kids[i] = value
		}
	}
	return n, nil
}
