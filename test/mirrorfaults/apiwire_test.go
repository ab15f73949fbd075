package mirrorfaults

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

// wrapAPI is between a mirror and the API server, for rest.Config.Wrap.
func (l *life) wrapAPI(next http.RoundTripper) http.RoundTripper {
	return testenv.RoundTripper(func(req *http.Request) (*http.Response, error) {
		if l.IsPulled() {
			return nil, testenv.ErrUnplugged
		}
		site, err := siteOfRequest(req)
		if err != nil {
			return nil, err
		}
		what := never
		if site != "" {
			what = l.writes(site)
		}
		if what == before {
			l.Pull()
			return nil, testenv.ErrUnplugged
		}
		answer, err := next.RoundTrip(req)
		if err != nil || what != after {
			return answer, err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		l.Pull()
		return nil, errors.Join(testenv.ErrUnplugged, err, answer.Body.Close())
	})
}

// siteOfRequest names a write of objects; "" is none.
func siteOfRequest(req *http.Request) (string, error) {
	_, path, inNamespace := strings.Cut(req.URL.Path, "/namespaces/")
	parts := strings.Split(path, "/") // namespace, kind, name, subresource
	if req.Method == http.MethodGet || !inNamespace || len(parts) < 2 {
		return "", nil
	}
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		if err = errors.Join(err, req.Body.Close()); err != nil {
			return "", err
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	site := "api " + req.Method + " " + parts[1]
	if says := saysOfPatch(body); says != "" && req.Method == http.MethodPatch {
		site += ": " + says
	}
	return site, nil
}

// saysOfPatch tells patches of one kind apart by what they bring about.
func saysOfPatch(body []byte) string {
	var patch struct {
		Metadata struct {
			Finalizers  *[]string
			Annotations map[string]*string
		}
		Spec map[string]json.RawMessage
	}
	if json.Unmarshal(body, &patch) != nil {
		return ""
	}
	var says []string
	for name, value := range patch.Metadata.Annotations {
		if value == nil {
			says = append(says, "without "+name)
		} else {
			says = append(says, "with "+name)
		}
	}
	for name := range patch.Spec {
		says = append(says, "spec."+name)
	}
	if f := patch.Metadata.Finalizers; f != nil && slices.Contains(*f, v1alpha1.MirrorFinalizer) {
		says = append(says, "finalizer on")
	} else if f != nil {
		says = append(says, "finalizer off")
	}
	slices.Sort(says)
	return strings.Join(says, ", ")
}
