package events_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/orderplane/orderplane/adapters/rest/internal/events"
	"github.com/orderplane/orderplane/api/v1alpha1"
)

func named(name, version string) *v1alpha1.Order {
	return &v1alpha1.Order{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: version}}
}

func TestAWatchSeesTheNewestVersionOfItsObject(t *testing.T) {
	t.Parallel()
	hub := events.NewHub()
	watch, other := hub.Watch("a"), hub.Watch("b")
	informer := hub.Handler()
	informer.OnAdd(named("a", "1"), true)
	informer.OnUpdate(named("a", "1"), named("a", "2"))
	<-watch.Changed() // one for both
	select {
	case <-watch.Changed():
		t.Error("it has two changes to look at")
	case <-other.Changed():
		t.Error("another object's watch was told")
	default:
	}
	if seen := watch.Newest(); seen.Gone || seen.Object.GetResourceVersion() != "2" {
		t.Errorf("newest: %+v", seen)
	}
	informer.OnDelete(toolscache.DeletedFinalStateUnknown{Key: "x/a", Obj: named("a", "3")})
	<-watch.Changed()
	if seen := watch.Newest(); !seen.Gone || seen.Object.GetResourceVersion() != "3" {
		t.Errorf("newest: %+v", seen)
	}
	if seen := other.Newest(); seen.Object != nil {
		t.Errorf("newest of another: %+v", seen)
	}
}

func TestAWatchThatIsClosedLeavesNothing(t *testing.T) {
	t.Parallel()
	hub := events.NewHub()
	first, second := hub.Watch("a"), hub.Watch("a")
	first.Close()
	first.Close()
	hub.Handler().OnAdd(named("a", "1"), true)
	<-second.Changed()
	second.Close()
	if got := hub.Watched(); got != 0 {
		t.Errorf("%d objects are watched", got)
	}
}
