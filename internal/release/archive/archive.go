// Package archive packs folders so that the same content gives the same file, wherever and whenever it is packed.
package archive

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Options say what is packed.
type Options struct {
	// Dir is the folder, and Prefix what stands before the path of each of its files, such as "orderplane/".
	Dir, Prefix string
	// At is the time of every file; whole seconds.
	At time.Time
	// Rewrite, if any, gives the content that a file has in the archive, by its path in the folder.
	Rewrite func(name string, content []byte) ([]byte, error)
}

// Tar packs a folder: plain files only, sorted by path, all of them root's and readable by everybody.
func Tar(w io.Writer, o Options) error {
	packed := tar.NewWriter(w)
	err := filepath.WalkDir(o.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is no plain file", path)
		}
		return o.add(packed, path)
	})
	if err != nil {
		return fmt.Errorf("pack %s: %w", o.Dir, err)
	}
	if err := packed.Close(); err != nil {
		return fmt.Errorf("pack %s: %w", o.Dir, err)
	}
	return nil
}

func (o Options) add(packed *tar.Writer, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	name, err := filepath.Rel(o.Dir, path)
	if err != nil {
		return err
	}
	name = filepath.ToSlash(name)
	if o.Rewrite != nil {
		if content, err = o.Rewrite(name, content); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: o.Prefix + name, Mode: 0o644, Size: int64(len(content)),
		ModTime: o.At.Truncate(time.Second), Format: tar.FormatUSTAR,
	}
	if err := packed.WriteHeader(header); err != nil {
		return err
	}
	_, err = packed.Write(content)
	return err
}
