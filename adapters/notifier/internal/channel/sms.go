package channel

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// twilio sends text messages by Twilio's API.
// https://www.twilio.com/docs/messaging/api/message-resource
//
// It has no key by which a message that is sent again would be known, so one whose answer is lost may
// arrive twice.
type twilio struct {
	SMS
	client *http.Client
}

const (
	// mostSMS is the longest text that Twilio takes, in characters.
	mostSMS = 1600
	// mostAnswer is how much of a provider's answer is read, in bytes.
	mostAnswer = 64 << 10
)

func newTwilio(c SMS) (*twilio, error) {
	if _, err := secret(c.Token, c.TokenFile, "TWILIO_AUTH_TOKEN_FILE"); err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	return &twilio{c, &http.Client{Transport: transport, Timeout: c.Timeout, CheckRedirect: noRedirect}}, nil
}

// noRedirect has the answer that redirects taken as it is.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (t *twilio) Name() v1alpha1.NotificationChannel { return sms }

func (t *twilio) Send(ctx context.Context, m Message) error {
	token, err := secret(t.Token, t.TokenFile, "TWILIO_AUTH_TOKEN_FILE")
	if err != nil {
		return err
	}
	form := url.Values{"To": {m.Recipient}, "Body": {short(m.Text, mostSMS)}}
	if t.Service != "" {
		form.Set("MessagingServiceSid", t.Service)
	} else {
		form.Set("From", t.From)
	}
	to := strings.TrimSuffix(t.URL, "/") + "/2010-04-01/Accounts/" + url.PathEscape(t.AccountSID) + "/Messages.json"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("TWILIO_URL: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(t.AccountSID, token)
	answer, err := t.client.Do(request)
	if err != nil {
		return unanswered("Twilio", err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	if answer.StatusCode/100 == 2 {
		return nil
	}
	if err != nil {
		return unanswered("Twilio", err)
	}
	return twilioRefusal(answer, body)
}

// twilioRefusal is an error by what Twilio answered. The message of the answer repeats the number, so only its code is kept.
func twilioRefusal(answer *http.Response, body []byte) error {
	var said struct {
		Code int `json:"code"`
	}
	_ = json.Unmarshal(body, &said) // an answer that is no JSON has no code
	err := fmt.Errorf("twilio: status %d, code %d", answer.StatusCode, said.Code)
	if after, ok := retryAfter(answer); ok {
		return Later(err, after)
	}
	if answer.StatusCode/100 == 4 && !isTransient(answer.StatusCode) && !isOfAccount(said.Code) {
		return Permanent(err)
	}
	return err
}

// isTransient says that a request refused by this status may be taken later.
func isTransient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound:
		// It is about the account, not about the message. The operator mends it.
		return true
	default:
		return false
	}
}

// isOfAccount says that a code of Twilio's is about the account, its numbers or a queue: whoever is told
// by other settings, or later, gets the message. https://www.twilio.com/docs/api/errors
func isOfAccount(code int) bool {
	switch code {
	case 14107, 20429, 21611, 30001: // too many messages
		return true
	case 10001, 20003, 20005, 30002: // account closed, suspended, not known
		return true
	case 21212, 21603, 21606, 21607, 21659, 21660, 21661, 21701, 21703, 21705: // sender
		return true
	default:
		return false
	}
}

// short is at most so many characters of a text.
func short(text string, most int) string {
	n := 0
	for at := range text {
		if n == most {
			return text[:at]
		}
		n++
	}
	return text
}
