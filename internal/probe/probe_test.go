package probe_test

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderplane/orderplane/internal/probe"
)

// answers is a server that answers with the status that stands in the path.
func answers(t *testing.T, start func(http.Handler) *httptest.Server) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/up", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/down", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("{\"status\":\n\t\"DOWN\x1b[2J\"}\n" + strings.Repeat("x", 10_000)))
	})
	mux.HandleFunc("/bare", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/up", http.StatusFound) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := start(mux)
	t.Cleanup(server.Close)
	return server
}

func TestCheck(t *testing.T) {
	t.Parallel()
	server := answers(t, httptest.NewServer)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		target string
		o      probe.Options
		want   string // empty: it is well
	}{
		"is well":                {target: server.URL + "/up"},
		"says what is wrong":     {target: server.URL + "/down", want: server.URL + `/down: 503 Service Unavailable: {"status": "DOWN [2J"} xxx`},
		"says nothing":           {target: server.URL + "/bare", want: server.URL + "/bare: 404 Not Found"},
		"is somewhere else":      {target: server.URL + "/moved", want: server.URL + "/moved: 302 Found: /up"},
		"does not answer":        {target: server.URL + "/slow", o: probe.Options{Timeout: 30 * time.Millisecond}, want: server.URL + "/slow: no answer within 30ms"},
		"is not there":           {target: gone.URL + "/up", want: gone.URL + "/up: dial tcp"},
		"no scheme":              {target: "localhost:8080/up", want: `URL "localhost:8080/up": give one that begins with http:// or https://`},
		"no host":                {target: "http:///up", want: "names a host"},
		"another scheme":         {target: "file:///etc/passwd", want: "http:// or https://"},
		"no URL":                 {target: "http://[::1", want: "URL: parse"},
		"a password":             {target: "http://me:secret@localhost/up", want: "leave out the user"},
		"no time":                {target: server.URL + "/up", o: probe.Options{Timeout: -time.Second}, want: "--timeout -1s: give 1ms or more"},
		"a CA and no https":      {target: server.URL + "/up", o: probe.Options{CAFile: text}, want: "--ca-file is given"},
		"a CA that is not there": {target: "https://localhost/up", o: probe.Options{CAFile: text + ".lost"}, want: "--ca-file: open"},
		"a CA that is no CA":     {target: "https://localhost/up", o: probe.Options{CAFile: text}, want: "has no certificate in PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.o.Timeout == 0 {
				c.o.Timeout = 20 * time.Second
			}
			err := probe.Check(t.Context(), c.target, c.o)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if got := err.Error(); strings.ContainsAny(got, "\n\x1b") || len(got) > 500 || strings.Contains(got, "secret") {
				t.Errorf("%q is not one clear line", got)
			}
		})
	}
}

// A server's certificate is verified: by the system's authorities, or by those of the file.
func TestCheckVerifiesTheCertificate(t *testing.T) {
	t.Parallel()
	server := answers(t, httptest.NewTLSServer)
	file := filepath.Join(t.TempDir(), "ca.pem")
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, own, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := probe.Check(t.Context(), server.URL+"/up", probe.Options{Timeout: 20 * time.Second}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v, want a refusal of the certificate", err)
	}
	if err := probe.Check(t.Context(), server.URL+"/up", probe.Options{Timeout: 20 * time.Second, CAFile: file}); err != nil {
		t.Error(err)
	}
}

// Whoever gives up is told so, and not that the server is slow.
func TestCheckEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	server := answers(t, httptest.NewServer)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := probe.Check(ctx, server.URL+"/slow", probe.Options{Timeout: time.Minute}); err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("%v", err)
	}
}
