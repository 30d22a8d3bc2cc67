package soap

import (
	"errors"
	"slices"
	"strings"

	"peyk/sms"
)

// node is any value in an answer. Servers label the same PHP array as a struct, a list or a Map, and may send JSON instead, so what a node
// is depends on the questions that its reader asks.
type node struct {
	name string // without its prefix; a Map's key, where the node was the value of one
	text string // of a scalar
	read []byte // text while it comes in several pieces
	kids []*node
	id   string
	href string
	null bool
	open bool // its end is missing: the answer was cut inside it

	mark string // what escapeTexts found out about the text
	size int    // how many kids its type says it has; 0: nothing is said
}

// Limits of a tree: 50 messages take some 700 nodes, 8 deep. More is an attack or a mistake, and costs memory.
const (
	maxNodes = 100_000
	maxDepth = 64
)

var errTooLarge = errors.New("the answer has too many elements")

// member returns the first child of that name, in any case, or nil.
func (n *node) member(name string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if strings.EqualFold(k.name, name) {
			return k
		}
	}
	return nil
}

// scalar returns the text without surrounding space; empty for nil, for null, for what is not a scalar and for what was cut.
func (n *node) scalar() string {
	if n == nil || n.null || n.open || len(n.kids) > 0 {
		return ""
	}
	return strings.TrimSpace(n.text)
}

// key returns the name under which a PHP array held the node: nusoap has to disguise names that are numbers.
func (n *node) key() string { return strings.TrimPrefix(n.name, "__numeric_") }

// unnamed reports whether the node is one of a list: its name is a place, or the name that all places have.
func (n *node) unnamed() bool {
	switch strings.ToLower(n.name) {
	case "", "item", "return", "string", "int", "long":
		return true
	}
	return digitsOnly(n.key())
}

// scalars returns the texts directly in a list, empty ones too: their place counts.
func (n *node) scalars() []string {
	if n == nil {
		return nil
	}
	var texts []string
	for _, k := range n.kids {
		texts = append(texts, k.scalar())
	}
	return texts
}

// texts returns the texts in a list, or in one text with commas.
func (n *node) texts() []string {
	if len(n.kids) > 0 {
		return n.scalars()
	}
	return split(n.scalar())
}

// items returns the values in a list. A list of one may come as that one alone, and a list of numbers as one text with commas.
func (n *node) items() []*node {
	if n == nil {
		return nil
	}
	text := n.scalar()
	if text == "" {
		return n.kids
	}
	if parts := split(text); len(parts) > 1 && !slices.ContainsFunc(parts, func(part string) bool { return !digitsOnly(sms.Digits(part)) }) {
		items := make([]*node, len(parts))
		for i, part := range parts {
			items[i] = &node{text: part}
		}
		return items
	}
	return []*node{n}
}

// source returns the contents of the node as they may have stood in the answer.
func (n *node) source() string {
	var b strings.Builder
	var write func(n *node)
	write = func(n *node) {
		for _, k := range n.kids {
			b.WriteString("<" + k.name + ">")
			write(k)
			b.WriteString("</" + k.name + ">")
		}
		b.WriteString(n.text)
	}
	write(n)
	return b.String()
}

// split returns the parts of a text in which commas stand between values.
func split(text string) []string {
	parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",،;|", r) })
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

func digitsOnly(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// builder grows a tree without recursion.
type builder struct {
	root  node // holds the one element there is
	stack []*node
	count int
	spare []node // made many at once, as an answer has hundreds
}

func (b *builder) node(name string) *node {
	if len(b.spare) == 0 {
		b.spare = make([]node, 32)
	}
	n := &b.spare[0]
	b.spare = b.spare[1:]
	n.name = name
	return n
}

func (b *builder) top() *node {
	if len(b.stack) == 0 {
		return &b.root
	}
	return b.stack[len(b.stack)-1]
}

func (b *builder) push(n *node) error {
	if b.count++; b.count > maxNodes || len(b.stack) >= maxDepth {
		return errTooLarge
	}
	n.open = true
	top := b.top()
	if top.kids == nil {
		top.kids = make([]*node, 0, 4) // as many as a message has
	}
	top.kids = append(top.kids, n)
	b.stack = append(b.stack, n)
	return nil
}

func (b *builder) pop() {
	n := b.top()
	n.open = false
	n.joinText()
	b.stack = b.stack[:len(b.stack)-1]
}

// addText adds to the text of the innermost element. Space between elements is left out.
func (b *builder) addText(data []byte) {
	switch n := b.top(); {
	case len(n.kids) > 0:
	case n.text == "" && n.read == nil: // nearly always all of it
		n.text = string(data)
	default:
		if n.read == nil {
			n.read = []byte(n.text)
		}
		n.read = append(n.read, data...)
	}
}

// joinText makes one text of what came in several pieces.
func (n *node) joinText() {
	if n.read != nil {
		n.text, n.read = string(n.read), nil
	}
}
