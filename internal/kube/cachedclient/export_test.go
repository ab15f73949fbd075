package cachedclient

import (
	"github.com/go-json-experiment/json/jsontext"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// DecodeStored decodes an object as the caches do. The error says which field can't be.
func DecodeStored(text []byte, into client.Object) error {
	kind, _ := kindFor(into)
	if err := kind.decode(jsontext.Value(text), into, decoding()); err != nil {
		return err
	}
	return refuse(into)
}
