// Package stage keeps how far each stage of the mirror is behind: what waits, since when,
// and what failed last. Metrics and health read it.
package stage

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Names of the stages, in the order in which something passes through them. Inbound is
// the way back: what others ask for on a topic.
const (
	Watch    = "watch"    // seen in the cluster, not yet looked at
	Database = "database" // looked at, not yet committed to Postgres
	Broker   = "broker"   // committed to an outbox, not yet acknowledged by Kafka
	Inbound  = "inbound"  // read from a topic, not yet handled
)

// Stage is one of them. Its parts report what they know, from any number of goroutines.
// A nil *Stage takes every report and keeps none.
type Stage struct {
	name  string
	clock clock.PassiveClock

	mu      sync.Mutex
	parts   map[string]*Stage
	records int
	oldest  time.Time
	failure failure
	worked  time.Time
}

// failure is what failed last, and since when nothing succeeded.
type failure struct {
	err   error
	since time.Time
}

// Snapshot is a stage at one moment.
type Snapshot struct {
	Name string
	// Waiting is how many records have not passed the stage.
	Waiting int
	// Lag is how long the oldest of them has been waiting; 0 when none waits.
	Lag time.Duration
	// Err is what failed last; nil when something succeeded since.
	Err error
	// Failing is how long nothing has succeeded; 0 when Err is nil.
	Failing time.Duration
	// Worked is when something last succeeded; zero when nothing did so far.
	Worked time.Time
}

// New makes a stage that has nothing to do.
func New(name string, c clock.PassiveClock) *Stage {
	return &Stage{name: name, clock: c}
}

// Part gives a stage whose reports are counted in this one, for one of several that work at
// it: the same for the same name. What waits is added up, the oldest and what fails the
// longest are the stage's.
func (s *Stage) Part(name string) *Stage {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts == nil {
		s.parts = map[string]*Stage{}
	}
	if s.parts[name] == nil {
		s.parts[name] = New(name, s.clock)
	}
	return s.parts[name]
}

// Forget has the stage know nothing, as a new one: whoever worked at it stands by now.
func (s *Stage) Forget() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records, s.oldest, s.failure, s.worked = 0, time.Time{}, failure{}, time.Time{}
	for _, part := range s.parts {
		part.Forget()
	}
}

// Waiting reports how many records wait, and since when the oldest of them does. The lag
// grows from there until the next report.
func (s *Stage) Waiting(records int, oldest time.Time) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records, s.oldest = records, oldest
}

// Failed reports that the stage can't go on for now. A nil error is no report.
func (s *Stage) Failed(err error) {
	if s == nil || err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure.err == nil {
		s.failure.since = s.clock.Now()
	}
	s.failure.err = err
}

// Succeeded reports that something got through: what failed before is over.
func (s *Stage) Succeeded() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure, s.worked = failure{}, s.clock.Now()
}

// Snapshot says how the stage is now.
func (s *Stage) Snapshot() Snapshot {
	if s == nil {
		return Snapshot{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	seen := Snapshot{Name: s.name, Waiting: s.records, Err: s.failure.err, Worked: s.worked}
	if s.records > 0 && !s.oldest.IsZero() {
		seen.Lag = max(0, now.Sub(s.oldest))
	}
	if seen.Err != nil {
		seen.Failing = max(0, now.Sub(s.failure.since))
	}
	for _, name := range slices.Sorted(maps.Keys(s.parts)) {
		seen.add(s.parts[name].Snapshot())
	}
	return seen
}

// add counts in what a part says.
func (s *Snapshot) add(part Snapshot) {
	s.Waiting += part.Waiting
	s.Lag = max(s.Lag, part.Lag)
	if part.Worked.After(s.Worked) {
		s.Worked = part.Worked
	}
	if part.Err != nil {
		s.Err = errors.Join(s.Err, fmt.Errorf("%s: %w", part.Name, part.Err))
		s.Failing = max(s.Failing, part.Failing)
	}
}
