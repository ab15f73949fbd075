package local

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// jwtKeys are the files of the RSA key that signs this stack's tokens.
type jwtKeys struct {
	privateFile, publicFile string
}

// openJWTKeys finds the signing key in dir, or makes it there: tokens given out
// before stay good across restarts.
func openJWTKeys(dir string) (jwtKeys, error) {
	keys := jwtKeys{
		privateFile: filepath.Join(dir, "private.pem"),
		publicFile:  filepath.Join(dir, "public.pem"),
	}
	// The private key is written last: with it, both are there.
	_, err := os.Stat(keys.privateFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = keys.create(dir)
	}
	if err != nil {
		return keys, fmt.Errorf("token keys in %s: %w", dir, err)
	}
	return keys, nil
}

// OpenJWTKeys finds an RSA key that signs tokens in a folder, or makes it there, and says which files have it.
func OpenJWTKeys(dir string) (privateFile, publicFile string, err error) {
	keys, err := openJWTKeys(dir)
	return keys.privateFile, keys.publicFile, err
}

func (k jwtKeys) create(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(k.publicFile, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(k.privateFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
}
