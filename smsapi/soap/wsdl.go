package soap

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"peyk/smsapi/exchange"
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

// errNoWSDL means that the service has no WSDL.
var errNoWSDL = errors.New("no WSDL")

// guided returns the guide's way to call a method.
func guided(method, namespace string) operation {
	op := operation{action: method, namespace: namespace}
	for _, name := range guide[method] {
		op.params = append(op.params, param{name, name})
	}
	return op
}

// description is what the service's WSDL says. It is read once; reading guards it.
type description struct {
	reading    chan struct{}        // holds one token while the WSDL is being read
	operations map[string]operation // nil: not known yet; empty: the service has no WSDL
	read       time.Time            // when
}

// lookAgain is how long a service is taken to have no WSDL: one that is half down says so, too.
const lookAgain = time.Minute

// operation returns how the service wants a method called.
func (c *Client) operation(ctx context.Context, method string) (operation, error) {
	described, err := c.describe(ctx)
	if err != nil {
		return operation{}, err
	}
	op, ok := described[method]
	if !ok {
		return guided(method, "urn:smsserver"), nil
	}
	for _, name := range guide[method] {
		found := false
		for _, p := range op.params {
			found = found || p.known == name
		}
		if !found {
			return operation{}, exchange.Rejected("the panel's WSDL has no parameter " + name)
		}
	}
	return op, nil
}

// describe returns the operations in the service's WSDL; none for a service without one. A WSDL that cannot be
// fetched is Unavailable, since a wrong order of parameters is worse than none.
func (c *Client) describe(ctx context.Context) (map[string]operation, error) {
	// While a panel is down callers queue here. None of them waits longer than for one exchange.
	ctx, cancel := context.WithTimeout(ctx, c.Timeout())
	defer cancel()
	s := &c.service
	select {
	case s.reading <- struct{}{}:
		defer func() { <-s.reading }()
	case <-ctx.Done():
		return nil, exchange.Unavailable("the panel was not asked", ctx.Err())
	}
	if len(s.operations) > 0 || s.operations != nil && time.Since(s.read) < lookAgain {
		return s.operations, nil
	}
	operations, err := c.fetchWSDL(ctx)
	if err == nil && operations != nil {
		s.operations, s.read = operations, time.Now()
	}
	return operations, err
}

// fetchWSDL asks the service for its WSDL. It returns an empty map for a service without one, and nil if the answer proves nothing.
func (c *Client) fetchWSDL(ctx context.Context) (map[string]operation, error) {
	address := c.Address()
	address.RawQuery = strings.TrimPrefix(address.RawQuery+"&wsdl", "&")
	req, err := http.NewRequest(http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, errBadAddress()
	}
	const failed = "the panel's WSDL cannot be fetched"
	r, err := c.Do(ctx, req)
	if err != nil {
		return nil, exchange.Unavailable(failed, errors.Unwrap(err))
	}
	operations, err := readWSDL(r.ContentType, r.Body)
	_, notSOAP := readEnvelope(r.ContentType, r.Body)
	none := map[string]operation{}
	switch {
	case r.Status == http.StatusNotFound:
		return none, nil
	case r.Cut != nil:
		return nil, exchange.Unavailable(failed, r.Cut)
	case err == errNoWSDL && notSOAP == nil:
		return none, nil // SoapServer without a WSDL says so in a Fault
	case r.Status != http.StatusOK:
		return nil, exchange.Unavailable(failed, r.Answered)
	case err == errNoWSDL && looksLikeHTML(r.Body):
		return nil, nil // a web page may be gone in an hour, so this is not remembered
	case err == errNoWSDL && len(bytes.TrimSpace(r.Body)) > 0:
		return none, nil // nusoap says so in plain words
	case err != nil:
		return nil, exchange.Unavailable(failed, err)
	}
	return operations, nil
}

// definitions is what matters in a WSDL 1.1 document in RPC style.
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

// readWSDL returns the operations a service describes. An answer that is not a WSDL at all is errNoWSDL.
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
		op.params = defs.params(described.Name, localName(described.Input.Message))
		if _, again := operations[described.Name]; !again && len(op.params) > 0 {
			operations[described.Name] = op
		}
	}
	return operations, nil
}

// params returns the parameters of a method, which are the parts of its message.
func (d *definitions) params(method, message string) []param {
	for _, m := range d.Messages {
		if m.Name != message {
			continue
		}
		var params []param
		for _, part := range m.Parts {
			if part.Element == "" && partName.MatchString(part.Name) {
				params = append(params, param{part.Name, guideName(method, part.Name)})
			}
		}
		return params
	}
	return nil
}

// localName returns a qualified name without its prefix.
func localName(name string) string { return name[strings.LastIndex(name, ":")+1:] }

// guideName returns the guide's name of a method's parameter: services of the family differ in case and in the plural.
func guideName(method, name string) string {
	for _, known := range guide[method] {
		if strings.EqualFold(strings.TrimSuffix(known, "s"), strings.TrimSuffix(name, "s")) {
			return known
		}
	}
	return ""
}
