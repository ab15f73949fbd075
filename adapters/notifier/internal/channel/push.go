package channel

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// webhook posts messages to the shop's URL, signed as Standard Webhooks 1.0 says.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
type webhook struct {
	Push
	client *http.Client
	clock  clock.PassiveClock
}

// pushed is the body of a request.
type pushed struct {
	Type      string     `json:"type"`
	Timestamp time.Time  `json:"timestamp"`
	Data      pushedData `json:"data"`
}

type pushedData struct {
	NotificationID string `json:"notificationId"`
	OrderID        string `json:"orderId"`
	CustomerID     string `json:"customerId,omitempty"`
	Language       string `json:"language,omitempty"`
	Title          string `json:"title"`
	Text           string `json:"text"`
}

func newWebhook(c Push, now clock.PassiveClock) (*webhook, error) {
	w := &webhook{Push: c, clock: now}
	if _, err := w.secrets(); err != nil {
		return nil, err
	}
	dialer := &net.Dialer{}
	if !c.AllowPrivate {
		dialer.ControlContext = publicOnly
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// A proxy would dial in place of the dialer that looks at addresses.
	transport.Proxy = nil
	transport.DialContext = dialer.DialContext
	w.client = &http.Client{Transport: transport, Timeout: c.Timeout, CheckRedirect: noRedirect}
	return w, nil
}

func (w *webhook) Name() v1alpha1.NotificationChannel { return push }

func (w *webhook) Send(ctx context.Context, m Message) error {
	secrets, err := w.secrets()
	if err != nil {
		return err
	}
	body, err := json.Marshal(pushed{m.Template, m.At.UTC(), pushedData{m.ID, m.OrderID, m.CustomerID, m.Language, m.Subject, m.Text}})
	if err != nil {
		return Permanent(errors.New("webhook: the message is no JSON"))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("PUSH_URL is no URL")
	}
	at := strconv.FormatInt(w.clock.Now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "orderplane")
	request.Header.Set("webhook-id", m.ID)
	request.Header.Set("webhook-timestamp", at)
	request.Header.Set("webhook-signature", sign(secrets, m.ID, at, body))
	answer, err := w.client.Do(request)
	if err != nil {
		return unanswered("webhook", err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, mostAnswer)) // so that the connection can be used again
	return webhookRefusal(answer)
}

// webhookRefusal is an error by the status. What says no to this one message is for good.
func webhookRefusal(answer *http.Response) error {
	if answer.StatusCode/100 == 2 {
		return nil
	}
	err := fmt.Errorf("webhook: status %d", answer.StatusCode)
	if after, ok := retryAfter(answer); ok {
		return Later(err, after)
	}
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return Permanent(err)
	default:
		return err
	}
}

// sign gives a signature for each secret: base64 of HMAC-SHA256 over id.timestamp.body.
func sign(secrets [][]byte, id, at string, body []byte) string {
	signatures := make([]string, 0, len(secrets))
	for _, key := range secrets {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, " ")
}

func (w *webhook) secrets() ([][]byte, error) {
	if w.SecretFile == "" {
		return secretsOf(w.Secret)
	}
	text, err := os.ReadFile(w.SecretFile)
	if err != nil {
		return nil, fmt.Errorf("PUSH_SECRET_FILE: %w", err)
	}
	secrets, err := secretsOf(string(text))
	if err != nil {
		return nil, fmt.Errorf("PUSH_SECRET_FILE: %w", err)
	}
	return secrets, nil
}

// secretsOf reads secrets with white space between.
func secretsOf(text string) ([][]byte, error) {
	const least, most = 24, 64
	var secrets [][]byte
	for _, word := range strings.Fields(text) {
		encoded, ok := strings.CutPrefix(word, "whsec_")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(key) < least || len(key) > most {
			return nil, errors.New("is not whsec_ and base64 of 24 to 64 bytes; `echo whsec_$(openssl rand -base64 32)` makes one")
		}
		secrets = append(secrets, key)
	}
	if len(secrets) == 0 {
		return nil, errors.New("has no secret")
	}
	return secrets, nil
}

// unanswered is the error of a request without an answer. The URL is not in it.
func unanswered(provider string, err error) error {
	if inner := (*url.Error)(nil); errors.As(err, &inner) {
		err = inner.Err
	}
	return fmt.Errorf("%s did not answer: %w", provider, err)
}

// retryAfter is when the provider wants to be asked again. A date is taken as not said: clocks differ.
func retryAfter(answer *http.Response) (time.Duration, bool) {
	if answer.StatusCode != http.StatusTooManyRequests && answer.StatusCode != http.StatusServiceUnavailable {
		return 0, false
	}
	const most = 3600
	seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0, false
	}
	return time.Duration(min(seconds, most)) * time.Second, true
}
