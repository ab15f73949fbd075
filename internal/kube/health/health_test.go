package health_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderplane/orderplane/internal/kube/health"
)

func TestHandler(t *testing.T) {
	up := func(context.Context) (string, error) { return "leader", nil }
	down := func(context.Context) (string, error) { return "", errors.New("no answer") }
	tests := map[string]struct {
		checks     map[string]health.Check
		wantStatus int
		wantBody   string
	}{
		"all up": {
			map[string]health.Check{"leadership": up}, http.StatusOK,
			`{"status":"UP","components":{"leadership":{"status":"UP","detail":"leader"}}}` + "\n",
		},
		"one down": {
			map[string]health.Check{"leadership": up, "kubernetes": down}, http.StatusServiceUnavailable,
			`{"status":"DOWN","components":{"kubernetes":{"status":"DOWN","detail":"no answer"},"leadership":{"status":"UP","detail":"leader"}}}` + "\n",
		},
		"nothing to check": {nil, http.StatusOK, `{"status":"UP"}` + "\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			answer := httptest.NewRecorder()
			health.Handler(tt.checks).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/health", nil))
			if answer.Code != tt.wantStatus || answer.Body.String() != tt.wantBody {
				t.Errorf("got %d %s want %d %s", answer.Code, answer.Body, tt.wantStatus, tt.wantBody)
			}
		})
	}
}

// Whoever asks has a time-out too: a part that hangs is down.
func TestACheckThatHangsIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := time.Now()
		report := health.Examine(t.Context(), map[string]health.Check{"kubernetes": func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}})
		if took := time.Since(asked); took > 2*time.Second || report.Status != health.Down {
			t.Errorf("%s after %s", report.Status, took)
		}
	})
}

func TestAPartThatHangsTakesNoTimeFromTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}
		inTime := func(ctx context.Context) (string, error) { return "", ctx.Err() }
		checks := map[string]health.Check{"a": hangs, "b": hangs, "c": hangs, "d": hangs, "kafka": inTime}
		if got := health.Examine(t.Context(), checks).Components["kafka"]; got.Status != health.Up {
			t.Errorf("kafka is %+v", got)
		}
	})
}
