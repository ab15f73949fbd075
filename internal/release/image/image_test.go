package image_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/orderplane/orderplane/internal/release/image"
)

var created = time.Date(2026, 11, 27, 20, 0, 0, 0, time.UTC)

// inputs are files as a release has them, in a folder of their own, with times and rights of their own.
func inputs(t *testing.T, mode os.FileMode) image.Options {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return image.Options{
		Binaries: []image.Binary{
			{OS: "linux", Arch: "arm64", File: write("b", "the program for arm64")},
			{OS: "linux", Arch: "amd64", File: write("a", "the program for amd64")},
		},
		CACertificates: write("ca.pem", "certificates"),
		Version:        "v0.1.0", Revision: "0123abc", Created: created,
	}
}

func assemble(t *testing.T, o image.Options) (dir, digest string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "layout")
	digest, err := image.Write(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return dir, digest
}

// index is the one index of a layout, which is valid.
func index(t *testing.T, dir string) v1.ImageIndex {
	t.Helper()
	outer, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(outer); err != nil {
		t.Errorf("the layout is not valid: %v", err)
	}
	manifest, err := outer.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 || manifest.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "v0.1.0" {
		t.Fatalf("the layout has %+v, want one index named v0.1.0", manifest.Manifests)
	}
	inner, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return inner
}

func TestTheSameInputHasTheSameDigest(t *testing.T) {
	first := inputs(t, 0o600)
	again := inputs(t, 0o755)
	slices.Reverse(again.Binaries)
	again.Created = again.Created.In(time.FixedZone("elsewhere", 3600)) // the same moment
	_, one := assemble(t, first)
	_, two := assemble(t, again)
	if one != two {
		t.Errorf("two digests of the same input: %s and %s", one, two)
	}
	for name, change := range map[string]func(*image.Options){
		"another version":     func(o *image.Options) { o.Version = "v0.1.1" },
		"another revision":    func(o *image.Options) { o.Revision = "f" },
		"another time":        func(o *image.Options) { o.Created = created.Add(time.Second) },
		"another program":     func(o *image.Options) { o.Binaries[0].File = o.CACertificates },
		"another certificate": func(o *image.Options) { o.CACertificates = o.Binaries[0].File },
		"fewer platforms":     func(o *image.Options) { o.Binaries = o.Binaries[:1] },
	} {
		o := inputs(t, 0o600)
		change(&o)
		if _, digest := assemble(t, o); digest == one {
			t.Errorf("%s: the digest is the same", name)
		}
	}
}

func TestWhatTheImageHas(t *testing.T) {
	dir, _ := assemble(t, inputs(t, 0o600))
	manifest, err := index(t, dir).IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		platforms = append(platforms, m.Platform.String())
		img, err := index(t, dir).Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.OS+"/"+config.Architecture != m.Platform.String() || !config.Created.Equal(created) {
			t.Errorf("%s: the image says %s/%s, %s", m.Platform, config.OS, config.Architecture, config.Created)
		}
		if config.Config.User != "65532:65532" || !slices.Equal(config.Config.Entrypoint, []string{"/orderplane"}) {
			t.Errorf("%s: runs %v as %q", m.Platform, config.Config.Entrypoint, config.Config.User)
		}
		if got := config.Config.Labels["org.opencontainers.image.version"]; got != "v0.1.0" {
			t.Errorf("%s: label version is %q", m.Platform, got)
		}
		want := []string{
			"d 755 0:0 etc/", "d 755 0:0 etc/ssl/", "d 755 0:0 etc/ssl/certs/",
			"f 644 0:0 etc/ssl/certs/ca-certificates.crt: certificates",
			"f 755 0:0 orderplane: the program for " + m.Platform.Architecture,
		}
		if diff := cmp.Diff(want, list(t, img)); diff != "" {
			t.Errorf("%s: files (-want +got):\n%s", m.Platform, diff)
		}
	}
	if !slices.Equal(platforms, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("platforms are %v", platforms)
	}
}

// list says of each entry of an image what it is, whose, and what is in it.
func list(t *testing.T, img v1.Image) []string {
	t.Helper()
	all := mutate.Extract(img)
	defer all.Close() //nolint:errcheck // it was only read
	var lines []string
	for r := tar.NewReader(all); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(lines)
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(created) {
			t.Errorf("%s is of %s", h.Name, h.ModTime)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, entry(h, string(content)))
	}
}

// entry is a line about an entry of a layer: kind, rights, owner and name, and what a file has in it.
func entry(h *tar.Header, content string) string {
	name := strings.TrimSuffix(h.Name, "/")
	if h.Typeflag == tar.TypeDir {
		return fmt.Sprintf("d %o %d:%d %s/", h.Mode, h.Uid, h.Gid, name)
	}
	return fmt.Sprintf("f %o %d:%d %s: %s", h.Mode, h.Uid, h.Gid, name, content)
}

func TestWhatMakesNoImageIsRefused(t *testing.T) {
	for want, spoil := range map[string]func(*image.Options){
		"binaries: none": func(o *image.Options) { o.Binaries = nil },
		"binaries: two are for linux/s3": func(o *image.Options) {
			o.Binaries = []image.Binary{{OS: "linux", Arch: "s3"}, {OS: "linux", Arch: "s3"}}
		},
		"version: empty":   func(o *image.Options) { o.Version = "" },
		"created: missing": func(o *image.Options) { o.Created = time.Time{} },
		"no such file":     func(o *image.Options) { o.CACertificates = filepath.Join(t.TempDir(), "none") },
	} {
		o := inputs(t, 0o600)
		spoil(&o)
		if _, err := image.Write(filepath.Join(t.TempDir(), "layout"), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := image.Write(t.TempDir(), inputs(t, 0o600)); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("into a folder that is there: got %v", err)
	}
}

// TestTheDockerfileMakesTheSame reads the last stage of the Dockerfile: what it copies, as whom it runs what.
func TestTheDockerfileMakesTheSame(t *testing.T) {
	text, err := os.ReadFile("../../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	stages := regexp.MustCompile(`(?m)^FROM `).Split(string(text), -1)
	last := stages[len(stages)-1]
	for _, want := range []string{
		"COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/\n",
		"COPY --from=build /orderplane /orderplane\n",
		"USER " + image.User + "\n",
		`ENTRYPOINT ["` + image.Entrypoint + `"]`,
	} {
		if !strings.Contains(last, want) {
			t.Errorf("the last stage of the Dockerfile has no %q", want)
		}
	}
	if n := strings.Count(last, "COPY"); n != 2 {
		t.Errorf("the last stage of the Dockerfile copies %d things, the image has 2", n)
	}
	script, err := os.ReadFile("../../../hack/release.sh")
	if err != nil {
		t.Fatal(err)
	}
	const build = `-trimpath -ldflags "-s -w -X main.release=`
	for name, file := range map[string][]byte{"Dockerfile": text, "hack/release.sh": script} {
		if !strings.Contains(string(file), build) || !strings.Contains(string(file), "CGO_ENABLED=0") {
			t.Errorf("%s does not build with CGO_ENABLED=0 and %s", name, build)
		}
	}
}
