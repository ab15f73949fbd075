package v1alpha1_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/test/testenv"
)

// sample is an object as a released version stored it.
type sample struct {
	version, file string
	object        *unstructured.Unstructured
}

func samples(t *testing.T) []sample {
	t.Helper()
	files, err := filepath.Glob("testdata/v*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples (%v)", err)
	}
	var all []sample
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(raw, &o.Object); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, sample{version: filepath.Base(filepath.Dir(file)), file: file, object: o})
	}
	return all
}

func clusterScoped(kind string) bool { return kind == "OrderClass" }

// plural is how the API server names a kind's resource.
func plural(kind string) string {
	name := strings.ToLower(kind)
	if strings.HasSuffix(name, "s") {
		return name + "es"
	}
	return name + "s"
}

// store puts an object into etcd as the API server of its version did, past admission.
func store(t *testing.T, etcd *clientv3.Client, o *unstructured.Unstructured, uid int) {
	t.Helper()
	stored := o.DeepCopy()
	stored.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", uid)))
	stored.SetGeneration(1)
	stored.SetCreationTimestamp(metav1.NewTime(time.Date(2026, 3, 1, 11, 59, 59, 0, time.UTC)))
	raw, err := json.Marshal(stored)
	if err != nil {
		t.Fatal(err)
	}
	key := "/registry/" + v1alpha1.GroupVersion.Group + "/" + plural(o.GetKind()) + "/"
	if !clusterScoped(o.GetKind()) {
		key += o.GetNamespace() + "/"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := etcd.Put(ctx, key+o.GetName(), string(raw)); err != nil {
		t.Fatalf("store %s: %v", key, err)
	}
}

func TestObjectsOfReleasedVersionsLiveOn(t *testing.T) {
	env := testenv.Start(t)
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{env.ControlPlane.EtcdEndpoint()}, DialTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = etcd.Close() }()
	namespaces := map[string]string{}
	for i, s := range samples(t) {
		if namespaces[s.version] == "" {
			namespaces[s.version] = env.Namespace(t)
		}
		if !clusterScoped(s.object.GetKind()) {
			s.object.SetNamespace(namespaces[s.version])
		}
		t.Run(s.file, func(t *testing.T) {
			store(t, etcd, s.object, i+1)
			livesOn(t, env.Client, s.object)
		})
	}
}

// livesOn demands that a stored object is read whole, and may still be written:
// its metadata by people, its status by a controller that went through our types.
func livesOn(t *testing.T, c client.Client, want *unstructured.Unstructured) {
	t.Helper()
	ctx := context.Background()
	got := &unstructured.Unstructured{}
	got.SetGroupVersionKind(want.GroupVersionKind())
	if err := c.Get(ctx, client.ObjectKeyFromObject(want), got); err != nil {
		t.Fatal(err)
	}
	if lost := missing("", want.Object, got.Object); len(lost) > 0 {
		t.Errorf("the API server no longer shows %v", lost)
	}
	typed, err := c.Scheme().New(want.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	o, ok := typed.(client.Object)
	if !ok {
		t.Fatalf("%T is no object", typed)
	}
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := c.Get(ctx, client.ObjectKeyFromObject(want), o); err != nil {
			return err
		}
		o.SetLabels(map[string]string{"touched": "yes"})
		return c.Update(ctx, o)
	})
	if err != nil {
		t.Errorf("write it: %v", err)
	}
	if err := c.Status().Update(ctx, o); err != nil && !(clusterScoped(want.GetKind()) && apierrors.IsNotFound(err)) {
		t.Errorf("write its status: %v", err)
	}
	if err := c.Get(ctx, client.ObjectKeyFromObject(want), got); err != nil {
		t.Fatal(err)
	}
	unstructured.RemoveNestedField(want.Object, "metadata", "labels")
	if lost := missing("", want.Object, got.Object); len(lost) > 0 {
		t.Errorf("a write through our types loses %v", lost)
	}
}

// missing names the fields of want that got does not have, or has otherwise.
func missing(path string, want, got any) []string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := asObject(got)
		if !ok {
			return []string{path}
		}
		var lost []string
		for key, value := range w {
			lost = append(lost, missing(path+"."+key, value, g[key])...)
		}
		return lost
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return []string{path}
		}
		var lost []string
		for i := range w {
			lost = append(lost, missing(fmt.Sprintf("%s[%d]", path, i), w[i], g[i])...)
		}
		return lost
	}
	if fmt.Sprint(want) != fmt.Sprint(got) && !sameDuration(want, got) {
		return []string{path}
	}
	return nil
}

// asObject takes a text that holds an object for that object: a write through our
// types makes texts of the journal's entries.
func asObject(value any) (map[string]any, bool) {
	if text, is := value.(string); is {
		var o map[string]any
		err := json.Unmarshal([]byte(text), &o)
		return o, err == nil
	}
	o, ok := value.(map[string]any)
	return o, ok
}

// sameDuration is whether two values are the same time span: a write through our
// types turns "15m" into "15m0s".
func sameDuration(a, b any) bool {
	first, err1 := time.ParseDuration(fmt.Sprint(a))
	second, err2 := time.ParseDuration(fmt.Sprint(b))
	return err1 == nil && err2 == nil && first == second
}

// A version may only be released with samples that have every field.
func TestNewestSamplesHaveEveryField(t *testing.T) {
	newest := ""
	byKind := map[string][]map[string]any{}
	for _, s := range samples(t) {
		if s.version > newest {
			newest, byKind = s.version, map[string][]map[string]any{}
		}
		byKind[s.object.GetKind()] = append(byKind[s.object.GetKind()], s.object.Object)
	}
	for kind, root := range map[string]any{
		"Order": v1alpha1.Order{}, "OrderClass": v1alpha1.OrderClass{}, "StockReservation": v1alpha1.StockReservation{},
		"StockItem": v1alpha1.StockItem{}, "StockAdjustment": v1alpha1.StockAdjustment{}, "StockJournal": v1alpha1.StockJournal{},
	} {
		for _, path := range fieldPaths(reflect.TypeOf(root)) {
			if strings.HasPrefix(path, ".metadata") || strings.Contains(path, ".conditions.") {
				continue
			}
			if !hasPath(byKind[kind], strings.Split(path[1:], ".")) {
				t.Errorf("no sample of %s in %s has %s", kind, newest, path)
			}
		}
	}
}

// fieldPaths lists the JSON paths below a struct of ours.
func fieldPaths(t reflect.Type) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[metav1.Time]() || t == reflect.TypeFor[metav1.Duration]() {
		return []string{""}
	}
	var paths []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "" {
			name = "." + name
		}
		if name == ".metadata" || t.Field(i).Type == reflect.TypeFor[metav1.TypeMeta]() {
			continue
		}
		for _, below := range fieldPaths(t.Field(i).Type) {
			paths = append(paths, name+below)
		}
	}
	return paths
}

func hasPath(objects []map[string]any, path []string) bool {
	for _, o := range objects {
		if has(o, path) {
			return true
		}
	}
	return false
}

func has(value any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	switch v := value.(type) {
	case map[string]any:
		below, there := v[path[0]]
		return there && has(below, path[1:])
	case []any:
		for _, item := range v {
			if has(item, path) {
				return true
			}
		}
	}
	return false
}
