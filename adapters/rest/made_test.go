package rest_test

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"testing"

	"github.com/orderplane/orderplane/api/openapi"
)

// What takes long to make is made once for all gateways of the tests: the key that signs their
// tokens, and the document that they serve.
var (
	madeKey      = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	madeDocument = sync.OnceValues(openapi.LoadDocument)
)

func signingKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := madeKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func document(t testing.TB) *openapi.Document {
	t.Helper()
	doc, err := madeDocument()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
