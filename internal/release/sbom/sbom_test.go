package sbom_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/internal/release/sbom"
)

// program is hack/release, built of modules as every program is; the programs of tests don't record theirs.
func program(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", file, "../../../hack/release").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return file
}

// written is the bill of materials of a program, and what a reader makes of it.
func written(t *testing.T, program string) (text []byte, bom *cdx.BOM) {
	t.Helper()
	of, err := sbom.Of(program, sbom.Options{Version: "v0.1.0", Created: time.Date(2026, 11, 27, 20, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := sbom.Write(&out, of); err != nil {
		t.Fatal(err)
	}
	bom = &cdx.BOM{}
	if err := cdx.NewBOMDecoder(bytes.NewReader(out.Bytes()), cdx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), bom
}

// buildList is what `go version -m` says that a program was built of: path, version and checksum of each module.
func buildList(t *testing.T, program string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "version", "-m", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(out), "\n")
	_, version, _ := strings.Cut(lines[0], ": go")
	list := []string{"std " + version}
	for _, line := range lines {
		if fields := strings.Fields(line); len(fields) == 4 && fields[0] == "dep" {
			list = append(list, strings.Join(fields[1:], " "))
		}
	}
	if len(list) < 5 {
		t.Fatalf("go version -m says %s", out)
	}
	return list
}

func TestItIsTheBuildList(t *testing.T) {
	file := program(t)
	want := buildList(t, file)
	_, bom := written(t, file)
	var got []string
	for _, c := range *bom.Components {
		line := c.Name + " " + c.Version
		if c.Properties != nil {
			line += " " + (*c.Properties)[0].Value
		}
		got = append(got, line)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	again, _ := written(t, file)
	if once, _ := written(t, file); !bytes.Equal(once, again) {
		t.Error("the same program has another document the second time")
	}
}

func TestItNamesTheProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, bom := written(t, self)
	program := bom.Metadata.Component
	if program.Name != "github.com/orderplane/orderplane" || program.PackageURL != "pkg:golang/github.com/orderplane/orderplane@v0.1.0" {
		t.Errorf("the program is %s, %s", program.Name, program.PackageURL)
	}
	if bom.Metadata.Timestamp != "2026-11-27T20:00:00Z" {
		t.Errorf("the time is %s", bom.Metadata.Timestamp)
	}
	if program.Hashes == nil || len((*program.Hashes)[0].Value) != 64 {
		t.Errorf("the program has no checksum: %+v", program.Hashes)
	}
}

func TestWhatIsNoProgramIsRefused(t *testing.T) {
	if _, err := sbom.Of("sbom.go", sbom.Options{}); err == nil || !strings.Contains(err.Error(), "sbom.go") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}
