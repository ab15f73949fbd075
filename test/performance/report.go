package performance

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Report is everything a run found.
type Report struct {
	Plan    string    `json:"plan"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Machine Machine   `json:"machine"`
	Setup   Setup     `json:"setup"`

	Groups []Result `json:"groups,omitempty"`
	// Peak memory by process over the run's groups, in KiB.
	Peak map[string]int64 `json:"peakMemoryKiB,omitempty"`

	Builds []BuildResult  `json:"builds,omitempty"`
	Open   []OpenResult   `json:"open,omitempty"`
	Growth []GrowthResult `json:"growth,omitempty"`

	Absence *AbsenceResult `json:"absence,omitempty"`
}

// Setup is what a reader has to know to judge the numbers.
type Setup struct {
	EtcdFsync bool   `json:"etcdFsync"`
	Untracked bool   `json:"untracked,omitempty"`
	Users     string `json:"users"`
	Admission string `json:"admission"`
	Products  int    `json:"products"`
	InFlight  int    `json:"inFlight"`
	Rounds    int    `json:"rounds"`
	Ramp      string `json:"ramp"`
	Window    string `json:"window"`
}

const (
	setupUsers = "load by a user of its own, manager, gateway and mirror by their service accounts, all under RBAC and API priority and fairness; " +
		"setup and metrics by an administrator"
	setupAdmission = "installed as in production; mode webhook has it called, all others bring complete orders by a user who may"
)

// write keeps the report as JSON.
func (r *Report) write(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// notePeaks keeps the highest memory of each process; not of Postgres, whose processes share most of it.
func (r *Report) notePeaks(pids map[string]int) error {
	if r.Peak == nil {
		r.Peak = map[string]int64{}
	}
	for name, pid := range pids {
		if name == postgresProcess {
			continue
		}
		m, err := memoryOf(pid)
		if err != nil {
			return err
		}
		r.Peak[name] = max(r.Peak[name], m.Peak)
	}
	return nil
}
