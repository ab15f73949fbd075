package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
)

// The pace of fetching. A token whose key is not known asks for a fetch; it
// comes at once, or when restAfterFetch is over.
const (
	// fetchTimeout is how long one fetch may take.
	fetchTimeout = 5 * time.Second
	// restAfterFetch lies between two fetches, whatever is asked for.
	restAfterFetch = 5 * time.Second
	// retryAfter is when a fetch that failed is tried again unasked.
	retryAfter = 10 * time.Second
	// refreshAfter is when the set is fetched again unasked: how long a key that was
	// taken back may still be good.
	refreshAfter = 5 * time.Minute
	// maxWait is how long a token with an unknown key waits for a fetch.
	maxWait = time.Second
	// maxSetBytes is how long a key set may be.
	maxSetBytes = 1 << 20
)

// ErrNoKeys means that no token can be verified, since no key was fetched yet.
var ErrNoKeys = errors.New("tokens can't be verified yet: the keys of the identity provider are not loaded; try again in a few seconds")

// keySet has the keys that an identity provider publishes. One goroutine fetches
// them. Keys stay until a set with at least one good key takes their place:
// nothing that the provider fails to say takes a known key away.
type keySet struct {
	url    string
	client *http.Client
	log    logr.Logger
	now    func() time.Time

	keys atomic.Pointer[keys]
	// asked holds the wish for a fetch until it comes.
	asked chan struct{}

	mu sync.Mutex
	// resting is true while no fetch may begin.
	resting bool
	// fetched is closed when the fetch that is under way, or else the next, is over.
	fetched chan struct{}
	state   KeyState
}

// KeyState says how the keys are that verify tokens.
type KeyState struct {
	// Keys is how many there are, Ignored how many of the set can't verify tokens.
	Keys, Ignored int
	// URL is true when they are fetched.
	URL bool
	// FetchedAt is when the set was last fetched well; zero when never.
	FetchedAt time.Time
	// Failure says why the last fetch failed, empty when it did not. It names no
	// addresses.
	Failure string
}

func newKeySet(ctx context.Context, cfg Config, now func() time.Time) *keySet {
	s := &keySet{
		url: cfg.JWKSURL, client: cfg.Client, log: cfg.Log, now: now,
		asked: make(chan struct{}, 1), fetched: make(chan struct{}), state: KeyState{URL: true},
	}
	if s.client == nil {
		s.client = http.DefaultClient
	}
	s.keys.Store(&keys{})
	go s.run(ctx)
	return s
}

// run fetches until ctx ends.
func (s *keySet) run(ctx context.Context) {
	for {
		err := s.fetch(ctx)
		if ctx.Err() != nil {
			return
		}
		s.tell(err)
		if !wait(ctx, restAfterFetch, nil) {
			return
		}
		s.mu.Lock()
		s.resting = false
		s.mu.Unlock()
		pause := refreshAfter
		if err != nil {
			pause = retryAfter
		}
		if !wait(ctx, pause-restAfterFetch, s.asked) {
			return
		}
	}
}

// wait returns false when ctx ended, and true when the time is over or somebody asked.
func wait(ctx context.Context, d time.Duration, asked <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-asked:
	case <-ctx.Done():
		return false
	}
	return true
}

// tell notes how a fetch ended, and lets go those who wait for it.
func (s *keySet) tell(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.state.Failure
	s.state.Failure = ""
	if err != nil {
		s.state.Failure = err.Error()
	} else {
		s.state.FetchedAt = s.now()
	}
	if found := s.keys.Load(); err == nil {
		s.state.Keys, s.state.Ignored = len(found.all), found.ignored
	}
	if s.state.Failure != before {
		s.log.Info("key set fetched", "keys", s.state.Keys, "ignored", s.state.Ignored, "failure", s.state.Failure)
	}
	s.resting = true
	close(s.fetched)
	s.fetched = make(chan struct{})
}

// fetch replaces the keys by those of the provider, if it names a good one.
func (s *keySet) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return errors.New("the URL of the key set can't be asked")
	}
	request.Header.Set("Accept", "application/json, application/jwk-set+json")
	response, err := s.client.Do(request)
	if err != nil {
		s.log.V(1).Info("key set is not fetched", "error", err.Error())
		return errors.New("the identity provider does not answer")
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the identity provider answered %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxSetBytes+1))
	if err != nil {
		return errors.New("the identity provider broke off its answer")
	}
	if len(body) > maxSetBytes {
		return fmt.Errorf("the key set is longer than %d bytes", maxSetBytes)
	}
	found, err := readKeys(body)
	if err != nil {
		return err
	}
	s.keys.Store(found)
	return nil
}

// verify looks for the key that made the signature, and asks the provider again
// when it is not among the known ones.
func (s *keySet) verify(h header, p parts) error {
	if s.keys.Load().verify(h, p) {
		return nil
	}
	s.await()
	found := s.keys.Load()
	switch {
	case found.verify(h, p):
		return nil
	case len(found.all) == 0:
		return ErrNoKeys
	default:
		return errSignature
	}
}

func (s *keySet) current() any { return s.keys.Load() }

// await asks for a fetch, and waits for it unless none may begin now.
func (s *keySet) await() {
	s.mu.Lock()
	resting, fetched := s.resting, s.fetched
	s.mu.Unlock()
	select {
	case s.asked <- struct{}{}:
	default:
	}
	if resting {
		return
	}
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case <-fetched:
	case <-timer.C:
	}
}

func (s *keySet) keyState() KeyState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}
