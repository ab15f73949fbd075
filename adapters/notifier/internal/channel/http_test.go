package channel_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/orderplane/orderplane/adapters/notifier/internal/channel"
)

// provider answers every request alike, and keeps the last one.
type provider struct {
	*httptest.Server
	asked  *http.Request
	body   []byte
	times  int
	status int
	header map[string]string
	answer string
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{status: http.StatusCreated}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked, p.times = r, p.times+1
		p.body, _ = io.ReadAll(r.Body)
		for name, value := range p.header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(p.status)
		_, _ = io.WriteString(w, p.answer)
	}))
	t.Cleanup(p.Close)
	return p
}

func made(t *testing.T, change func(*channel.Config)) map[string]channel.Channel {
	t.Helper()
	c := channel.DefaultConfig()
	c.SMS.Timeout, c.Push.Timeout = generous, generous
	change(&c)
	channels, err := channel.New(c)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]channel.Channel{}
	for name, to := range channels {
		named[string(name)] = to
	}
	return named
}

func twilio(t *testing.T, p *provider) channel.Channel {
	t.Helper()
	return made(t, func(c *channel.Config) {
		c.SMS.URL, c.SMS.AccountSID, c.SMS.Token, c.SMS.From = p.URL, "AC1", "s3cret", "+15005550006"
	})["SMS"]
}

func text() channel.Message {
	m := message()
	m.Recipient, m.Text = "+4917012345678", "Ihre Bestellung & mehr"
	return m
}

func TestTextMessageArrives(t *testing.T) {
	p := newProvider(t)
	if err := twilio(t, p).Send(t.Context(), text()); err != nil {
		t.Fatal(err)
	}
	user, password, _ := p.asked.BasicAuth()
	if p.asked.URL.Path != "/2010-04-01/Accounts/AC1/Messages.json" || user != "AC1" || password != "s3cret" {
		t.Errorf("%s by %s", p.asked.URL, user)
	}
	if got := string(p.body); got != "Body=Ihre+Bestellung+%26+mehr&From=%2B15005550006&To=%2B4917012345678" {
		t.Error(got)
	}
	long := text()
	long.Text = strings.Repeat("ä", 2000)
	if err := twilio(t, p).Send(t.Context(), long); err != nil || strings.Count(string(p.body), "%C3%A4") != 1600 {
		t.Errorf("%v, %d characters", err, strings.Count(string(p.body), "%C3%A4"))
	}
}

func TestWhatTwilioMayAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		status, code int
		forGood      bool
	}{
		"no such number":    {400, 21211, true},
		"wants no more":     {400, 21610, true},
		"no mobile phone":   {400, 21614, true},
		"region is not on":  {403, 21408, false},
		"wrong token":       {401, 20003, false},
		"no such account":   {404, 20404, false},
		"sender is not his": {400, 21606, false},
		"service is empty":  {400, 21703, false},
		"queue is full":     {400, 21611, false},
		"too many":          {429, 20429, false},
		"it is broken":      {500, 20500, false},
		"away":              {503, 0, false},
		"redirects":         {302, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.status, p.header = test.status, map[string]string{"Location": "http://169.254.169.254/"}
			p.answer = fmt.Sprintf(`{"code":%d,"message":"The number +4917012345678 is wrong"}`, test.code)
			err := twilio(t, p).Send(t.Context(), text())
			if err == nil || channel.IsPermanent(err) != test.forGood || p.times != 1 {
				t.Fatalf("%v, for good: %t, asked %d times", err, channel.IsPermanent(err), p.times)
			}
			if strings.Contains(err.Error(), "4917") || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), strconv.Itoa(test.status)) {
				t.Error(err)
			}
		})
	}
}

func TestProviderThatSaysWhen(t *testing.T) {
	for said, want := range map[string]time.Duration{"7": 7 * time.Second, "0": 0, "99999": time.Hour, "-1": -1, "soon": -1, "": -1} {
		p := newProvider(t)
		p.status, p.header = http.StatusTooManyRequests, map[string]string{"Retry-After": said}
		after, ok := channel.RetryAfter(twilio(t, p).Send(t.Context(), text()))
		if ok != (want >= 0) || ok && after != want {
			t.Errorf("%q: %s, %t", said, after, ok)
		}
	}
}

