package cachedclient

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// request is what the API server was sent.
type request struct {
	line string
	body v1alpha1.StockJournal
}

// answering is a writer to an API server that answers every write with this, and notes it.
func answering(t *testing.T, code int, answer string) (*StatusWriter, *request) {
	t.Helper()
	sent := &request{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent.line = r.Method + " " + r.URL.Path
		if err := json.NewDecoder(r.Body).Decode(&sent.body); err != nil {
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
	return w, sent
}

func aJournal() *v1alpha1.StockJournal {
	return &v1alpha1.StockJournal{
		ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "j", UID: "u", ResourceVersion: "7"},
		Status:     v1alpha1.StockJournalStatus{Seq: 3},
	}
}

const (
	written = `{"metadata":{"resourceVersion":"8"},"status":{"seq":4,"entries":["{}"]}}`
	refused = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`
	journal = "/apis/orderplane.dev/v1alpha1/namespaces/a/stockjournals"
)

func TestWrites(t *testing.T) {
	for name, tc := range map[string]struct {
		write func(*StatusWriter) error
		want  string
	}{
		"create": {func(w *StatusWriter) error { return w.Create(t.Context(), "stockjournals", aJournal()) }, "POST " + journal},
		"update": {func(w *StatusWriter) error { return w.UpdateStatus(t.Context(), "stockjournals", aJournal()) }, "PUT " + journal + "/j/status"},
		"swap":   {func(w *StatusWriter) error { return w.SwapStatus(t.Context(), "stockjournals", aJournal()) }, "PUT " + journal + "/j/status"},
	} {
		t.Run(name, func(t *testing.T) {
			w, sent := answering(t, http.StatusOK, written)
			if err := tc.write(w); err != nil {
				t.Error(err)
			}
			if got := sent.body; sent.line != tc.want || got.ResourceVersion != "7" || got.UID != "u" || got.Status.Seq != 3 {
				t.Errorf("sent %+v, want %s", sent, tc.want)
			}
			w, _ = answering(t, http.StatusConflict, refused)
			if err := tc.write(w); !apierrors.IsConflict(err) {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

func TestSwapStatusGivesTheNewVersion(t *testing.T) {
	for name, tc := range map[string]struct {
		code   int
		answer string
		want   string
		fails  bool
	}{
		"written": {http.StatusOK, written, "8", false},
		"refused": {http.StatusConflict, refused, "7", true},
		"garbled": {http.StatusOK, `{"metadata":`, "7", true},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := answering(t, tc.code, tc.answer)
			j := aJournal()
			err := w.SwapStatus(t.Context(), "stockjournals", j)
			if (err != nil) != tc.fails || j.ResourceVersion != tc.want || j.Status.Seq != 3 || j.UID != "u" {
				t.Errorf("%+v, %v; want version %s", j, err, tc.want)
			}
		})
	}
}
