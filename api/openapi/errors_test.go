package openapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/api/openapi"
)

// Every error that a client may get has an example, in both forms; and nothing else has one.
func TestEveryErrorHasAnExample(t *testing.T) {
	doc := served(t)
	shown := map[string]bool{}
	for name, response := range doc.Components.Responses {
		for _, mediaType := range []string{"application/json", "application/problem+json"} {
			media := response.Value.Content.Get(mediaType)
			if len(name) != len("Error400") || name[:5] != "Error" {
				continue
			}
			if media == nil || len(media.Examples) == 0 {
				t.Errorf("%s has no examples as %s", name, mediaType)
				continue
			}
			for code, example := range media.Examples {
				value, _ := example.Value.Value.(map[string]any)
				detail, _ := value["error"].(map[string]any)
				if mediaType == "application/problem+json" {
					detail = value
					if got := fmt.Sprint(value["status"]); got != name[5:] {
						t.Errorf("%s: the problem's status is %s", name, got)
					}
				}
				if detail["code"] != code {
					t.Errorf("%s, %s: the example %s has the code %v", name, mediaType, code, detail["code"])
				}
				if err := media.Schema.Value.VisitJSON(value); err != nil {
					t.Errorf("%s, %s: the example %s: %v", name, mediaType, code, err)
				}
				shown[code] = true
			}
		}
	}
	var codes []string
	for _, code := range doc.Components.Schemas["ErrorCode"].Value.Enum {
		// 405 is of methods that the document does not have, and 500 of no request.
		if code != "METHOD_NOT_ALLOWED" && code != "INTERNAL_ERROR" {
			codes = append(codes, fmt.Sprint(code))
		}
	}
	slices.Sort(codes)
	if diff := cmp.Diff(codes, slices.Sorted(maps.Keys(shown))); diff != "" {
		t.Errorf("codes with an example (-known +shown):\n%s", diff)
	}
}

func TestEveryAnswerTellsOfItsHeaders(t *testing.T) {
	for path, item := range served(t).Paths.Map() {
		for method, operation := range item.Operations() {
			for status, response := range operation.Responses.Map() {
				want := []string{"X-Trace-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "RateLimit-Policy", "RateLimit"}
				switch status {
				case "401":
					want = append(want, "WWW-Authenticate", "Retry-After")
				case "429", "503":
					want = append(want, "Retry-After")
				}
				for _, name := range want {
					if response.Value.Headers[name] == nil {
						t.Errorf("%s %s, %s: no header %s", method, path, status, name)
					}
				}
			}
		}
	}
}

func TestYAMLSaysWhatJSONSays(t *testing.T) {
	doc, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	text, err := openapi.JSON(doc)
	if err != nil {
		t.Fatal(err)
	}
	written, err := openapi.YAML(doc)
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(written, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("YAML differs from JSON (-JSON +YAML):\n%s", diff)
	}
}
