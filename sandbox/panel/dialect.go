package panel

import (
	_ "embed"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// Namespaces, as the two servers declare them.
const (
	nsEnvelope = ` xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"`
	nsXSD      = ` xmlns:xsd="http://www.w3.org/2001/XMLSchema"`
	nsXSI      = ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	nsEncoding = ` xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/"`
	nsService  = ` xmlns:ns1="urn:smsserver"`
	nsMap      = ` xmlns:ns2="http://xml.apache.org/xml-soap"`
	encoding   = ` SOAP-ENV:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"`
)

const prolog = `<?xml version="1.0" encoding="UTF-8"?>`

// encode writes a method's answer in the dialect.
func (s *Server) encode(r *http.Request, method string, a answer) []byte {
	var b strings.Builder
	if s.opts.Dialect == Native {
		s.encodeNative(&b, method, a)
	} else {
		encodeNusoap(&b, host(r), method, a)
	}
	return []byte(b.String())
}

func host(r *http.Request) string {
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		return h
	}
	return r.Host
}

func encodeNusoap(b *strings.Builder, host, method string, a answer) {
	b.WriteString(prolog + "<SOAP-ENV:Envelope" + encoding + nsEnvelope + nsXSD + nsXSI + nsEncoding + "><SOAP-ENV:Body>")
	// The methods' namespace is the bare host: nusoap has none of its own to give.
	fmt.Fprintf(b, `<ns1:%sResponse xmlns:ns1="%s">`, method, host)
	if a.each != nil {
		nusoapValue(b, "return", a.each)
	} else {
		// The PHP code behind these two returns ErrCode as a number, behind the others as a string.
		var code any = strconv.Itoa(a.code)
		if method == "GetStatus" || method == "GetMsg" {
			code = a.code
		}
		nusoapValue(b, "return", pair(code, a.result))
	}
	fmt.Fprintf(b, `</ns1:%sResponse></SOAP-ENV:Body></SOAP-ENV:Envelope>`, method)
}

var nusoapEscape = strings.NewReplacer("&", "&amp;", "'", "&apos;", `"`, "&quot;", "<", "&lt;", ">", "&gt;")

func nusoapValue(b *strings.Builder, name string, v any) {
	switch v := v.(type) {
	case string:
		fmt.Fprintf(b, `<%s xsi:type="xsd:string">%s</%s>`, name, nusoapEscape.Replace(v), name)
	case int:
		fmt.Fprintf(b, `<%s xsi:type="xsd:int">%d</%s>`, name, v, name)
	case record:
		fmt.Fprintf(b, `<%s>`, name)
		for _, m := range v {
			nusoapValue(b, m.name, m.value)
		}
		fmt.Fprintf(b, `</%s>`, name)
	case []any:
		fmt.Fprintf(b, `<%s xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="%s[%d]">`, name,
			itemType(v, "unnamed_struct_use_soapval", "xsd:anyType"), len(v))
		for _, item := range v {
			nusoapValue(b, "item", item)
		}
		fmt.Fprintf(b, `</%s>`, name)
	}
}

// itemType is the type a list declares for its items: structs and mixed have names of the dialect's own.
func itemType(list []any, structs, mixed string) string {
	of := ""
	for _, item := range list {
		t := mixed
		switch item.(type) {
		case string:
			t = "xsd:string"
		case int:
			t = "xsd:int"
		case record:
			t = structs
		}
		if of != "" && t != of {
			return mixed
		}
		of = t
	}
	if of == "" {
		return mixed
	}
	return of
}

