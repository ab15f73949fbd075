// Package probe asks a URL whether what serves it is well. It is the health check of
// a container that has no shell and no other program in it.
package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"
)

const (
	// minTimeout is the least time that an answer is waited for.
	minTimeout = time.Millisecond
	// shown is how many bytes of an answer are read to say what is wrong.
	shown = 200
)

// Options say how a URL is asked.
type Options struct {
	// Timeout is how long the whole answer may take.
	Timeout time.Duration
	// CAFile has the authorities, PEM, that the server's certificate must come from; the
	// system's when empty.
	CAFile string
}

// Check gets a URL once. It returns nil on a status of 2xx, and else an error of one line
// that names the URL. A redirect is not followed: what is well answers by itself. Proxies of
// the environment are not used.
func Check(ctx context.Context, target string, o Options) error {
	if err := validate(target, o); err != nil {
		return err
	}
	roots, err := authorities(o.CAFile)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, o.Timeout)
	defer stop()
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("%s: %w", target, withoutURL(ctx, err, o.Timeout))
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	return judge(target, answer)
}

// validate is an error that names the argument or the flag, and the way out.
func validate(target string, o Options) error {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return fmt.Errorf("URL: %w", err)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return fmt.Errorf("URL %q: give one that begins with http:// or https:// and names a host", target)
	case u.User != nil:
		return errors.New("URL: leave out the user and the password, health needs none")
	case o.Timeout < minTimeout:
		return fmt.Errorf("--timeout %s: give %s or more", o.Timeout, minTimeout)
	case o.CAFile != "" && u.Scheme != "https":
		return fmt.Errorf("--ca-file is given and %q has no certificate; give a URL that begins with https://", target)
	}
	return nil
}

// authorities reads certificates; nil stands for the system's.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // that is how crypto/tls has it
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--ca-file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--ca-file %s has no certificate in PEM", file)
	}
	return pool, nil
}

// withoutURL takes off what net/http puts before an error: the method, and the URL once more.
func withoutURL(ctx context.Context, err error, timeout time.Duration) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", timeout)
	}
	if own := (*url.Error)(nil); errors.As(err, &own) {
		return own.Err
	}
	return err
}

// judge reads no more of an answer than it says of it.
func judge(target string, answer *http.Response) error {
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return nil
	}
	said := answer.Header.Get("Location")
	if said == "" {
		body, _ := io.ReadAll(io.LimitReader(answer.Body, shown)) // what came before a fault is good enough
		said = string(body)
	}
	if said = oneLine(said); said == "" {
		return fmt.Errorf("%s: %s", target, answer.Status)
	}
	return fmt.Errorf("%s: %s: %s", target, answer.Status, said)
}

// oneLine is a text that a terminal can show on one line.
func oneLine(text string) string {
	printable := func(r rune) rune {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}
	return strings.Join(strings.Fields(strings.Map(printable, strings.ToValidUTF8(text, " "))), " ")
}
