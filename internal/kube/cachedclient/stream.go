package cachedclient

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// mostUntold is how many own writes may wait for their turn; what is more, the watch brings.
const mostUntold = 256

// event is one of a watch, its object not decoded yet.
type event struct {
	Type   watch.EventType `json:"type"`
	Object jsontext.Value  `json:"object"`
}

// stream decodes a watch, and own writes in between.
type stream[T any, P object[T]] struct {
	body     io.ReadCloser
	decoding json.Options
	events   chan event
	ended    error // why events was closed
	own      chan P
	closed   chan struct{}

	mu       sync.Mutex
	position *position
	// last is what Decode returned. That the informer has it is known when it asks for the next.
	last func(*position)
}

func newStream[T any, P object[T]](body io.ReadCloser, from *position, how json.Options) *stream[T, P] {
	s := &stream[T, P]{
		body: body, decoding: how, position: from,
		events: make(chan event), own: make(chan P, mostUntold), closed: make(chan struct{}),
	}
	go s.read()
	return s
}

// read takes the watch apart.
func (s *stream[T, P]) read() {
	defer close(s.events)
	for d := jsontext.NewDecoder(s.body, s.decoding); ; {
		var e event
		if s.ended = json.UnmarshalDecode(d, &e, s.decoding); s.ended != nil {
			return
		}
		select {
		case s.events <- e:
		case <-s.closed:
			s.ended = io.EOF
			return
		}
	}
}

// tell hands over an own write, unless too many wait.
func (s *stream[T, P]) tell(o P) {
	select {
	case s.own <- o:
	default:
	}
}

// stands is how much the informer was told, now or when the stream ended.
func (s *stream[T, P]) stands() *position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position.clone()
}

// Decode waits for the next event. It returns io.EOF when the watch ended between two.
func (s *stream[T, P]) Decode() (watch.EventType, runtime.Object, error) {
	s.delivered()
	for {
		select {
		case o := <-s.own:
			if v := versionOf(o); s.isNews(v) {
				s.returns(func(p *position) { p.toldOwn(v) })
				return watch.Modified, withoutKind(o), nil
			}
		case e, more := <-s.events:
			if !more {
				return "", nil, s.end()
			}
			o, err := s.decode(e)
			if err != nil {
				return "", nil, fmt.Errorf("decode a watch event: %w", err)
			}
			if o != nil {
				return e.Type, o, nil
			}
		}
	}
}

// end is why the watch ended, as watch.StreamWatcher looks for it.
func (s *stream[T, P]) end() error {
	for _, plain := range []error{io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(s.ended, plain) {
			return plain
		}
	}
	return fmt.Errorf("read a watch: %w", s.ended)
}

// decode returns the object of an event; nil when the informer was told before.
func (s *stream[T, P]) decode(e event) (runtime.Object, error) {
	if e.Type == watch.Error { // its object is none of the resource
		status := &metav1.Status{}
		return status, json.Unmarshal(e.Object, status, s.decoding)
	}
	if s.isAhead() {
		// Most of what comes then are echoes, of which nothing but this is read.
		var echo struct {
			Metadata struct {
				UID             types.UID `json:"uid"`
				ResourceVersion string    `json:"resourceVersion"`
			} `json:"metadata"`
		}
		if err := json.Unmarshal(e.Object, &echo, s.decoding); err != nil {
			return nil, err
		}
		if s.echoes(e.Type, version(echo.Metadata)) {
			return nil, nil
		}
	}
	o := P(new(T))
	if err := json.Unmarshal(e.Object, o, s.decoding); err != nil {
		return nil, err
	}
	v := versionOf(o)
	s.returns(func(p *position) { p.passed(e.Type, v) })
	return withoutKind(o), nil
}

func versionOf(o metav1.Object) version { return version{o.GetUID(), o.GetResourceVersion()} }

// isNews reports whether the informer is to be told of an own write.
func (s *stream[T, P]) isNews(v version) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position.wantsOwn(v)
}

// echoes reports whether the informer was told of what the watch brings, and passes
// that over.
func (s *stream[T, P]) echoes(kind watch.EventType, v version) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.position.wantsWatched(v) {
		return false
	}
	s.position.passed(kind, v)
	return true
}

// returns keeps what is to be noted once the informer has what Decode returns.
func (s *stream[T, P]) returns(note func(*position)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = note
}

// delivered notes that the informer has what Decode returned last.
func (s *stream[T, P]) delivered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		s.last(s.position)
		s.last = nil
	}
}

func (s *stream[T, P]) isAhead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.position.ahead) > 0
}

// Close ends the watch, and a Decode that waits. To be called once.
func (s *stream[T, P]) Close() {
	close(s.closed)
	_ = s.body.Close()
}
