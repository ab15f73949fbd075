package cachedclient_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/config"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/test/testenv"
)

// field is a scalar of a kind: its path, with [] behind a list, and its schema.
type field struct {
	path   string
	schema *apiextensionsv1.JSONSchemaProps
}

func scalars(s *apiextensionsv1.JSONSchemaProps, path string) (all []field) {
	switch {
	case s.Type == "object" && len(s.Properties) > 0:
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			p := s.Properties[name]
			all = append(all, scalars(&p, strings.TrimPrefix(path+"."+name, "."))...)
		}
		return all
	case s.Type == "array":
		return scalars(s.Items.Schema, path+"[]")
	}
	return []field{{path, s}}
}

// crd is a kind as the API server is told of it. Of its metadata the schema says nothing: that is ours.
type crd struct {
	apiextensionsv1.CustomResourceDefinition
	schema *apiextensionsv1.JSONSchemaProps
}

func crds(t *testing.T) map[string]crd {
	t.Helper()
	files, err := config.CRDs.ReadDir("crd/bases")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]crd{}
	for _, file := range files {
		text, err := config.CRDs.ReadFile("crd/bases/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		var c crd
		if err := yaml.UnmarshalStrict(text, &c.CustomResourceDefinition); err != nil {
			t.Fatal(err)
		}
		c.schema = c.Spec.Versions[0].Schema.OpenAPIV3Schema
		for _, name := range []string{"apiVersion", "kind"} {
			delete(c.schema.Properties, name)
		}
		c.schema.Properties["metadata"] = metadata()
		all[c.Spec.Names.Kind] = c
	}
	return all
}

func metadata() apiextensionsv1.JSONSchemaProps {
	type props = apiextensionsv1.JSONSchemaProps
	object := func(required []string, fields map[string]props) props {
		return props{Type: "object", Required: required, Properties: fields}
	}
	list := func(of props) props {
		return props{Type: "array", Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &of}}
	}
	text, time, number, boolean := props{Type: "string"}, props{Type: "string", Format: "date-time"}, props{Type: "integer"}, props{Type: "boolean"}
	return object(nil, map[string]props{
		"labels": object(nil, map[string]props{"a": text}), "annotations": object(nil, map[string]props{"a": text}), "finalizers": list(text),
		"generateName": text, "selfLink": text, "uid": text, "resourceVersion": text, "generation": number, "deletionGracePeriodSeconds": number,
		"creationTimestamp": time, "deletionTimestamp": time,
		"ownerReferences": list(object([]string{"apiVersion", "kind", "name", "uid"}, map[string]props{
			"apiVersion": text, "kind": text, "name": text, "uid": text, "controller": boolean, "blockOwnerDeletion": boolean,
		})),
		"managedFields": list(object([]string{"manager", "operation", "apiVersion"}, map[string]props{
			"manager": text, "operation": text, "apiVersion": text, "fieldsType": text, "subresource": text, "time": time,
		})),
	})
}

// goFields are the paths of the scalars of a Go type.
func goFields(t reflect.Type, path string) (all []string) {
	switch t {
	case reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.Duration](), reflect.TypeFor[v1alpha1.JournalEntry]():
		return []string{path}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return goFields(t.Elem(), path)
	case reflect.Slice:
		return goFields(t.Elem(), path+"[]")
	case reflect.Struct:
		for i := range t.NumField() {
			name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if name == "" && strings.Contains(options, "inline") {
				all = append(all, goFields(t.Field(i).Type, path)...)
			} else {
				all = append(all, goFields(t.Field(i).Type, path+"."+name)...)
			}
		}
		return all
	}
	return []string{path}
}

var kindsOfOurs = map[string]client.Object{
	"Order": &v1alpha1.Order{}, "OrderClass": &v1alpha1.OrderClass{}, "StockReservation": &v1alpha1.StockReservation{},
	"StockItem": &v1alpha1.StockItem{}, "StockAdjustment": &v1alpha1.StockAdjustment{}, "StockJournal": &v1alpha1.StockJournal{},
}

