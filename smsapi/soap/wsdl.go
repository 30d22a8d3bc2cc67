package soap

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// operation is how a service wants one method called.
type operation struct {
	action    string
	namespace string
	params    []param
}

// param is one parameter in the service's order.
type param struct {
	name  string // as the service spells it
	known string // the guide's name of it, or "" for one the guide does not know
}

// errNoWSDL means that a service does not describe itself.
var errNoWSDL = errors.New("no WSDL")

// guided returns the guide's way to call a method.
func guided(method, namespace string) operation {
	op := operation{action: method, namespace: namespace}
	for _, name := range guide[method] {
		op.params = append(op.params, param{name, name})
	}
	return op
}

// definitions is what counts of a WSDL 1.1 document in RPC style.
type definitions struct {
	TargetNamespace string `xml:"targetNamespace,attr"`
	Messages        []struct {
		Name  string `xml:"name,attr"`
		Parts []struct {
			Name    string `xml:"name,attr"`
			Element string `xml:"element,attr"`
		} `xml:"part"`
	} `xml:"message"`
	Operations []struct {
		Name  string `xml:"name,attr"`
		Input struct {
			Message string `xml:"message,attr"`
		} `xml:"input"`
	} `xml:"portType>operation"`
	Bound []struct {
		Name string `xml:"name,attr"`
		SOAP struct {
			Action string `xml:"soapAction,attr"`
		} `xml:"operation"`
		Input struct {
			Body struct {
				Namespace string `xml:"namespace,attr"`
			} `xml:"body"`
		} `xml:"input"`
	} `xml:"binding>operation"`
}

var (
	definitionsTag = regexp.MustCompile(`<(?:[\w.-]+:)?definitions[\s>/]`)
	partName       = regexp.MustCompile(`^[\pL_][\pL\pN._-]*$`)
)

// readWSDL returns the operations a service describes. An answer that is no WSDL at all is errNoWSDL.
func readWSDL(contentType string, raw []byte) (map[string]operation, error) {
	text := toUTF8(contentType, raw)
	at := definitionsTag.FindIndex(text)
	if at == nil {
		return nil, errNoWSDL
	}
	if hasDoctype(text[:at[0]]) {
		return nil, errDoctype
	}
	var defs definitions
	if err := xml.NewDecoder(bytes.NewReader(text[at[0]:])).Decode(&defs); err != nil {
		return nil, fmt.Errorf("read WSDL: %w", err)
	}
	operations := map[string]operation{}
	for _, described := range defs.Operations {
		op := operation{action: described.Name, namespace: defs.TargetNamespace}
		for _, bound := range defs.Bound {
			// A binding to plain HTTP names neither.
			if bound.Name == described.Name && bound.SOAP.Action+bound.Input.Body.Namespace != "" {
				op.action = cmp.Or(bound.SOAP.Action, op.action)
				op.namespace = cmp.Or(bound.Input.Body.Namespace, op.namespace)
				break
			}
		}
		for _, message := range defs.Messages {
			if message.Name != local(described.Input.Message) {
				continue
			}
			for _, part := range message.Parts {
				if part.Element == "" && partName.MatchString(part.Name) {
					op.params = append(op.params, param{part.Name, guideName(described.Name, part.Name)})
				}
			}
			break
		}
		if _, again := operations[described.Name]; !again && len(op.params) > 0 {
			operations[described.Name] = op
		}
	}
	return operations, nil
}

// local returns a qualified name without its prefix.
func local(name string) string { return name[strings.LastIndex(name, ":")+1:] }

// guideName returns the guide's name of a method's parameter: services of the family differ in case and in the plural.
func guideName(method, name string) string {
	for _, known := range guide[method] {
		if strings.EqualFold(strings.TrimSuffix(known, "s"), strings.TrimSuffix(name, "s")) {
			return known
		}
	}
	return ""
}
