package performance

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/orderplane/orderplane/internal/token"
)

// tokenLife is longer than any run.
const tokenLife = 24 * time.Hour

// signer issues the customers' tokens: one each, as an identity provider would.
type signer struct {
	publicFile string
	headers    [customers]http.Header
}

func newSigner(dir string) (*signer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("encode the public key: %w", err)
	}
	s := &signer{publicFile: filepath.Join(dir, "jwt-public.pem")}
	if err := os.WriteFile(s.publicFile, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600); err != nil {
		return nil, fmt.Errorf("write the public key: %w", err)
	}
	issuer := token.Issuer{Key: key}
	for n := range customers {
		signed, err := issuer.Issue(token.Identity{Subject: customerID(n)}, time.Now(), tokenLife)
		if err != nil {
			return nil, fmt.Errorf("issue a token: %w", err)
		}
		s.headers[n] = http.Header{"Authorization": {"Bearer " + signed}}
	}
	return s, nil
}

func (s *signer) header(n int) http.Header { return s.headers[n%customers] }
