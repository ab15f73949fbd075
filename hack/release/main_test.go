package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/release/image"
)

func TestTheChartHasTheVersionOfTheRelease(t *testing.T) {
	const chart = "apiVersion: v2\nname: orderplane\nversion: 0.0.0 # ours\nappVersion: \"latest\"\n"
	got, err := chartOf([]byte(chart), "v1.2.3-rc.1")
	if err != nil {
		t.Fatal(err)
	}
	if want := "apiVersion: v2\nname: orderplane\nversion: 1.2.3-rc.1\nappVersion: \"v1.2.3-rc.1\"\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := chartOf([]byte("name: orderplane\nversion: 1\n"), "v1.0.0"); err == nil || !strings.Contains(err.Error(), "appVersion") {
		t.Errorf("without appVersion: got %v", err)
	}
}

func TestTheChartIsTheSameEachTime(t *testing.T) {
	t.Setenv(epochVariable, "1795800000")
	pack := func(mode os.FileMode) []byte {
		dir, file := t.TempDir(), filepath.Join(t.TempDir(), "chart.tgz")
		if err := os.WriteFile(filepath.Join(dir, "Chart.yaml"), []byte("version: 0\nappVersion: 0\n"), mode); err != nil {
			t.Fatal(err)
		}
		if err := packChart(dir, file, "v0.1.0"); err != nil {
			t.Fatal(err)
		}
		packed, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	if !bytes.Equal(pack(0o600), pack(0o755)) {
		t.Error("two archives of the same chart differ")
	}
}

func TestBinariesAreRead(t *testing.T) {
	got, err := parseBinaries([]string{"linux/amd64=a=b"})
	if want := (image.Binary{OS: "linux", Arch: "amd64", File: "a=b"}); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, text := range []string{"", "linux=a", "linux/=a", "/amd64=a", "linux/amd64", "linux/amd64="} {
		if _, err := parseBinaries([]string{text}); err == nil || !strings.Contains(err.Error(), "--binary="+text) {
			t.Errorf("%q: got %v, want an error that names it", text, err)
		}
	}
}

func TestTheTimeIsAsked(t *testing.T) {
	for _, text := range []string{"", "yesterday", "-1", "0"} {
		t.Setenv(epochVariable, text)
		if _, err := created(); err == nil || !strings.Contains(err.Error(), epochVariable) {
			t.Errorf("%q: got %v, want an error that names the variable", text, err)
		}
	}
	t.Setenv(epochVariable, "1795800000")
	if at, err := created(); err != nil || at.Unix() != 1795800000 {
		t.Errorf("got %v, %v", at, err)
	}
}
