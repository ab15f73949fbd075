package rest

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/adapters/rest/internal/listing"
	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestNewestFirst(t *testing.T) {
	second := time.Date(2026, 11, 27, 4, 0, 0, 0, time.UTC)
	order := func(name string, created time.Time, moment string) *v1alpha1.Order {
		o := &v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(created)}}
		if moment != "" {
			o.Annotations = map[string]string{v1alpha1.CreatedAnnotation: moment}
		}
		return o
	}
	want := []*v1alpha1.Order{
		order("h", second.Add(time.Second), ""), // made by hand: where in its second is not known
		order("a", second, "2026-11-27T04:00:00.2Z"),
		order("z", second, "2026-11-27T04:00:00.1000001Z"),
		order("b", second, "2026-11-27T04:00:00.10Z"),
		order("o-3", second, ""),
		order("o-2", second, "nonsense"),
		order("o-1", second, ""),
		order("y", second.Add(-time.Second), "2026-11-27T05:00:00Z"), // its clock is wrong; the API server's counts
	}
	names := func(orders []*v1alpha1.Order) (names []string) {
		for _, o := range orders {
			names = append(names, o.Name)
		}
		return names
	}
	for seed := range uint64(20) {
		got := slices.Clone(want)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		slices.SortFunc(got, func(a, b *v1alpha1.Order) int {
			return listing.Compare(listing.PlaceAt(v1alpha1.ListedAt(a), a.Name), listing.PlaceAt(v1alpha1.ListedAt(b), b.Name))
		})
		if diff := cmp.Diff(names(want), names(got)); diff != "" {
			t.Fatal(diff)
		}
	}
}
