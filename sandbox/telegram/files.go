package telegram

import (
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"
)

const (
	largestUpload   = 50 << 20
	largestDownload = 20 << 20
)

type storedFile struct {
	id, path string
	document *Document
}

func (s *Server) storeFile(d *Document) *storedFile {
	n := len(s.files) + 1
	f := &storedFile{
		id:       fmt.Sprintf("BQACAgQAAxk%012d", n),
		path:     fmt.Sprintf("documents/file_%d%s", n, path.Ext(d.Name)),
		document: d,
	}
	s.files[f.id], s.filePaths[f.path] = f, f
	return f
}

func (s *Server) sendDocument(req *request) (any, error) {
	c, err := s.chatToWrite(req, "documents")
	if err != nil {
		return nil, err
	}
	m := &message{sender: s.bot.ID}
	m.From, m.FromBot, m.Source, m.ParseMode = s.bot.ID, true, req.str("caption"), req.str("parse_mode")
	if m.Text, m.Entities, err = req.text("caption", "caption_entities", 1024); err != nil {
		return nil, err
	}
	field := "document"
	if name, ok := strings.CutPrefix(req.str(field), "attach://"); ok {
		field = name
	}
	if d := req.files[field]; d != nil {
		switch {
		case len(d.Data) == 0:
			return nil, bad("file must be non-empty")
		case len(d.Data) > largestUpload:
			return nil, &apiError{code: 413, text: "Request Entity Too Large"}
		}
		// The name comes from the sender; only its last part is kept, and the type follows from it.
		d.Name = path.Base(strings.ReplaceAll(d.Name, `\`, "/"))
		if d.MIME == "" || d.MIME == "application/octet-stream" {
			d.MIME, _, _ = strings.Cut(mime.TypeByExtension(path.Ext(d.Name)), ";")
		}
		m.Document, m.fileID = d, s.storeFile(d).id
	} else if f := s.files[req.str("document")]; f != nil {
		m.Document, m.fileID = f.document, f.id
	} else if req.str("document") == "" {
		return nil, bad("there is no document in the request")
	} else {
		return nil, bad("wrong file identifier/HTTP URL specified")
	}
	return s.post(c, m, req)
}

func (s *Server) getFile(req *request) (any, error) {
	f := s.files[req.str("file_id")]
	switch {
	case req.str("file_id") == "":
		return nil, bad("file_id not specified")
	case f == nil:
		return nil, bad("wrong file_id or the file is temporarily unavailable")
	case len(f.document.Data) > largestDownload:
		return nil, bad("file is too big")
	}
	return struct {
		FileID   string `json:"file_id"`
		UniqueID string `json:"file_unique_id"`
		Size     int    `json:"file_size"`
		Path     string `json:"file_path"`
	}{f.id, "U" + f.id, len(f.document.Data), f.path}, nil
}

// serveFile serves the download address that getFile returns.
func (s *Server) serveFile(w http.ResponseWriter, token, name string) {
	s.mu.Lock()
	f := s.filePaths[name]
	down, authorized := s.down, token == s.token && !s.revoked
	s.mu.Unlock()
	switch {
	case down:
		panic(http.ErrAbortHandler)
	case !authorized:
		writeAnswer(w, nil, &apiError{code: 401, text: "Unauthorized"}, false)
	case f == nil:
		writeAnswer(w, nil, &apiError{code: 404, text: "Not Found"}, false)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(f.document.Data)
	}
}
