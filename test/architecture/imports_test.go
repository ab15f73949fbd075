package architecture_test

import (
	"fmt"
	"go/parser"
	"slices"
	"strings"
	"testing"
)

// room is a folder of packages with one rule about Orderplane's own imports. What
// stands in the same room may be imported always.
type room struct {
	// folder with all beneath it; "*" at its end makes each folder there a room of its own.
	folder string
	// may are the folders that its packages import, each with all beneath it.
	may []string
	// never are folders that may would let in.
	never []string
}

// rooms of docs/design/0010-rooms.md. The most exact one that holds a package is
// its room; a package without one has no business here.
var rooms = []room{
	{folder: "api/*"},
	{folder: "config"},

	{folder: "internal/domain", may: []string{"api"}},
	// Orders read what was decided, not how; and the journal knows no ledger.
	{folder: "internal/domain/order", may: []string{"api", "internal/domain"}, never: []string{"internal/domain/stock"}},
	{folder: "internal/domain/journal", may: []string{"api", "internal/domain"}, never: []string{"internal/domain/stock", "internal/domain/order"}},
	{folder: "internal/kube", may: []string{"api"}},
	{folder: "internal/strictjson"},
	{folder: "internal/probe"},
	{folder: "internal/token", may: []string{"internal/domain/ids", "internal/strictjson"}},
	{folder: "internal/postgres", may: []string{"api", "internal/domain"}},
	{folder: "internal/kafka", may: []string{"internal/domain/event"}},
	{folder: "internal/redis"},
	{folder: "internal/devservices", may: []string{"internal/devcluster"}},
	{folder: "internal/devcluster", may: []string{"config", "internal"}},
	{folder: "internal/local", may: []string{"config", "internal"}},

	{folder: "controllers/order", may: []string{"api", "internal/domain", "internal/kube"}, never: []string{"internal/domain/stock"}},
	{folder: "controllers/stock", may: []string{"api", "internal/domain", "internal/kube"}, never: []string{"internal/domain/order"}},
	// The layers of the stock controller. Each imports only what stands above it
	// here, and none imports the loop, which is controllers/stock itself.
	layer("pacing"),
	layer("store"),
	layer("leader", "store"),
	layer("decide", "store"),
	layer("effects", "pacing", "store"),
	layer("publish", "decide", "effects", "pacing", "store"),
	layer("apply", "decide", "effects", "publish", "store"),
	// A new layer has to say above what it stands.
	{folder: "controllers/stock/internal/*"},

	{folder: "webhooks", may: []string{"api", "config", "internal/domain", "internal/kube"}},
	{folder: "adapters/*", may: []string{"api", "internal/domain", "internal/kube", "internal/kafka", "internal/postgres", "internal/redis", "internal/strictjson", "internal/token"}},

	{folder: "internal/release"},

	// What makes a release.
	{folder: "hack/release", may: []string{"internal/release"}},
	// What generates: it reads the API types.
	{folder: "hack/*", may: []string{"api"}},

	{folder: "cmd", may: []string{"adapters", "api", "config", "controllers", "internal", "webhooks"}},
	{folder: "test", may: []string{"adapters", "api", "config", "controllers", "internal", "webhooks"}},
}

// layer is a package under controllers/stock/internal and the ones it stands on.
func layer(name string, on ...string) room {
	const layers = "controllers/stock/internal/"
	r := room{
		folder: layers + name,
		may:    []string{"api", "internal/domain", "internal/kube"},
		never:  []string{"internal/domain/order"},
	}
	for _, l := range on {
		r.may = append(r.may, layers+l)
	}
	return r
}

// testOnly are folders of code that only tests and other such folders import.
var testOnly = []string{"test", "internal/domain/stock/stocktest", "internal/domain/mirror/explore"}

// roomOf gives the room that a folder is in, with "*" replaced by the folder's own name.
func roomOf(folder string) (room, bool) {
	var best room
	for _, r := range rooms {
		if parent, ok := strings.CutSuffix(r.folder, "/*"); ok {
			rest, within := strings.CutPrefix(folder, parent+"/")
			if !within {
				continue
			}
			own, _, _ := strings.Cut(rest, "/")
			r.folder = parent + "/" + own
		}
		if under(folder, r.folder) && len(r.folder) > len(best.folder) {
			best = r
		}
	}
	return best, best.folder != ""
}

