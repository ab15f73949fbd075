package rest

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/orderplane/orderplane/internal/token"
)

// admit checks the token of a request and counts it against its client's limit.
// Requests without a good token count against their address, so that guessing
// tokens is limited too.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) error {
	who, err := s.authenticate(r)
	client := "sub:" + who.Subject
	if err != nil {
		client = "ip:" + s.clientAddress(r)
	}
	if limited := s.limit(w, r, client); limited != nil {
		return limited
	}
	if err != nil {
		w.Header().Set("WWW-Authenticate", `Bearer realm="orderplane"`+challenge(r))
		return &problem{status: http.StatusUnauthorized, code: codeUnauthorized, message: err.Error()}
	}
	callFrom(r.Context()).who = who
	return nil
}

// authenticate returns who the bearer token of a request speaks for. Its errors
// may be told to the client.
func (s *Server) authenticate(r *http.Request) (token.Identity, error) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return token.Identity{}, errors.New("send a token as Authorization: Bearer <JWT>")
	}
	return s.verifier.Verify(strings.TrimSpace(raw))
}

// challenge names the error, as RFC 6750 wants it, only when a token was sent.
func challenge(r *http.Request) string {
	if r.Header.Get("Authorization") == "" {
		return ""
	}
	return `, error="invalid_token"`
}

func (s *Server) limit(w http.ResponseWriter, r *http.Request, client string) error {
	if s.limiter == nil {
		return nil
	}
	allowance := s.limiter.Allow(r.Context(), client)
	w.Header().Set("X-RateLimit-Limit", strconv.Itoa(s.cfg.RateLimitPerMinute))
	w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(allowance.Remaining))
	if allowance.Allowed {
		return nil
	}
	return &problem{
		status: http.StatusTooManyRequests, code: codeRateLimitExceeded,
		message:    "too many requests; slow down",
		retryAfter: allowance.RetryAfter,
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
