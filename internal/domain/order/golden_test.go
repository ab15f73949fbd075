package order_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden logs anew")

func by(user string) v1alpha1.Requester { return v1alpha1.Requester{RequestedBy: user} }

func (s *sim) cancel() {
	s.edit("cancel", func(spec *v1alpha1.OrderSpec) {
		spec.Cancellation = &v1alpha1.Cancellation{
			Reason:    v1alpha1.CancelCustomerRequest,
			Requester: v1alpha1.Requester{RequestedBy: "system:serviceaccount:ops-system:gateway", OnBehalfOf: "customer-1"},
		}
	})
}

func (s *sim) ship() {
	s.edit("fulfil", func(spec *v1alpha1.OrderSpec) {
		spec.Fulfillment = &v1alpha1.Fulfillment{Carrier: "DHL", TrackingNumber: "42", Requester: by("packer")}
	})
}

func (s *sim) sendBack(id string, items ...v1alpha1.ReturnItem) {
	s.edit("request return "+id, func(spec *v1alpha1.OrderSpec) {
		spec.Return = &v1alpha1.Return{RequestID: id, Reason: "does not fit", Items: items, Requester: by("customer-1")}
	})
}

func (s *sim) decide(what string, d v1alpha1.ReturnDecision) {
	d.Requester = by("olga")
	s.edit(what, func(spec *v1alpha1.OrderSpec) {
		asked := spec.Return.DeepCopy()
		asked.Decision = &d
		spec.Return = asked
	})
}

func (s *sim) approve() {
	s.decide("approve", v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictApprove})
}

func (s *sim) reject() {
	s.decide("reject", v1alpha1.ReturnDecision{Verdict: v1alpha1.VerdictReject, Reason: "it was worn"})
}

func TestGoldenLogs(t *testing.T) {
	all := sequences()
	for name, run := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSim(t)
			run(s)
			got := s.end()
			path := filepath.Join("testdata", name+".log")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v; write it with go test ./internal/domain/order -update", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	logs, err := filepath.Glob(filepath.Join("testdata", "*.log"))
	if err != nil || len(logs) != len(all) && !*update {
		t.Errorf("%d logs for %d sequences (%v); delete what belongs to none", len(logs), len(all), err)
	}
}
