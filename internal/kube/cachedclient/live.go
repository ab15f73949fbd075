package cachedclient

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Live is a reader that asks the API server. An object that it gets and can't decode it sets
// aside, as a cache of a Source does. Its lists are the reader's own.
func Live(r client.Reader) client.Reader { return &live{Reader: r, decoding: decoding()} }

type live struct {
	client.Reader
	decoding json.Options
}

// Get reads an object. What the API server has answered and can't be decoded is read once
// more, without its type.
func (l *live) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	err := l.Reader.Get(ctx, key, o, opts...)
	kind, ours := kindFor(o)
	if answer := apierrors.APIStatus(nil); err == nil || !ours || errors.As(err, &answer) || ctx.Err() != nil {
		return err
	}
	untyped := &unstructured.Unstructured{}
	untyped.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind.name))
	if l.Reader.Get(ctx, key, untyped, opts...) != nil {
		return err
	}
	text, notText := untyped.MarshalJSON()
	if notText != nil || kind.decode(text, o, l.decoding) != nil {
		return err
	}
	return refuse(o)
}
