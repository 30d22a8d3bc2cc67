package telegram

import "net/http"

// Control returns the people's and the tester's side as JSON over HTTP.
func (s *Server) Control() http.Handler { panic("later") }
