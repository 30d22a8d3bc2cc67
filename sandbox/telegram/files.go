package telegram

import (
	"bytes"
	"fmt"
	"image"
	_ "image/gif" // what photos may be
	_ "image/jpeg"
	_ "image/png"
	"mime"
	"net/http"
	"path"
	"strings"
)

const (
	largestUpload   = 50 << 20
	largestPhoto    = 10 << 20
	largestDownload = 20 << 20

	photoSides = 10_000 // width and height together
	photoRatio = 20     // of one to the other
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
	if d.Photo {
		f.id, f.path = fmt.Sprintf("AgACAgQAAxk%012d", n), fmt.Sprintf("photos/file_%d.jpg", n)
	}
	s.files[f.id], s.filePaths[f.path] = f, f
	return f
}

func (s *Server) sendDocument(req *request) (any, error) { return s.sendFile(req, "document", false) }

func (s *Server) sendPhoto(req *request) (any, error) { return s.sendFile(req, "photo", true) }

// sendFile is both of them. field holds the file, or the id of one that is here already.
func (s *Server) sendFile(req *request, field string, photo bool) (any, error) {
	c, err := s.chatToWrite(req, field+"s")
	if err != nil {
		return nil, err
	}
	m := &message{sender: s.bot.ID}
	m.From, m.FromBot, m.Source, m.ParseMode = s.bot.ID, true, req.str("caption"), req.str("parse_mode")
	if m.Text, m.Entities, err = req.text("caption", "caption_entities", 1024); err != nil {
		return nil, err
	}
	part := field
	if name, ok := strings.CutPrefix(req.str(field), "attach://"); ok {
		part = name
	}
	d, known := req.files[part], s.files[req.str(field)]
	switch {
	case d != nil && photo:
		err = d.toPhoto()
	case d != nil:
		err = d.toDocument()
	case known != nil && known.document.Photo == photo:
		m.Document, m.fileID = known.document, known.id
	case known != nil && photo:
		err = bad("can't use file of type Document as Photo")
	case known != nil:
		err = bad("can't use file of type Photo as Document")
	case req.str(field) == "":
		err = bad("there is no %s in the request", field)
	default:
		err = bad("wrong file identifier/HTTP URL specified")
	}
	if err != nil {
		return nil, err
	}
	if d != nil {
		m.Document, m.fileID = d, s.storeFile(d).id
	}
	return s.post(c, m, req)
}

func (d *Document) checkSize() error {
	switch {
	case len(d.Data) == 0:
		return bad("file must be non-empty")
	case len(d.Data) > largestUpload:
		return &apiError{code: 413, text: "Request Entity Too Large"}
	}
	return nil
}

// toDocument takes what was uploaded as a document.
func (d *Document) toDocument() error {
	// The name comes from the sender; only its last part is kept, and the type follows from it.
	d.Name = path.Base(strings.ReplaceAll(d.Name, `\`, "/"))
	if d.MIME == "" || d.MIME == "application/octet-stream" {
		d.MIME, _, _ = strings.Cut(mime.TypeByExtension(path.Ext(d.Name)), ";")
	}
	return d.checkSize()
}

// toPhoto takes what was uploaded as a photo. The real server makes a JPEG of it, in several sizes; here it stays as it is.
func (d *Document) toPhoto() error {
	if err := d.checkSize(); err != nil {
		return err
	}
	if len(d.Data) > largestPhoto {
		return bad("file of size %d bytes is too big for a photo; the maximum size is %d bytes", len(d.Data), largestPhoto)
	}
	size, kind, err := image.DecodeConfig(bytes.NewReader(d.Data))
	if err != nil {
		return bad("IMAGE_PROCESS_FAILED")
	}
	w, h := size.Width, size.Height
	if w+h > photoSides || w > photoRatio*h || h > photoRatio*w {
		return bad("PHOTO_INVALID_DIMENSIONS")
	}
	if _, _, err := image.Decode(bytes.NewReader(d.Data)); err != nil {
		return bad("IMAGE_PROCESS_FAILED")
	}
	d.Name, d.MIME, d.Photo, d.Width, d.Height = "", "image/"+kind, true, w, h
	return nil
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