// The schema has every field of a Go type, and no other.
func TestSchemaAndGoTypesHaveTheSameFields(t *testing.T) {
	for kind, c := range crds(t) {
		var schema, types []string
		for _, part := range []string{"spec", "status"} {
			if p, ok := c.schema.Properties[part]; ok {
				for _, f := range scalars(&p, part) {
					schema = append(schema, f.path)
				}
			}
			if f, ok := reflect.TypeOf(kindsOfOurs[kind]).Elem().FieldByName(strings.ToUpper(part[:1]) + part[1:]); ok {
				types = append(types, goFields(f.Type, part)...)
			}
		}
		slices.Sort(schema)
		slices.Sort(types)
		if !slices.Equal(schema, types) {
			t.Errorf("%s: the schema has %q\nthe Go type has %q", kind, schema, types)
		}
	}
}

// tally is what came of all that was tried.
type tally struct{ fields, values, stored, refused, differences atomic.Int64 }

// trial writes the fields of one kind, one value after the other.
type trial struct {
	*testing.T
	kind   string
	crd    crd
	http   *http.Client
	url    string // of the kind's objects
	made   int
	tally  *tally
	oneOf  int
	stored map[string]int // by field: how many values that say something
}

// What the API server stores, the caches can decode, and so can encoding/json: for every scalar
// of every kind, values that a fuzzer would make which knows the schema. A quarter of them, other
// ones for each field.
func TestWhatTheAPIServerStoresCanBeDecoded(t *testing.T) { tryValues(t, 4) }

// The same with all of the values.
func TestSoakWhatTheAPIServerStoresCanBeDecoded(t *testing.T) {
	if os.Getenv("ORDERPLANE_SOAK") == "" {
		t.Skip("set ORDERPLANE_SOAK, to 30m for example")
	}
	tryValues(t, 1)
}

// tryValues tries one value of so many in every field.
func tryValues(t *testing.T, oneOf int) {
	t.Helper()
	env := testenv.Start(t)
	shared, err := rest.HTTPClientFor(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	sum := &tally{}
	all := crds(t)
	t.Run("kinds", func(t *testing.T) {
		for kind, c := range all {
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				url := env.Config.Host + "/apis/" + v1alpha1.GroupVersion.String()
				if c.Spec.Scope == apiextensionsv1.NamespaceScoped {
					url += "/namespaces/" + env.Namespace(t)
				}
				tr := &trial{T: t, kind: kind, crd: c, http: shared, url: url + "/" + c.Spec.Names.Plural, tally: sum, oneOf: oneOf, stored: map[string]int{}}
				tr.run()
			})
		}
	})
	t.Logf("%d kinds, %d fields, %d values: %d stored, %d refused, %d differences", len(all), sum.fields.Load(), sum.values.Load(), sum.stored.Load(), sum.refused.Load(), sum.differences.Load())
}

func (t *trial) run() {
	fields := scalars(t.crd.schema, "")
	t.tally.fields.Add(int64(len(fields)))
	for _, s := range scenes {
		if s.kind != t.kind {
			continue
		}
		var old []byte
		for at, f := range fields {
			if !s.tries(f.path) {
				continue
			}
			for n, value := range values(f) {
				if t.stored[f.path] > 0 && (n+at)%t.oneOf != 0 {
					continue
				}
				old = t.try(s, f, json.RawMessage(value), old)
			}
		}
	}
	for _, f := range fields {
		if !strings.HasPrefix(f.path, "metadata.") && t.stored[f.path] == 0 {
			t.Errorf("%s: no value was stored, so that nothing is shown; give it a scene or a hint", f.path)
		}
	}
}