func TestProviderThatIsAway(t *testing.T) {
	p := newProvider(t)
	sms, hook := twilio(t, p), webhook(t, p.URL, nil)
	p.Close()
	for _, to := range []channel.Channel{sms, hook} {
		err := to.Send(t.Context(), text())
		if err == nil || channel.IsPermanent(err) || strings.Contains(err.Error(), "AC1") {
			t.Errorf("%v, for good: %t", err, channel.IsPermanent(err))
		}
	}
}

var secrets = []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 64))}

func webhook(t *testing.T, url string, change func(*channel.Push)) channel.Channel {
	t.Helper()
	return made(t, func(c *channel.Config) {
		c.Push.URL, c.Push.Secret, c.Push.AllowPrivate = url, strings.Join(secrets, " "), true
		c.Clock = testingclock.NewFakePassiveClock(time.Unix(1614265330, 0))
		if change != nil {
			change(&c.Push)
		}
	})["PUSH"]
}

// A receiver as the specification describes it takes the message by either secret.
func TestWebhookIsSigned(t *testing.T) {
	p := newProvider(t)
	if err := webhook(t, p.URL, nil).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	id, at := p.asked.Header.Get("webhook-id"), p.asked.Header.Get("webhook-timestamp")
	if id != message().ID || at != "1614265330" {
		t.Errorf("id %q at %q", id, at)
	}
	signatures := strings.Fields(p.asked.Header.Get("webhook-signature"))
	for i, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", id, at, p.body)
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); len(signatures) != 2 || signatures[i] != want {
			t.Errorf("%v, want %s", signatures, want)
		}
	}
	var body map[string]any
	if err := json.Unmarshal(p.body, &body); err != nil || body["type"] != "order.confirmed" || body["timestamp"] != "2026-11-27T12:00:00Z" {
		t.Errorf("%v: %s", err, p.body)
	}
	if data, ok := body["data"].(map[string]any); !ok || data["title"] != message().Subject || data["customerId"] != "cust-1" {
		t.Errorf("%s", p.body)
	}
}

func TestWhatAWebhookMayAnswer(t *testing.T) {
	for status, forGood := range map[int]bool{
		301: false, 302: false, 307: false, 308: false, 400: true, 401: false, 404: false, 409: false, 410: true, 413: true, 422: true, 429: false, 500: false, 503: false,
	} {
		p := newProvider(t)
		p.status, p.header = status, map[string]string{"Location": p.URL + "/else"}
		err := webhook(t, p.URL, nil).Send(t.Context(), message())
		if err == nil || channel.IsPermanent(err) != forGood || p.times != 1 {
			t.Errorf("%d: %v, for good: %t, asked %d times", status, err, channel.IsPermanent(err), p.times)
		}
	}
}