func (s *Server) encodeNative(b *strings.Builder, method string, a answer) {
	// libxml declares a namespace on the envelope when it is first needed, so their order shows how the answer was built.
	var body strings.Builder
	namespaces := nsService
	switch {
	case a.each != nil:
		namespaces += nsMap + nsEncoding + nsXSI + nsXSD
		nativeValue(&body, "return", a.each)
	case method == "SendMultipleSMS" || s.opts.NoWSDL:
		// No type is declared for a lone error of SendMultipleSMS, nor for anything without a WSDL: a PHP array is a Map.
		namespaces += nsXSI + nsXSD + nsMap + nsEncoding
		nativeValue(&body, "return", pair(strconv.Itoa(a.code), a.result))
	default:
		body.WriteString(`<return xsi:type="ns1:AnyAnswer">`)
		nativeValue(&body, "ErrCode", strconv.Itoa(a.code))
		nativeValue(&body, "result", a.result)
		body.WriteString(`</return>`)
		namespaces += nsXSD + nsXSI
		if strings.Contains(body.String(), `"ns2:Map"`) {
			namespaces += nsMap
		}
		namespaces += nsEncoding
	}
	b.WriteString(prolog + "\n<SOAP-ENV:Envelope" + nsEnvelope + namespaces + encoding + "><SOAP-ENV:Body>")
	fmt.Fprintf(b, "<ns1:%sResponse>%s</ns1:%sResponse></SOAP-ENV:Body></SOAP-ENV:Envelope>\n", method, body.String(), method)
}

var nativeEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;")

func nativeValue(b *strings.Builder, name string, v any) {
	switch v := v.(type) {
	case string:
		fmt.Fprintf(b, `<%s xsi:type="xsd:string">%s</%s>`, name, nativeEscape.Replace(v), name)
	case int:
		fmt.Fprintf(b, `<%s xsi:type="xsd:int">%d</%s>`, name, v, name)
	case record:
		fmt.Fprintf(b, `<%s xsi:type="ns2:Map">`, name)
		for _, m := range v {
			fmt.Fprintf(b, `<item><key xsi:type="xsd:string">%s</key>`, m.name)
			nativeValue(b, "value", m.value)
			b.WriteString(`</item>`)
		}
		fmt.Fprintf(b, `</%s>`, name)
	case []any:
		fmt.Fprintf(b, `<%s SOAP-ENC:arrayType="%s[%d]" xsi:type="SOAP-ENC:Array"`, name, itemType(v, "ns2:Map", "xsd:ur-type"), len(v))
		if len(v) == 0 {
			b.WriteString(`/>`)
			return
		}
		b.WriteString(`>`)
		for _, item := range v {
			nativeValue(b, "item", item)
		}
		fmt.Fprintf(b, `</%s>`, name)
	}
}

// fault is the envelope of a SOAP Fault.
func (s *Server) fault(text string) []byte {
	if s.opts.Dialect == Native {
		return []byte(prolog + "\n<SOAP-ENV:Envelope" + nsEnvelope + "><SOAP-ENV:Body><SOAP-ENV:Fault><faultcode>SOAP-ENV:Server</faultcode>" +
			"<faultstring>" + nativeEscape.Replace(text) + "</faultstring></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>\n")
	}
	var b strings.Builder
	b.WriteString(prolog + "<SOAP-ENV:Envelope" + encoding + nsEnvelope + nsXSD + nsXSI + nsEncoding + "><SOAP-ENV:Body><SOAP-ENV:Fault>")
	nusoapValue(&b, "faultcode", "SOAP-ENV:Client")
	nusoapValue(&b, "faultactor", "")
	nusoapValue(&b, "faultstring", text)
	nusoapValue(&b, "detail", "")
	b.WriteString("</SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>")
	return []byte(b.String())
}

//go:embed nusoap.wsdl
var nusoapWSDL string

//go:embed native.wsdl
var nativeWSDL string

// serveWSDL describes the service at the address it was asked at.
func (s *Server) serveWSDL(w http.ResponseWriter, r *http.Request) {
	wsdl, contentType, part := nusoapWSDL, "text/xml; charset=ISO-8859-1", `  <part name="%s" type="%s" />`
	if s.opts.Dialect == Native {
		wsdl, contentType, part = nativeWSDL, "text/xml; charset=utf-8", `    <part name="%s" type="%s"/>`
	}
	fill := []string{"{address}", "http://" + r.Host + r.URL.Path, "{host}", host(r)}
	for _, method := range methods {
		var parts []string
		for _, name := range s.signature(method) {
			typ := "xsd:string"
			switch name {
			case "toNum", "toNums", "messageContents", "unique_ids":
				typ = "tns:ArrayOfString"
			}
			parts = append(parts, fmt.Sprintf(part, name, typ))
		}
		fill = append(fill, "{"+method+"}", strings.Join(parts, "\n"))
	}
	w.Header().Set("Content-Type", contentType)
	strings.NewReplacer(fill...).WriteString(w, wsdl)
}
