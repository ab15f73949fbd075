package cachedclient

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// watchEvent is an event whose object is not decoded yet.
type watchEvent struct {
	Type   watch.EventType `json:"type"`
	Object jsontext.Value  `json:"object"`
}

// watchDecoder decodes the events of a watch. It implements watch.Decoder.
type watchDecoder[T any, P object[T]] struct {
	body     io.ReadCloser
	events   *jsontext.Decoder
	decoding json.Options
	news     *news
}

func newWatchDecoder[T any, P object[T]](body io.ReadCloser, how json.Options, n *news) *watchDecoder[T, P] {
	return &watchDecoder[T, P]{body: body, events: jsontext.NewDecoder(body, how), decoding: how, news: n}
}

// Decode waits for the next event. It returns io.EOF when the watch ended between two.
func (d *watchDecoder[T, P]) Decode() (watch.EventType, runtime.Object, error) {
	var e watchEvent
	if err := json.UnmarshalDecode(d.events, &e, d.decoding); err != nil {
		return "", nil, watchEnd(err)
	}
	if e.Type == watch.Error { // its object is a status, whatever the resource
		status := &metav1.Status{}
		if err := json.Unmarshal(e.Object, status, d.decoding); err != nil {
			return "", nil, fmt.Errorf("decode an error of a watch: %w", err)
		}
		return e.Type, status, nil
	}
	o, err := decodeObject[T, P](e.Object, d.decoding)
	if err != nil {
		return "", nil, fmt.Errorf("decode a watch event: %w", err)
	}
	switch e.Type {
	case watch.Deleted:
		d.news.gone(o)
	case watch.Bookmark: // it is about no object
	default:
		d.news.seen(o)
	}
	return e.Type, o, nil
}

// watchEnd is why a watch ended. watch.StreamWatcher compares with these two by ==.
func watchEnd(err error) error {
	for _, plain := range []error{io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, plain) {
			return plain
		}
	}
	return fmt.Errorf("read a watch: %w", err)
}

// Close ends the watch, and a Decode that waits.
func (d *watchDecoder[T, P]) Close() { _ = d.body.Close() }
