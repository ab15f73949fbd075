package cachedclient

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// decoding is how objects are decoded that the API server has written: whether a
// name is there twice or a text is no UTF-8 is not asked again, and managed fields are passed over.
// One is to be made and kept: it remembers what it found out about each type.
func decoding() json.Options {
	return json.JoinOptions(
		jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true),
		json.WithUnmarshalers(json.JoinUnmarshalers(
			json.UnmarshalFunc(readTime),
			json.UnmarshalFromFunc(func(d *jsontext.Decoder, _ *[]metav1.ManagedFieldsEntry) error { return d.SkipValue() }),
		)),
	)
}

// readTime is metav1.Time's own decoding without its detour over encoding/json. An
// object has half a dozen times.
func readTime(text []byte, t *metav1.Time) error {
	if last := len(text) - 1; last > 0 && text[0] == '"' {
		if at, err := time.Parse(time.RFC3339, string(text[1:last])); err == nil {
			t.Time = at.Local()
			return nil
		}
	}
	return t.UnmarshalJSON(text)
}
