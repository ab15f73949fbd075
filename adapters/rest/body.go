package rest

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/orderplane/orderplane/adapters/rest/internal/body"
	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/internal/strictjson"
)

// bodySchemas are the schemas of request bodies by route, such as "POST /api/orders".
type bodySchemas map[string]*openapi3.Schema

func newBodySchemas(doc *openapi3.T) bodySchemas {
	schemas := bodySchemas{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.RequestBody == nil {
				continue
			}
			if content := operation.RequestBody.Value.Content["application/json"]; content != nil {
				schemas[method+" "+path] = content.Schema.Value
			}
		}
	}
	return schemas
}

// takeBody reads the body of a request once, and hands on only what every parser
// after it reads alike: one JSON value, in UTF-8, each member once. A member that
// is null is taken out, since null says the same as absence.
func (s *Server) takeBody(w http.ResponseWriter, r *http.Request, route string) error {
	limit := s.cfg.MaxBodyBytes
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	bounded := http.MaxBytesReader(w, r.Body, limit)
	r.Body = bounded
	if r.ContentLength == 0 || r.Method == http.MethodGet {
		return nil
	}
	// A body whose length is known is there: nothing of a wrong type is read.
	if r.ContentLength > 0 {
		if err := checkMedia(r.Header); err != nil {
			return err
		}
	}
	text, err := io.ReadAll(bounded)
	if err != nil {
		return unreadable(err)
	}
	if len(text) > 0 {
		if text, err = s.cleanBody(r, route, text); err != nil {
			return err
		}
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	if len(text) == 0 {
		r.Body = http.NoBody
		r.Header.Del("Content-Type")
	}
	return nil
}

func (s *Server) cleanBody(r *http.Request, route string, text []byte) ([]byte, error) {
	if err := checkMedia(r.Header); err != nil {
		return nil, err
	}
	clean, err := body.Clean(text, s.router.bodies[route])
	var found *strictjson.Error
	switch {
	case errors.As(err, &found):
		return nil, invalidRequest(wire.FieldError{Field: orBody(found.Path()), Message: found.Reason})
	case err != nil:
		return nil, unreadable(err)
	}
	return clean, nil
}

func unreadable(err error) error {
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return tooLarge(long.Limit)
	}
	return invalidRequest(wire.FieldError{Field: "body", Message: "can't be read to its end"})
}

// checkMedia refuses a body that is not JSON in UTF-8, byte for byte as it was sent.
func checkMedia(header http.Header) error {
	unsupported := func(message string) error {
		return &problem{status: http.StatusUnsupportedMediaType, code: codeUnsupportedMedia, message: message}
	}
	mediaType, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return unsupported("send the body as Content-Type: application/json")
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return unsupported("send the body in UTF-8: Content-Type must not name another charset")
	}
	for _, coding := range header.Values("Content-Encoding") {
		if !strings.EqualFold(strings.TrimSpace(coding), "identity") {
			return unsupported("send the body as it is: no Content-Encoding is undone here")
		}
	}
	return nil
}

// checkHeaders refuses a header that stands there twice though it has one value:
// one reader takes the first, another the last. The lines of a list are one list.
func checkHeaders(header http.Header) error {
	for _, name := range []string{"Content-Type", "Idempotency-Key"} {
		if len(header.Values(name)) > 1 {
			return givenTwice(name)
		}
	}
	for _, list := range []string{"If-Match", "Prefer"} {
		if lines := header.Values(list); len(lines) > 1 {
			header.Set(list, strings.Join(lines, ", "))
		}
	}
	return nil
}

func givenTwice(header string) error {
	return invalidRequest(wire.FieldError{Field: header, Message: "must not be given twice"})
}
