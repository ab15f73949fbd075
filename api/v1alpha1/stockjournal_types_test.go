package v1alpha1_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestJournalEntryIsATextThatHoldsItsFields(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 3, 1, 12, 0, 1, 0, time.UTC).Local())
	onHand := int64(97)
	want := v1alpha1.JournalEntry{
		Seq: 13, Kind: v1alpha1.EntryAdjust, Name: "full", UID: "5c7e1a2b", At: at, Reason: "Counted", CountedAt: &at, Generated: true,
		Lines: []v1alpha1.JournalLine{{ProductID: "prod-001", ItemUID: "0d0f6a0e", Quantity: -1, Remaining: 89, OnHand: &onHand}},
	}
	status, err := json.Marshal(v1alpha1.StockJournalStatus{Entries: []v1alpha1.JournalEntry{want}})
	if err != nil {
		t.Fatal(err)
	}
	var raw struct{ Entries []string }
	if err := json.Unmarshal(status, &raw); err != nil {
		t.Fatalf("%s: %v", status, err)
	}
	for form, data := range map[string]string{
		"the text":                       string(status),
		"the fields, as version 0.1 had": `{"entries": [` + raw.Entries[0] + `]}`,
	} {
		var got v1alpha1.StockJournalStatus
		if err := json.Unmarshal([]byte(data), &got); err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		if len(got.Entries) != 1 || !reflect.DeepEqual(got.Entries[0], want) {
			t.Errorf("%s is read as %+v, want %+v", form, got.Entries, want)
		}
	}
}

func TestJournalEntryThatIsNoneIsRefused(t *testing.T) {
	for _, data := range []string{`"{\"seq\": \"many\"}"`, `"no JSON"`, `""`, `7`, `{"seq": true}`} {
		var e v1alpha1.JournalEntry
		if err := json.Unmarshal([]byte(data), &e); err == nil || !strings.Contains(err.Error(), "journal entry") {
			t.Errorf("%s: read as %+v, error %v", data, e, err)
		}
	}
}
