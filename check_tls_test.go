package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// certificate returns one that nobody vouches for.
func certificate(t *testing.T, from, to time.Time, names []string, addresses ...net.IP) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "panel"}, NotBefore: from, NotAfter: to, DNSNames: names, IPAddresses: addresses,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	made, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{made}, PrivateKey: key}
}

// TestCheckNamesWhatIsWrongWithTLS tries both sides, as peyk setup and the chat's /check say the same.
func TestCheckNamesWhatIsWrongWithTLS(t *testing.T) {
	here, now := net.IPv4(127, 0, 0, 1), time.Now()
	good := certificate(t, now.Add(-time.Hour), now.Add(time.Hour), nil, here)
	for name, test := range map[string]struct {
		config *tls.Config
		want   []string
	}{
		"TLS 1.0 alone": {&tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, []string{"an old TLS that is not safe", "TLS proxy", "http://"}},
		"TLS 1.1 alone": {&tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS11}, []string{"an old TLS that is not safe", "TLS proxy", "http://"}},
		"old ciphers alone": {&tls.Config{Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}},
			[]string{"an old TLS that is not safe", "TLS proxy"}},
		"an unknown issuer":    {&tls.Config{Certificates: []tls.Certificate{good}}, []string{"certificate is not valid", "SSL_CERT_FILE"}},
		"one that has run out": {&tls.Config{Certificates: []tls.Certificate{certificate(t, now.Add(-2*time.Hour), now.Add(-time.Hour), nil, here)}}, []string{"has expired", "clock"}},
		"one not valid yet":    {&tls.Config{Certificates: []tls.Certificate{certificate(t, now.Add(time.Hour), now.Add(2*time.Hour), nil, here)}}, []string{"has expired", "clock"}},
		"another host's":       {&tls.Config{Certificates: []tls.Certificate{certificate(t, now.Add(-time.Hour), now.Add(time.Hour), []string{"panel.example"})}}, []string{"another name"}},
		"another address's":    {&tls.Config{Certificates: []tls.Certificate{certificate(t, now.Add(-time.Hour), now.Add(time.Hour), nil, net.IPv4(192, 0, 2, 1))}}, []string{"another name"}},
		"no TLS at all":        {nil, []string{"does not speak https", "http://"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := wellSetUp(t)
			for setting, side := range map[string]struct {
				handler http.Handler
				name    string
			}{"SMS_API_URL": {s.Panel, "panel"}, "TELEGRAM_API_URL": {s.TG, "Telegram"}} {
				web := httptest.NewUnstartedServer(side.handler)
				web.Config.ErrorLog = log.New(io.Discard, "", 0)
				if web.TLS = test.config; test.config != nil {
					web.StartTLS()
				} else {
					web.Start()
				}
				t.Cleanup(web.Close)
				was := s.set[setting]
				s.set[setting] = "https" + web.URL[strings.Index(web.URL, ":"):] + "/"
				out, code := s.checkInBoth()
				line := lineLike(out, "^WRONG "+side.name+": ")
				for _, want := range append(test.want, setting) {
					if !strings.Contains(line, want) || code != 1 {
						t.Errorf("%s: %q is missing in %d, %q of:\n%s", side.name, want, code, line, out)
					}
				}
				s.set[setting] = was
			}
		})
	}
}

// TestHTTPSWorksWhereTheSystemTrustsNobody asks a process that finds no certificates, as on a bare Debian: Go looks for them once.
func TestHTTPSWorksWhereTheSystemTrustsNobody(t *testing.T) {
	const nowhere = "/nowhere/at/all"
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("the system itself verifies here")
	}
	if os.Getenv("SSL_CERT_FILE") != nowhere {
		bare := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		bare.Env = append(os.Environ(), "SSL_CERT_FILE="+nowhere, "SSL_CERT_DIR="+nowhere)
		if out, err := bare.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if roots, err := x509.SystemCertPool(); err != nil || roots.Equal(x509.NewCertPool()) {
		t.Errorf("nobody is trusted: %v", err)
	}
}