// refusal says why a package may not import another; empty when it may.
func refusal(from, to string) string {
	within := func(dirs []string, folder string) bool {
		return slices.ContainsFunc(dirs, func(dir string) bool { return under(folder, dir) })
	}
	if within(testOnly, to) && !within(testOnly, from) {
		return "only tests import it"
	}
	r, ok := roomOf(from)
	switch {
	case !ok:
		return "its folder is in no room: add it to the rooms here and to docs/design/0010-rooms.md"
	case within(r.never, to):
		return fmt.Sprintf("%s never imports %s", r.folder, strings.Join(r.never, ", "))
	case within([]string{r.folder}, to), within(r.may, to):
		return ""
	case len(r.may) == 0:
		return fmt.Sprintf("%s imports nothing else of Orderplane's", r.folder)
	default:
		return fmt.Sprintf("%s imports only %s", r.folder, strings.Join(r.may, ", "))
	}
}

func TestEveryImportKeepsToTheRooms(t *testing.T) {
	found := readTree(t, parser.ImportsOnly)
	for _, from := range found.folders() {
		if _, ok := roomOf(from); !ok {
			t.Errorf("%s is in no room: add it to the rooms here and to docs/design/0010-rooms.md", from)
		}
		for _, to := range found[from].imports {
			if why := refusal(from, to); why != "" {
				t.Errorf("%s imports %s: %s", from, to, why)
			}
		}
	}
}

// The rules themselves are held to arrows that must never be there.
func TestRoomsRefuse(t *testing.T) {
	for _, arrow := range []struct{ from, to string }{
		{"api/v1alpha1", "internal/domain/money"},
		{"api/v1alpha1", "api/openapi"},
		{"internal/domain/order", "internal/domain/stock"},
		{"internal/domain/order", "internal/kube/cachedclient"},
		{"internal/domain/journal", "internal/domain/stock"},
		{"internal/domain/stock", "controllers/stock"},
		{"internal/domain/stock", "internal/domain/stock/stocktest"},
		{"internal/kube/cachedclient", "internal/domain/order"},
		{"internal/token", "api/v1alpha1"},
		{"internal/token", "internal/domain/order"},
		{"internal/strictjson", "internal/domain/ids"},
		{"internal/local", "controllers/order"},
		{"controllers/order", "controllers/stock"},
		{"controllers/order", "internal/domain/stock"},
		{"controllers/order", "webhooks"},
		{"controllers/order", "adapters/rest"},
		{"controllers/stock", "controllers/order"},
		{"controllers/stock", "internal/domain/order"},
		{"controllers/stock/internal/store", "controllers/stock"},
		{"controllers/stock/internal/store", "controllers/stock/internal/pacing"},
		{"controllers/stock/internal/leader", "controllers/stock/internal/effects"},
		{"controllers/stock/internal/decide", "controllers/stock/internal/publish"},
		{"controllers/stock/internal/effects", "controllers/stock/internal/publish"},
		{"controllers/stock/internal/publish", "controllers/stock/internal/apply"},
		{"controllers/stock/internal/new", "controllers/stock/internal/store"},
		{"webhooks", "controllers/order"},
		{"webhooks", "adapters/rest"},
		{"adapters/rest", "adapters/mirror"},
		{"adapters/mirror/wire", "adapters/rest/wire"},
		{"adapters/mirror", "controllers/stock"},
		{"adapters/mirror", "webhooks"},
		{"cmd/orderplane", "test/testenv"},
		{"internal/devcluster", "test/testenv"},
		{"plugin", "api/v1alpha1"},
	} {
		if refusal(arrow.from, arrow.to) == "" {
			t.Errorf("%s may import %s", arrow.from, arrow.to)
		}
	}
	for _, arrow := range []struct{ from, to string }{
		{"adapters/mirror", "adapters/mirror/wire"},
		{"adapters/mirror/wire", "adapters/mirror/table"},
		{"controllers/stock", "controllers/stock/internal/store"},
		{"internal/domain/order", "internal/domain/journal"},
		{"test/flows", "test/testenv"},
		{"cmd/orderplane", "controllers/stock"},
	} {
		if why := refusal(arrow.from, arrow.to); why != "" {
			t.Errorf("%s may not import %s: %s", arrow.from, arrow.to, why)
		}
	}
}
