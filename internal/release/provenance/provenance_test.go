package provenance_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/internal/release/provenance"
)

// sums of the texts "program" and "certificates", as sha256sum prints them.
const (
	sumOfProgram      = "1310ca2c8932dbd118668bd97442558a3e1f546b5e15c69699dfbd6024f548d8"
	sumOfCertificates = "f78c06aa55a0e2d18b5653884184079a5e77f231af10d7cbdc121b5cb40ef187"
)

func options(t *testing.T) (dir string, o provenance.Options) {
	t.Helper()
	dir = t.TempDir()
	certificates := filepath.Join(t.TempDir(), "ca.pem")
	for file, content := range map[string]string{filepath.Join(dir, "orderplane-linux-amd64"): "program", certificates: "certificates"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, provenance.Options{
		Version: "v0.1.0", Revision: "0123abc", Source: "git+https://example.com/orderplane", Go: "go1.26.8",
		CACertificates: certificates, ImageDigest: "sha256:" + strings.Repeat("a", 64),
		Builder: "https://example.com/builder", Created: time.Date(2026, 11, 27, 21, 0, 0, 0, time.FixedZone("", 3600)),
	}
}

const want = `{
  "_type": "https://in-toto.io/Statement/v1",
  "subject": [
    {
      "name": "orderplane-linux-amd64",
      "digest": {
        "sha256": "` + sumOfProgram + `"
      }
    },
    {
      "name": "orderplane:v0.1.0",
      "digest": {
        "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      }
    }
  ],
  "predicateType": "https://slsa.dev/provenance/v1",
  "predicate": {
    "buildDefinition": {
      "buildType": "https://orderplane.dev/release/v1",
      "externalParameters": {
        "version": "v0.1.0"
      },
      "resolvedDependencies": [
        {
          "uri": "pkg:golang/toolchain@1.26.8"
        },
        {
          "uri": "file:ca-certificates.crt",
          "digest": {
            "sha256": "` + sumOfCertificates + `"
          }
        },
        {
          "uri": "git+https://example.com/orderplane",
          "digest": {
            "gitCommit": "0123abc"
          }
        }
      ]
    },
    "runDetails": {
      "builder": {
        "id": "https://example.com/builder"
      },
      "metadata": {
        "startedOn": "2026-11-27T20:00:00Z"
      }
    }
  }
}
`

func TestTheStatement(t *testing.T) {
	statement, err := provenance.Of(options(t))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := provenance.Write(&out, statement); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNothingIsSaidOfAnUnknownSource(t *testing.T) {
	dir, o := options(t)
	o.Source = ""
	statement, err := provenance.Of(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(statement.Predicate.BuildDefinition.ResolvedDependencies); n != 2 {
		t.Errorf("%d dependencies, want toolchain and certificates", n)
	}
}

func TestWhatMakesNoStatementIsRefused(t *testing.T) {
	for want, spoil := range map[string]func(*provenance.Options){
		"version: empty":         func(o *provenance.Options) { o.Version = "" },
		"go: empty":              func(o *provenance.Options) { o.Go = "" },
		"builder: empty":         func(o *provenance.Options) { o.Builder = "" },
		"CA certificates: empty": func(o *provenance.Options) { o.CACertificates = "" },
		"image digest":           func(o *provenance.Options) { o.ImageDigest = "sha256:12" },
	} {
		dir, o := options(t)
		spoil(&o)
		if _, err := provenance.Of(dir, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	_, o := options(t)
	if _, err := provenance.Of(t.TempDir(), o); err == nil || !strings.Contains(err.Error(), "nothing in") {
		t.Errorf("of an empty folder: got %v", err)
	}
}
