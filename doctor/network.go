package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"peyk/bot/text"
	"peyk/internal/connect"
	"peyk/smsapi"
	"peyk/telegram"
)

// side names one of the two networks and its settings, for sentences about not reaching it.
type side struct{ name, url, proxy string }

// unreached adds why a network cannot be reached, or its answer not understood.
func (f *findings) unreached(s side, err error) {
	if e, ok := errors.AsType[*telegram.Error](err); ok && e.Cause != nil {
		err = e.Cause
	}
	place, proxy := text.Code(s.url), text.Code(s.proxy)
	status, _ := errors.AsType[connect.Status](err)
	redirect, leads := errors.AsType[connect.Redirect](err)
	dial, _ := errors.AsType[*net.OpError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	_, noName := errors.AsType[*net.DNSError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	late, _ := errors.AsType[net.Error](err)
	switch {
	case dial != nil && (dial.Op == "proxyconnect" || strings.HasPrefix(dial.Op, "socks")), status == http.StatusProxyAuthRequired:
		f.wrong(err, f.Say(f.NetProxy, s.name, proxy))
	case noName:
		f.wrong(err, f.Say(f.NetName, s.name, place))
	case errors.Is(err, syscall.ECONNREFUSED):
		f.wrong(err, f.Say(f.NetRefused, s.name, place, proxy))
	case noTLS || errors.Is(err, http.ErrSchemeMismatch):
		f.wrong(err, f.Say(f.NetWantsHTTP, s.name, place))
	case errors.Is(err, smsapi.ErrWantsHTTPS):
		f.wrong(err, f.Say(f.NetWantsHTTPS, s.name, place))
	case certificate:
		f.wrong(err, f.Say(badCertificate(f.Language, err), s.name, place))
	case oldTLS(err):
		f.wrong(err, f.Say(f.NetOldTLS, s.name, place))
	case leads:
		f.wrong(redirect.Status, f.Say(f.NetRedirect, s.name, text.Code(text.Short(redirect.To, text.ReasonRunes)), place))
	case status != 0:
		f.wrong(err, f.Say(f.NetStatus, s.name, int(status), place))
	case late != nil && late.Timeout():
		f.wrong(err, f.Say(f.NetSilent, s.name, int(patience/time.Second), place, proxy))
	default:
		f.wrong(err, f.Say(f.NetBroken, s.name, place))
	}
	f.list[len(f.list)-1].Unreached = true
}

// badCertificate returns the sentence that says what is wrong with a certificate.
func badCertificate(t *text.Language, err error) string {
	invalid, _ := errors.AsType[x509.CertificateInvalidError](err)
	_, otherName := errors.AsType[x509.HostnameError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case invalid.Reason == x509.Expired && invalid.Cert != nil: // or not valid yet
		return t.NetExpired
	case otherName:
		return t.NetOtherName
	case unknown:
		return t.NetUnknownIssuer
	}
	return t.NetCertificate
}

// oldTLS reports whether a server shares no TLS version or cipher with us, usually because it is too old. crypto/tls has no types for that.
func oldTLS(err error) bool {
	for _, words := range []string{
		"tls: protocol version not supported", "tls: server selected unsupported protocol version", "tls: handshake failure", "tls: insufficient security level",
		"tls: server chose an unconfigured cipher suite",
	} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}
