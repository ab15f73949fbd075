// Package checksum names files by what is in them.
package checksum

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
)

// SHA256 of a file, in hexadecimal digits as sha256sum prints it.
func SHA256(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it was only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
