package token

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
)

// minKeyBits is the smallest RSA key that RS256 allows (RFC 7518, 3.3).
const minKeyBits = 2048

// LoadPublicKey reads an RSA public key given as PEM (PUBLIC KEY, RSA PUBLIC KEY
// or CERTIFICATE), as the base64 of its DER, or as the path of a file that holds
// either.
func LoadPublicKey(value string) (*rsa.PublicKey, error) {
	content, err := keyContent(value)
	if err != nil {
		return nil, err
	}
	der, err := derOf(content)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	key, err := parsePublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	return key, checkSize(key)
}

// LoadPrivateKey reads an RSA private key in the same spellings (PEM PRIVATE KEY
// or RSA PRIVATE KEY).
func LoadPrivateKey(value string) (*rsa.PrivateKey, error) {
	content, err := keyContent(value)
	if err != nil {
		return nil, err
	}
	der, err := derOf(content)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, checkSize(&key.PublicKey)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("private key: neither PKCS #8 nor PKCS #1")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("private key: RS256 needs an RSA key")
	}
	return key, checkSize(&key.PublicKey)
}

// keyContent returns value itself when it looks like a key, else the content of
// the file it names.
func keyContent(value string) (string, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return "", errors.New("key is empty: give PEM, base64 DER or the path of a file")
	}
	if strings.HasPrefix(value, "-----BEGIN") {
		return value, nil
	}
	if _, err := decodeBase64(value); err == nil && len(value) > 256 {
		return value, nil
	}
	content, err := os.ReadFile(value)
	if err != nil {
		return "", errors.New("key is neither PEM nor base64 DER, and no file of that name can be read")
	}
	return strings.TrimSpace(string(content)), nil
}

func derOf(content string) ([]byte, error) {
	// A PEM that went through an environment variable often has its line breaks
	// spelled out.
	if strings.HasPrefix(content, "-----BEGIN") {
		block, _ := pem.Decode([]byte(strings.ReplaceAll(content, `\n`, "\n")))
		if block == nil {
			return nil, errors.New("broken PEM: check its BEGIN and END lines and its line breaks")
		}
		return block.Bytes, nil
	}
	der, err := decodeBase64(content)
	if err != nil {
		return nil, errors.New("neither PEM nor base64 DER")
	}
	return der, nil
}

func decodeBase64(s string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
}

func parsePublicKey(der []byte) (*rsa.PublicKey, error) {
	if key, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return key, nil
	}
	var parsed any
	if cert, err := x509.ParseCertificate(der); err == nil {
		parsed = cert.PublicKey
	} else if parsed, err = x509.ParsePKIXPublicKey(der); err != nil {
		return nil, errors.New("neither a public key nor a certificate")
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("RS256 needs an RSA key")
	}
	return key, nil
}

func checkSize(key *rsa.PublicKey) error {
	if bits := key.N.BitLen(); bits < minKeyBits {
		return fmt.Errorf("RSA key has %d bits; RS256 needs %d or more", bits, minKeyBits)
	}
	return nil
}
