package informer

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// mostUntold is how many own writes may wait for their turn; what is more, the watch brings.
const mostUntold = 256

// stream decodes a watch, and own writes in between.
type stream[T any, P object[T]] struct {
	body   io.ReadCloser
	lines  chan []byte
	ended  error // why lines was closed
	own    chan P
	closed chan struct{}

	mu       sync.Mutex
	position *position
	// last is what Decode returned. That the informer has it is known when it asks for the next.
	last func(*position)
}

func newStream[T any, P object[T]](body io.ReadCloser, from *position) *stream[T, P] {
	s := &stream[T, P]{
		body: body, position: from,
		lines: make(chan []byte), own: make(chan P, mostUntold), closed: make(chan struct{}),
	}
	go s.read()
	return s
}

// read takes the watch apart. The API server ends each event with a newline, and has
// none within; Decode puts together what something in between wrote in several lines.
func (s *stream[T, P]) read() {
	defer close(s.lines)
	for r := bufio.NewReaderSize(s.body, 64<<10); ; {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			select {
			case s.lines <- line:
			case <-s.closed:
				s.ended = io.EOF
				return
			}
		}
		if err != nil {
			s.ended = err
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
	var text []byte
	for {
		select {
		case o := <-s.own:
			if v := versionOf(o); s.isNews(v) {
				s.returns(func(p *position) { p.toldOwn(v) })
				return watch.Modified, withoutKind(o), nil
			}
		case line, more := <-s.lines:
			if !more {
				return "", nil, s.end(text)
			}
			text = append(text, line...)
			kind, o, err := s.event(text)
			switch {
			case incomplete(err, text):
			case err != nil:
				return "", nil, fmt.Errorf("decode a watch event: %w", err)
			case o != nil:
				return kind, o, nil
			default:
				text = nil
			}
		}
	}
}

// end is why a watch ended of which this much of an event was left.
func (s *stream[T, P]) end(text []byte) error {
	if errors.Is(s.ended, io.EOF) && len(text) > 0 {
		return io.ErrUnexpectedEOF
	}
	return s.ended
}

// event decodes one; its object is nil when the informer was told before.
func (s *stream[T, P]) event(text []byte) (watch.EventType, runtime.Object, error) {
	if s.isAhead() {
		// Most of what comes then are echoes, of which nothing but this is read.
		var echo struct {
			Type   watch.EventType `json:"type"`
			Object struct {
				Metadata struct {
					UID             types.UID `json:"uid"`
					ResourceVersion string    `json:"resourceVersion"`
				} `json:"metadata"`
			} `json:"object"`
		}
		if err := json.Unmarshal(text, &echo); err != nil {
			return "", nil, err
		}
		if s.echoes(echo.Type, version(echo.Object.Metadata)) {
			return "", nil, nil
		}
	}
	var event struct {
		Type   watch.EventType `json:"type"`
		Object P               `json:"object"`
	}
	err := json.Unmarshal(text, &event)
	if event.Type == watch.Error {
		// Its object is none of the resource.
		var event struct {
			Object metav1.Status `json:"object"`
		}
		err := json.Unmarshal(text, &event)
		return watch.Error, &event.Object, err
	}
	if err == nil && event.Object == nil {
		err = errors.New("it has no object")
	}
	if err != nil {
		return "", nil, err
	}
	v := versionOf(event.Object)
	s.returns(func(p *position) { p.passed(event.Type, v) })
	return event.Type, withoutKind(event.Object), nil
}

// incomplete reports whether an error is that the text ends too early.
func incomplete(err error, text []byte) bool {
	var syntax *json.SyntaxError
	return errors.As(err, &syntax) && syntax.Offset == int64(len(text))
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
