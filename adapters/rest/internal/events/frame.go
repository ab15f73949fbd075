package events

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"k8s.io/utils/clock"
)

// frames writes server-sent events and has each of them on its way before it returns. A client that
// does not take one within a time is given up.
type frames struct {
	w      http.ResponseWriter
	send   *http.ResponseController
	within time.Duration
	clock  clock.PassiveClock
	buffer bytes.Buffer
}

// WriteHead answers with the status and the headers that a stream begins with.
func WriteHead(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would keep events until it has a page full
	w.WriteHeader(http.StatusOK)
}

// begin answers with 200 and says how long a client waits before it comes back.
func (f *frames) begin(retry time.Duration) error {
	WriteHead(f.w)
	fmt.Fprintf(&f.buffer, "retry: %d\n\n", retry.Milliseconds())
	return f.flush()
}

// event writes one event. Its data is text, of one line or more.
func (f *frames) event(id int64, name string, data []byte) error {
	f.buffer.WriteString("id: " + strconv.FormatInt(id, 10) + "\nevent: " + name + "\n")
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		f.buffer.WriteString("data: ")
		f.buffer.Write(line)
		f.buffer.WriteByte('\n')
	}
	f.buffer.WriteByte('\n')
	return f.flush()
}

// heartbeat writes a comment, which clients pass over and proxies take for life.
func (f *frames) heartbeat() error {
	f.buffer.WriteString(":\n\n")
	return f.flush()
}

func (f *frames) flush() error {
	defer f.buffer.Reset()
	if err := f.send.SetWriteDeadline(f.clock.Now().Add(f.within)); err != nil {
		return fmt.Errorf("set the time-out of a stream: %w", err)
	}
	if _, err := f.w.Write(f.buffer.Bytes()); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	if err := f.send.Flush(); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	return nil
}
