package telegram

import (
	"net/http"
)

// DefaultToken is the bot's token when Options name none. It opens nothing anywhere else.
const DefaultToken = "7000000001:AAsandbox-token-for-loopback-only-000"

// Options says what differs from an ordinary bot at a Telegram without limits. The zero value works.
type Options struct {
	Token     string  // "" means DefaultToken; the digits before the colon are the bot's id
	Username  string  // the bot's, without @; "" means "PeykSandboxBot"
	FirstName string  // the bot's; "" means "Peyk"
	NoPrivacy bool    // the bot hears everything said in its groups, also where it is no administrator
	Limits    Limits  // flood limits; the zero value has none
	Speed     float64 // how many times faster than real time the clock of Limits runs; 0 means 1
}

// Server is one bot's Telegram. Make it with New.
type Server struct{}

// New returns a Telegram in which nobody lives yet but the bot.
func New(o Options) *Server { return &Server{} }

// Token returns the token the bot must use.
func (s *Server) Token() string { panic("later") }

// Bot returns the bot as a user of Telegram. Its ID is what makes it a member when named to AddGroup and the like.
func (s *Server) Bot() User { panic("later") }

// Revoke makes every later call of the bot fail with 401 Unauthorized, as when its owner revokes the token. It cannot be undone.
func (s *Server) Revoke() { panic("later") }

// Close ends long polls, hanging calls, watches and waits. It does not close the listener, which the caller owns.
func (s *Server) Close() { panic("later") }

// ServeHTTP answers the bot.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { panic("later") }
