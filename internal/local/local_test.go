package local

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orderplane/orderplane/internal/devcluster"
)

func good() Options {
	return Options{Dir: ".local", Namespace: "default", Executable: "/bin/orderplane", Out: &bytes.Buffer{},
		Ports:     Ports{Gateway: 8080, Manager: 8081, Inventory: 8082, ManagerMetrics: 8091, Webhook: 9443, Mirror: 8084, Notifier: 8083},
		Admission: func(string) ([]*unstructured.Unstructured, error) { return nil, nil }}
}

func TestValidateNamesTheFieldAndTheWayOut(t *testing.T) {
	tests := map[string]struct {
		change func(*Options)
		want   string
	}{
		"no folder":          {func(o *Options) { o.Dir = "" }, "dir: empty"},
		"no binary":          {func(o *Options) { o.Executable = "" }, "executable"},
		"no writer":          {func(o *Options) { o.Out = nil }, "out"},
		"bad namespace":      {func(o *Options) { o.Namespace = "No_Such" }, "ORDERS_NAMESPACE"},
		"no such port":       {func(o *Options) { o.Ports.Manager = 65536 }, "MANAGER_PORT"},
		"one port for two":   {func(o *Options) { o.Ports.Manager = 8080 }, "is also the gateway's"},
		"negative port":      {func(o *Options) { o.Ports.Gateway = -1 }, "HTTP_PORT"},
		"two things at once": {func(o *Options) { o.Dir, o.Executable = "", "" }, "executable"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := good()
			tt.change(&o)
			if err := o.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to name %q", err, tt.want)
			}
		})
	}
	if err := good().Validate(); err != nil {
		t.Errorf("good options: %v", err)
	}
	free := good()
	free.Ports = Ports{}
	if err := free.Validate(); err != nil {
		t.Errorf("ports left open: %v", err)
	}
}

func TestABusyPortIsToldWithItsVariable(t *testing.T) {
	l, err := net.Listen("tcp", devcluster.Host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nothing came of it
	_, err = Ports{Gateway: l.Addr().(*net.TCPAddr).Port}.complete()
	if err == nil || !strings.Contains(err.Error(), "HTTP_PORT=PORT") {
		t.Errorf("got %v", err)
	}
	open, err := Ports{}.complete()
	if err != nil || open.Gateway == 0 || open.Manager == 0 || open.ManagerMetrics == 0 {
		t.Errorf("ports left open became %+v, %v", open, err)
	}
}

func TestTheLockTellsWhoHoldsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := takeLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := takeLock(path); err == nil || !strings.Contains(err.Error(), "already running") {
		t.Errorf("a second stack: got %v", err)
	}
	if err := first.release(); err != nil {
		t.Fatal(err)
	}
	again, err := takeLock(path)
	if err != nil {
		t.Fatalf("after the first is gone: %v", err)
	}
	if err := again.release(); err != nil {
		t.Fatal(err)
	}
}

func TestTheEnvFileSurvivesAnyValue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "env")
	value := `it's "$HOME" \ and` + "\n`more`"
	if err := writeEnvFile(path, []tool{{"kubectl", "/no such dir"}}, []export{{"STRANGE", value}}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("tokens are in it, and its mode is %v", info.Mode())
	}
	out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", `. "$1"; printf %s "$STRANGE"`, "sh", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != value {
		t.Errorf("a shell reads %q, want %q", out, value)
	}
}

func TestJWTKeysAreFoundAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "jwt")
	first, err := openJWTKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	was, err := os.ReadFile(first.privateFile)
	if err != nil {
		t.Fatal(err)
	}
	second, err := openJWTKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	is, err := os.ReadFile(second.privateFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(was, is) {
		t.Error("the second start made another key: tokens given out before are void")
	}
}

func TestTheSampleStockIsOneManifestKubectlTakes(t *testing.T) {
	stock, err := sampleStock()
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Kind  string `json:"kind"`
		Items []struct {
			Kind string `json:"kind"`
		} `json:"items"`
	}
	if err := json.Unmarshal(stock, &list); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, i := range list.Items {
		kinds[i.Kind]++
	}
	if list.Kind != "List" || kinds["StockItem"] == 0 || kinds["StockAdjustment"] == 0 || len(kinds) != 2 {
		t.Errorf("the sample stock is items and documents, and no order: it is a %s of %v", list.Kind, kinds)
	}
}
