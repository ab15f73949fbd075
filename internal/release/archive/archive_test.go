package archive_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderplane/orderplane/internal/release/archive"
)

var at = time.Date(2026, 11, 27, 20, 0, 0, 0, time.UTC)

// folder has the same two files each time, with rights of their own.
func folder(t *testing.T, mode os.FileMode, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("content of "+name), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func pack(t *testing.T, o archive.Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := archive.Tar(&out, o); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTheSameContentIsTheSameArchive(t *testing.T) {
	one := pack(t, archive.Options{Dir: folder(t, 0o600, "b", "a/c"), Prefix: "p/", At: at})
	two := pack(t, archive.Options{Dir: folder(t, 0o755, "a/c", "b"), Prefix: "p/", At: at})
	if !bytes.Equal(one, two) {
		t.Error("two archives of the same content differ")
	}
	var lines []string
	for r := tar.NewReader(bytes.NewReader(one)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, h.Name+": "+string(content))
		if h.Mode != 0o644 || h.Uid != 0 || !h.ModTime.Equal(at) {
			t.Errorf("%s has mode %o, owner %d, time %s", h.Name, h.Mode, h.Uid, h.ModTime)
		}
	}
	if want := []string{"p/a/c: content of a/c", "p/b: content of b"}; !slices.Equal(lines, want) {
		t.Errorf("entries are %q, want %q", lines, want)
	}
}

func TestAFileIsRewritten(t *testing.T) {
	rewrite := func(name string, content []byte) ([]byte, error) {
		if name == "a" {
			return []byte("new"), nil
		}
		return content, nil
	}
	packed := pack(t, archive.Options{Dir: folder(t, 0o600, "a", "b"), At: at, Rewrite: rewrite})
	if text := string(packed); !strings.Contains(text, "new") || strings.Contains(text, "content of a") || !strings.Contains(text, "content of b") {
		t.Errorf("the archive has %q", text)
	}
}

func TestALinkIsRefused(t *testing.T) {
	dir := folder(t, 0o600, "a")
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := archive.Tar(io.Discard, archive.Options{Dir: dir, At: at}); err == nil || !strings.Contains(err.Error(), "link is no plain file") {
		t.Errorf("got %v, want an error that names the link", err)
	}
}
