package soap

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// guide is the order of each method's parameters in the panel's own guide, for services without a WSDL.
var guide = map[string][]string{
	"GetCredit":       {"user", "pass"},
	"SendSMS":         {"user", "pass", "fromNum", "toNum", "messageContent"},
	"SendMultipleSMS": {"user", "pass", "fromNum", "toNums", "messageContents"},
	"GetStatus":       {"user", "pass", "unique_ids"},
	"GetMsg":          {"user", "pass"},
}

// values are a request's parameters by the guide's names: a string, or a []string for an array.
type values map[string]any

// utf8 reports whether all of them are UTF-8. Anything else would reach a customer as U+FFFD.
func (v values) utf8() bool {
	for _, value := range v {
		switch value := value.(type) {
		case string:
			if !utf8.ValidString(value) {
				return false
			}
		case []string:
			if slices.ContainsFunc(value, func(item string) bool { return !utf8.ValidString(item) }) {
				return false
			}
		}
	}
	return true
}

// writeRequest returns the SOAP envelope of a call. Servers take the parameters by position, so their order is everything;
// and only this form of an array is understood by all of them.
func writeRequest(method string, op operation, params values) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"` +
		` xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/"` +
		` xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"` +
		` SOAP-ENV:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><SOAP-ENV:Body>`)
	fmt.Fprintf(&b, `<ns1:%s xmlns:ns1="%s">`, method, escape(op.namespace))
	for _, p := range op.params {
		switch v := params[p.known].(type) {
		case []string:
			fmt.Fprintf(&b, `<%s xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="xsd:string[%d]">`, p.name, len(v))
			for _, item := range v {
				fmt.Fprintf(&b, `<item xsi:type="xsd:string">%s</item>`, escape(item))
			}
			fmt.Fprintf(&b, `</%s>`, p.name)
		case string:
			fmt.Fprintf(&b, `<%s xsi:type="xsd:string">%s</%[1]s>`, p.name, escape(v))
		default:
			// A parameter the guide does not know must not be left out: the ones after it would move up.
			v = ""
			if strings.EqualFold(p.name, "messageType") {
				v = "normal"
			}
			fmt.Fprintf(&b, `<%s xsi:type="xsd:string">%s</%[1]s>`, p.name, v)
		}
	}
	fmt.Fprintf(&b, `</ns1:%s></SOAP-ENV:Body></SOAP-ENV:Envelope>`, method)
	return []byte(b.String())
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r\n", "\n", "\r", "\n")

// escape returns a text as XML can carry it: without control characters, which no SMS needs, and with LF at the end of lines,
// which is how they would arrive anyway.
func escape(text string) string {
	return escaper.Replace(strings.Map(func(r rune) rune {
		if !legal(r) && r != utf8.RuneError {
			return -1
		}
		return r
	}, text))
}
