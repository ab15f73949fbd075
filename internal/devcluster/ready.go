package devcluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/orderplane/orderplane/internal/kube/health"
)

// Host is where everything listens: what runs here is for whoever sits at this machine.
const Host = "127.0.0.1"

// loopback is the URL of a port of this machine.
func loopback(scheme string, port int) string { return fmt.Sprintf("%s://%s:%d", scheme, Host, port) }

// answers asks an URL for status 200.
func answers(ctx context.Context, client *http.Client, url string) error {
	_, err := get(ctx, client, url)
	return err
}

// leads asks a manager's health for more than being up: a standby is up too, and
// leaves every order where it is.
func leads(ctx context.Context, url string) error {
	body, err := get(ctx, http.DefaultClient, url)
	if err != nil {
		return err
	}
	var report health.Report
	if err := json.Unmarshal(body, &report); err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	if report.Components[health.Leadership].Detail != health.Leader {
		return errors.New("not the leader yet")
	}
	return nil
}

func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it is read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return body, nil
}
