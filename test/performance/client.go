package performance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"k8s.io/client-go/rest"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// client sends bodies that are encoded already: client-go's transport without
// its codecs.
type client struct {
	http *http.Client
	base string
}

func newClient(cfg *rest.Config) (*client, error) {
	h, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return &client{http: h, base: cfg.Host}, nil
}

// refusal is an answer that is no success.
type refusal struct {
	method, path string
	status       int
	answer       string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%s %s: status %d: %.300s", r.method, r.path, r.status, r.answer)
}

// isTooMany reports whether a server said that it has no room.
func isTooMany(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == http.StatusTooManyRequests
}

// do sends a body and returns the answer to its end.
func (c *client) do(ctx context.Context, method, path string, header http.Header, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if header != nil {
		req.Header = header.Clone()
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close() //nolint:errcheck // it is read to its end
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, &refusal{method: method, path: path, status: resp.StatusCode, answer: string(answer)}
	}
	return answer, nil
}

// get reads an object.
func (c *client) get(ctx context.Context, path string, into any) error {
	answer, err := c.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}

// identity is what the next write of an object needs of the answer to the last.
type identity struct {
	UID             string `json:"uid"`
	ResourceVersion string `json:"resourceVersion"`
}

// write sends a body and returns who the object is now.
func (c *client) write(ctx context.Context, method, path string, body []byte) (identity, error) {
	answer, err := c.do(ctx, method, path, nil, body)
	if err != nil {
		return identity{}, err
	}
	var object struct {
		Metadata identity `json:"metadata"`
	}
	if err := json.Unmarshal(answer, &object); err != nil {
		return identity{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return object.Metadata, nil
}

// resourcePath is where the API server serves a resource of ours in a namespace.
func resourcePath(namespace, resource string) string {
	return "/apis/" + v1alpha1.GroupVersion.String() + "/namespaces/" + namespace + "/" + resource
}
