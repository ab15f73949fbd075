package rest

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderplane/orderplane/adapters/rest/internal/fields"
	"github.com/orderplane/orderplane/internal/token"
)

// admit checks the token of a request and counts it against its client's limit.
// Requests without a good token count against their address, so that guessing
// tokens is limited too.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) error {
	who, until, err := s.authenticate(r)
	client := "sub:" + who.Subject
	if err != nil {
		client = "ip:" + s.clientAddress(r)
	}
	if limited := s.limit(w, r, client); limited != nil {
		return limited
	}
	if err != nil {
		return refuse(w, r, err)
	}
	c := callFrom(r.Context())
	c.who, c.until = who, until
	if !who.MayChange() && r.Method != http.MethodGet && r.Method != http.MethodHead {
		return forbidden("the role viewer sees everything and changes nothing; this needs a token without it, or the role ops")
	}
	return nil
}

// authenticate returns who the bearer token of a request speaks for, and until when.
// Its errors may be told to the client.
func (s *Server) authenticate(r *http.Request) (token.Identity, time.Time, error) {
	const name = "Authorization"
	if len(r.Header.Values(name)) > 1 {
		return token.Identity{}, time.Time{}, givenTwice(name)
	}
	scheme, raw, _ := strings.Cut(r.Header.Get(name), " ")
	raw = strings.Trim(raw, " ")
	if !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return token.Identity{}, time.Time{}, errors.New("send a token as Authorization: Bearer <JWT>")
	}
	return s.verifier.VerifyUntil(raw)
}

// keysComeWithin is when to try again while no key that verifies tokens is loaded.
const keysComeWithin = 5 * time.Second

// refuse answers a request without a good token. It is 401 also while no key is
// loaded, since nobody can say yet whether the token is good; health says whose
// fault that is.
func refuse(w http.ResponseWriter, r *http.Request, err error) error {
	var malformed *problem
	if errors.As(err, &malformed) {
		return malformed
	}
	p := &problem{status: http.StatusUnauthorized, code: codeUnauthorized, message: err.Error()}
	challenge := `Bearer realm="orderplane"`
	switch {
	case errors.Is(err, token.ErrNoKeys):
		p.retryAfter = keysComeWithin
	case r.Header.Get("Authorization") != "":
		// RFC 6750 wants the error named only when a token was sent.
		challenge += `, error="invalid_token"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	return p
}

func (s *Server) limit(w http.ResponseWriter, r *http.Request, client string) error {
	if s.limiter == nil {
		return nil
	}
	allowance := s.limiter.Allow(r.Context(), client)
	header := w.Header()
	header.Set("X-RateLimit-Limit", strconv.Itoa(s.cfg.RateLimitPerMinute))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(allowance.Remaining))
	header.Set("RateLimit-Policy", fields.RateLimitPolicy(s.cfg.RateLimitPerMinute))
	header.Set("RateLimit", fields.RateLimit(allowance.Remaining, allowance.More))
	if allowance.Allowed {
		return nil
	}
	return &problem{
		status: http.StatusTooManyRequests, code: codeRateLimitExceeded,
		message:    "too many requests; slow down",
		retryAfter: allowance.More,
	}
}

// clientAddress is the address that a request came from: the peer's, or what
// X-Forwarded-For says if the peer is a trusted proxy, up to the first address
// that is not one.
func (s *Server) clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !s.isProxy(host) {
			break
		}
		if _, err := netip.ParseAddr(strings.TrimSpace(hop)); err != nil {
			break
		}
		host = strings.TrimSpace(hop)
	}
	return host
}

func (s *Server) isProxy(host string) bool {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}
