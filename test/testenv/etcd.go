package testenv

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// etcdWithin bounds what is done to etcd.
const etcdWithin = 10 * time.Second

// Tamper changes an object where it is stored, in etcd, past the API server and all that
// it checks. The object's text is decoded into fields and encoded again.
func (e *Env) Tamper(t TB, o client.Object, change func(fields map[string]any)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), etcdWithin)
	defer cancel()
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{e.ControlPlane.EtcdEndpoint()}, DialTimeout: etcdWithin})
	if err != nil {
		t.Fatalf("connect to etcd: %v", err)
	}
	defer func() { _ = etcd.Close() }()
	key := e.storedUnder(t, o)
	found, err := etcd.Get(ctx, key)
	if err != nil || len(found.Kvs) != 1 {
		t.Fatalf("read %s from etcd: %v, %v", key, found, err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(found.Kvs[0].Value); err != nil {
		t.Fatalf("decode %s: %v", key, err)
	}
	change(u.Object)
	text, err := json.Marshal(u.Object)
	if err != nil {
		t.Fatalf("encode %s: %v", key, err)
	}
	if _, err := etcd.Put(ctx, key, string(text)); err != nil {
		t.Fatalf("write %s into etcd: %v", key, err)
	}
}

// storedUnder is the key of an object in etcd.
func (e *Env) storedUnder(t TB, o client.Object) string {
	t.Helper()
	gvk, err := e.Client.GroupVersionKindFor(o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	mapping, err := e.Client.RESTMapper().RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		t.Fatalf("%v", err)
	}
	steps := []string{"/registry", v1alpha1.GroupVersion.Group, mapping.Resource.Resource}
	if o.GetNamespace() != "" {
		steps = append(steps, o.GetNamespace())
	}
	return strings.Join(append(steps, o.GetName()), "/")
}
