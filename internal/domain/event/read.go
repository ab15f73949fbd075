package event

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Published is a record as a broker has it.
type Published struct {
	Topic      string
	Key, Value []byte
	Headers    []Header
}

// Read gives the event that a record was published from, and whether it is one of ours:
// what others write to a topic is none. It is the inverse of Headers. An error names the
// header that is wrong.
func Read(p Published) (r Record, ours bool, err error) {
	headers := make(map[string]string, len(p.Headers))
	for _, h := range p.Headers {
		headers[h.Key] = h.Value
	}
	if headers[HeaderSource] != Source {
		return Record{}, false, nil
	}
	r = Record{
		Type: Type(headers["ce_type"]), Topic: p.Topic, Key: string(p.Key), Value: p.Value,
		TraceID: headers[HeaderTraceID], Object: headers[headerObject], UID: headers[headerIdentity],
	}
	if r.ID, err = uuid.Parse(headers["ce_id"]); err != nil {
		return Record{}, true, fmt.Errorf("header ce_id: %w", err)
	}
	if r.Seq, err = strconv.ParseInt(headers["ce_sequence"], 10, 64); err != nil {
		return Record{}, true, fmt.Errorf("header ce_sequence: %w", err)
	}
	if r.At, err = time.Parse(time.RFC3339, headers["ce_time"]); err != nil {
		return Record{}, true, fmt.Errorf("header ce_time: %w", err)
	}
	if r.UID == "" || r.Object == "" {
		return Record{}, true, fmt.Errorf("headers %s and %s: both must be there", headerIdentity, headerObject)
	}
	return r, true, nil
}
