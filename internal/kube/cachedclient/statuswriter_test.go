package cachedclient

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// answering is a writer to an API server that answers every write with this, and notes what
// it was sent.
func answering(t *testing.T, code int, answer string, sent *v1alpha1.StockJournal) *StatusWriter {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(sent); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	known := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(known); err != nil {
		t.Fatal(err)
	}
	w, err := NewStatusWriter(&rest.Config{Host: server.URL}, server.Client(), known)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestSwapStatusGivesTheNewVersion(t *testing.T) {
	for name, tc := range map[string]struct {
		code    int
		answer  string
		want    string
		refused bool
	}{
		"written": {http.StatusOK, `{"metadata":{"resourceVersion":"8"},"status":{"seq":3,"entries":["{}"]}}`, "8", false},
		"refused": {http.StatusConflict, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`, "7", true},
		"garbled": {http.StatusOK, `{"metadata":`, "7", true},
	} {
		t.Run(name, func(t *testing.T) {
			var sent v1alpha1.StockJournal
			w := answering(t, tc.code, tc.answer, &sent)
			j := &v1alpha1.StockJournal{
				ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.StockJournalName, UID: "u", ResourceVersion: "7"},
				Status:     v1alpha1.StockJournalStatus{Seq: 3},
			}
			err := w.SwapStatus(t.Context(), "stockjournals", j)
			if (err != nil) != tc.refused || j.ResourceVersion != tc.want || j.Status.Seq != 3 || j.UID != "u" {
				t.Errorf("%+v, %v; want version %s", j, err, tc.want)
			}
			if sent.ResourceVersion != "7" || sent.UID != "u" || sent.Status.Seq != 3 {
				t.Errorf("sent %+v", sent)
			}
		})
	}
}
