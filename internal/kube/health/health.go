// Package health answers whether a role is up, part by part, in JSON.
package health

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Status of a part or of the whole.
type Status string

const (
	Up   Status = "UP"
	Down Status = "DOWN"
)

const (
	// Leadership is the part that tells whether this process leads.
	Leadership = "leadership"
	// Leader and Standby are its details.
	Leader  = "leader"
	Standby = "standby"
)

// checkWithin bounds each check: whoever asks has a time-out too.
const checkWithin = time.Second

// Check looks at one part: a word about it, or what is wrong.
type Check func(ctx context.Context) (detail string, err error)

// Report is what a health endpoint answers.
type Report struct {
	Status     Status               `json:"status"`
	Components map[string]Component `json:"components,omitempty"`
}

// Component is the state of one part.
type Component struct {
	Status Status `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// Handler answers 200 with a report when every part is up, else 503 with it.
func Handler(checks map[string]Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		report := Examine(r.Context(), checks)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if report.Status != Up {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(report)
	})
}

// Examine runs every check, all at once: one that gets no answer takes no time from the others.
func Examine(ctx context.Context, checks map[string]Check) Report {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	report := Report{Status: Up, Components: make(map[string]Component, len(checks))}
	var (
		mu      sync.Mutex
		running sync.WaitGroup
	)
	for name, check := range checks {
		running.Go(func() {
			part := examine(ctx, check)
			mu.Lock()
			defer mu.Unlock()
			report.Components[name] = part
			if part.Status != Up {
				report.Status = Down
			}
		})
	}
	running.Wait()
	return report
}

func examine(ctx context.Context, check Check) Component {
	detail, err := check(ctx)
	if err != nil {
		return Component{Status: Down, Detail: err.Error()}
	}
	return Component{Status: Up, Detail: detail}
}