// Names and addresses of this machine and private networks are refused where they are dialled.
func TestWebhookToAPrivateAddress(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "https://"), ":")
	for _, host := range []string{
		"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
		"100.64.0.1", "[fd00::1]", "[fe80::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
	} {
		to := webhook(t, "https://"+host+":"+port, func(p *channel.Push) { p.AllowPrivate = false })
		err := to.Send(t.Context(), message())
		if err == nil || !strings.Contains(err.Error(), "PUSH_ALLOW_PRIVATE") {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestConfigIsRefusedByName(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*channel.Config)
		told   string
	}{
		"a user, no host":        {func(c *channel.Config) { c.Mail.User = "u" }, "SMTP_HOST"},
		"no sender":              {func(c *channel.Config) { c.Mail.Dir, c.Mail.From = "x", "shop" }, "MAIL_FROM"},
		"answers to nowhere":     {func(c *channel.Config) { c.Mail.Host, c.Mail.ReplyTo = "x", "help" }, "MAIL_REPLY_TO"},
		"a kind of TLS":          {func(c *channel.Config) { c.Mail.Host, c.Mail.TLS = "x", "ssl" }, "SMTP_TLS"},
		"a port":                 {func(c *channel.Config) { c.Mail.Host, c.Mail.Port = "x", 70000 }, "SMTP_PORT"},
		"a password in the open": {func(c *channel.Config) { c.Mail.Host, c.Mail.TLS, c.Mail.User, c.Mail.Password = "x", "none", "u", "p" }, "in the clear"},
		"no password":            {func(c *channel.Config) { c.Mail.Host, c.Mail.User = "x", "u" }, "SMTP_PASSWORD"},
		"two passwords": {func(c *channel.Config) {
			c.Mail.Host, c.Mail.User, c.Mail.Password, c.Mail.PasswordFile = "x", "u", "p", "f"
		}, "SMTP_PASSWORD_FILE"},
		"a CA for nothing":      {func(c *channel.Config) { c.Mail.Host, c.Mail.TLS, c.Mail.CAFile = "x", "none", "f" }, "SMTP_CA_FILE"},
		"a CA that isn't there": {func(c *channel.Config) { c.Mail.Host, c.Mail.CAFile = "x", "/nowhere" }, "SMTP_CA_FILE"},
		"no time":               {func(c *channel.Config) { c.Mail.Host, c.Mail.Timeout = "x", 0 }, "SMTP_TIMEOUT"},
		"a token, no account":   {func(c *channel.Config) { c.SMS.Token = "t" }, "TWILIO_ACCOUNT_SID"},
		"no token":              {func(c *channel.Config) { c.SMS.AccountSID, c.SMS.From = "a", "f" }, "TWILIO_AUTH_TOKEN"},
		"no sender of texts":    {func(c *channel.Config) { c.SMS.AccountSID, c.SMS.Token = "a", "t" }, "TWILIO_FROM"},
		"no URL of Twilio":      {func(c *channel.Config) { c.SMS.AccountSID, c.SMS.Token, c.SMS.From, c.SMS.URL = "a", "t", "f", "x" }, "TWILIO_URL"},
		"a secret, no URL":      {func(c *channel.Config) { c.Push.Secret = secrets[0] }, "PUSH_URL"},
		"plain http":            {func(c *channel.Config) { c.Push.URL, c.Push.Secret = "http://push.example", secrets[0] }, "PUSH_ALLOW_PRIVATE"},
		"a short secret":        {func(c *channel.Config) { c.Push.URL, c.Push.Secret = "https://push.example", "whsec_c2hvcnQ=" }, "PUSH_SECRET"},
		"no secret":             {func(c *channel.Config) { c.Push.URL = "https://push.example" }, "PUSH_SECRET"},
		"a secret's empty file": {func(c *channel.Config) { c.Push.URL, c.Push.SecretFile = "https://push.example", "/dev/null" }, "PUSH_SECRET_FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			c := channel.DefaultConfig()
			test.change(&c)
			if _, err := channel.New(c); err == nil || !strings.Contains(err.Error(), test.told) {
				t.Errorf("%v, want %s", err, test.told)
			}
		})
	}
	c := channel.DefaultConfig()
	if channels, err := channel.New(c); err != nil || len(channels) != 0 {
		t.Errorf("%v, %v", channels, err)
	}
}

func TestSecretsAreReadAgainFromTheirFiles(t *testing.T) {
	p := newProvider(t)
	file := filepath.Join(t.TempDir(), "token")
	put := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("old\nnot a part of it")
	to := made(t, func(c *channel.Config) {
		c.SMS.URL, c.SMS.AccountSID, c.SMS.TokenFile, c.SMS.Service = p.URL, "AC1", file, "MG1"
	})["SMS"]
	for _, token := range []string{"old", "new"} {
		put(token + "\nnot a part of it")
		if err := to.Send(t.Context(), text()); err != nil {
			t.Fatal(err)
		}
		if _, password, _ := p.asked.BasicAuth(); password != token || !strings.Contains(string(p.body), "MessagingServiceSid=MG1") {
			t.Errorf("%q: %s", password, p.body)
		}
	}
}
