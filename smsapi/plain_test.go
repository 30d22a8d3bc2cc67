package smsapi

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestPlainReadingIsTheSame spoils answers by chance, and reads them in both ways.
func TestPlainReadingIsTheSame(t *testing.T) {
	files, err := filepath.Glob("testdata/wire/*/*.response.http")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	var answers [][]byte
	for _, file := range files {
		answer, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if at := envelope.FindIndex(answer); at != nil {
			answer = answer[at[0]:]
			answers = append(answers, answer[:min(len(answer), 1<<12)], answer[max(0, len(answer)-1<<11):], answer)
		}
	}
	for _, odd := range []string{
		`<a id="1" href="#2" x:nil="true" null="0" arrayType="x[7]"> a>b <b/>c<d e='f'/></a>`, `<a><b x="1"/><b x="1" y:z="2">]]</b> <b></b></a>`, `<a/><b/>`, `<a:b:c/>`,
		`<:a/>`, `<a:/>`, `<a.-1/>`, `<1a/>`, `<a:1/>`, `<ا/>`, `<aا/>`, `<a b/>`, `<a b=c/>`, `<a b="<"/>`, `<a b="c"d="e"/>`, `<a  b="c" />`, `<a b = "c"/>`, `<a></a >`, `<a></b>`, `</a>`, `<a><!-- --></a>`,
		`<a><![CDATA[b]]></a>`, `<a>]]></a>`, `<a>&amp;&lt;b&gt;&quot;c&apos;</a>`, `<a>&amp;&lt</a>`, `<a>]]&gt;&amp;amp;</a>`, `<a>&zwnj;&#1662;&;</a>`, `<a b="&amp;"/>`, "<a>b\r\nc\rd</a>", "<a b='1\n2'/>", `<a><?b?></a>`, `<!DOCTYPE a><a/>`, `<a>`, `<a`, `<`, ``, `<a>b`, `<a b="`, `<a b="c"`, `<a/`, `< a/>`, `<a/ >`, `<//a>`, "<a>\xff</a>",
	} {
		answers = append(answers, []byte(odd))
	}
	pieces := []string{"<", ">", "/", "</", "/>", " ", "\n", "\r", `"`, "'", "=", ":", "&", "&amp;", "&lt;", "&gt;", ";", "]]>", "<![CDATA[", "<!--", "-->", "<?", "?>", "<b>", "</b>", "<b/>", ` id="1"`, ` href="#1"`, ` nil="1"`, "1", "-", "ا", "\u200c"}
	plain := 0
	check := func(answer []byte) {
		data := replaceIllegal(bytes.ToValidUTF8(answer, []byte("\ufffd"))) // as both are given them
		var fast, slow builder
		if !fast.readPlain(data) {
			return
		}
		plain++
		if err := slow.readTokens(data); err != nil || !reflect.DeepEqual(fast.root.kids, slow.root.kids) {
			t.Fatalf("%q is read as %q, and plain as %q; %v", data, slow.root.source(), fast.root.source(), err)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, answer := range answers {
		check(answer)
		for range 40_000_000 / (len(answers) * (len(answer) + 1000)) {
			spoilt := bytes.Clone(answer)
			for range 1 + r.IntN(3) {
				at := r.IntN(len(spoilt) + 1)
				end := at
				if r.IntN(2) == 0 {
					end = min(len(spoilt), at+r.IntN(4))
				}
				spoilt = bytes.Join([][]byte{spoilt[:at], []byte(pieces[r.IntN(len(pieces))]), spoilt[end:]}, nil)
			}
			check(spoilt)
		}
	}
	if plain < 1000 {
		t.Errorf("%d answers were plain", plain)
	}
}
