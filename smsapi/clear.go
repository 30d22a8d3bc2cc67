package smsapi

import (
	"net"
	"net/url"
)

// InClear reports whether requests to address can be read on the way: it is http, and not to this machine.
func InClear(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback()
}