// try writes a value into a field. old is an object to change, nil when a new one is needed; it
// returns what the next value may change.
func (t *trial) try(s scene, f field, value json.RawMessage, old []byte) []byte {
	t.Helper()
	t.tally.values.Add(1)
	o := t.newObject(s)
	method, url := http.MethodPost, t.url
	if s.what != created {
		if old == nil {
			old = t.prepared(s)
		}
		o = tree{}
		t.must(json.Unmarshal(old, &o))
		method, url = http.MethodPut, t.url+"/"+nameOf(old)
	}
	if s.what == answered {
		url += "/status"
		o["status"] = tree{} // nothing of the last value
	}
	if s.with != nil {
		maps.Copy(o["spec"].(tree), s.with)
	}
	set(o, t.crd.schema, strings.Split(f.path, "."), value)
	code, answer := t.ask(method, url, o) // the answer is what was stored
	if code >= http.StatusMultipleChoices {
		t.tally.refused.Add(1)
		return old
	}
	t.tally.stored.Add(1)
	if string(value) != "null" {
		t.stored[f.path]++
	}
	t.compare(f, value, answer)
	if s.what == answered {
		return answer
	}
	return nil
}

// compare decodes what is stored, both ways.
func (t *trial) compare(f field, value json.RawMessage, text []byte) {
	t.Helper()
	kind := reflect.TypeOf(kindsOfOurs[t.kind]).Elem()
	ours, theirs := reflect.New(kind).Interface().(client.Object), reflect.New(kind).Interface().(client.Object)
	err, theirErr := cachedclient.DecodeStored(text, ours), json.Unmarshal(text, theirs)
	theirs.SetManagedFields(nil)
	theirs.GetObjectKind().SetGroupVersionKind(ours.GetObjectKind().GroupVersionKind())
	if err != nil || theirErr != nil || !reflect.DeepEqual(ours, theirs) {
		t.tally.differences.Add(1)
		shown := string(value)
		if len(shown) > 300 {
			shown = shown[:300]
		}
		t.Errorf("%s: %s is stored; the caches: %v; encoding/json: %v", f.path, shown, err, theirErr)
	}
}

// newObject is the least that makes an object of the kind.
func (t *trial) newObject(s scene) tree {
	t.made++
	name := fmt.Sprintf("v-%d", t.made)
	if t.kind == "StockJournal" {
		name = v1alpha1.StockJournalName
	}
	o := tree{"apiVersion": v1alpha1.GroupVersion.String(), "kind": t.kind, "metadata": tree{"name": name}}
	if p, ok := t.crd.schema.Properties["spec"]; ok {
		spec := least(&p, "spec").(tree)
		maps.Copy(spec, s.spec)
		o["spec"] = spec
	}
	return o
}

// prepared is a stored object on which a scene's change is allowed.
func (t *trial) prepared(s scene) []byte {
	t.Helper()
	text := t.store(http.MethodPost, t.url, t.newObject(s))
	put := func(subresource string, change func(tree)) {
		o := tree{}
		t.must(json.Unmarshal(text, &o))
		change(o)
		text = t.store(http.MethodPut, t.url+"/"+nameOf(text)+subresource, o)
	}
	if s.what == "decision" {
		put("/status", func(o tree) { o["status"] = tree{"phase": "Fulfilled"} })
		put("", func(o tree) {
			set(o, t.crd.schema, []string{"spec", "return", "reason"}, json.RawMessage(`"too small"`))
		})
	}
	if s.status != nil {
		put("/status", func(o tree) { o["status"] = s.status })
	}
	return text
}

func (t *trial) store(method, url string, o tree) []byte {
	t.Helper()
	code, answer := t.ask(method, url, o)
	if code >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: %d %s", method, url, code, answer)
	}
	return answer
}

func (t *trial) ask(method, url string, o tree) (code int, answer []byte) {
	t.Helper()
	var body bytes.Buffer
	if o != nil {
		t.must(json.NewEncoder(&body).Encode(o))
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, &body)
	t.must(err)
	r.Header.Set("Content-Type", "application/json")
	response, err := t.http.Do(r)
	t.must(err)
	defer response.Body.Close() //nolint:errcheck // it was only read
	answer, err = io.ReadAll(response.Body)
	t.must(err)
	return response.StatusCode, answer
}

func (t *trial) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func nameOf(text []byte) string {
	var o metav1.PartialObjectMetadata
	_ = json.Unmarshal(text, &o) // of metadata that is no metadata nothing is found
	return o.Name
}
