package orders_test

import (
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/domain/mirror/explore"
)

// configs are the worlds that are explored, each whole.
var configs = []config{
	{name: "life", mirrors: 2, gates: 1, sweep: true, b: budget{create: 1, ret: 2, reject: 1, cancel: 1, del: 1}},
	{name: "life, database from a backup", mirrors: 1, gates: 1, sweep: true, b: budget{create: 1, ret: 2, reject: 1, del: 1, backup: 1, restore: 1}},
	{name: "life, two mirrors, from a backup", mirrors: 2, gates: 1, b: budget{create: 1, ret: 1, reject: 1, del: 1, backup: 1, restore: 1}},
	{name: "archive and return", mirrors: 1, gates: 1, due: true, sweep: true, b: budget{create: 1, ret: 2, reject: 1, backup: 2}},
	{name: "archive, two mirrors", mirrors: 2, gates: 1, due: true, b: budget{create: 1, ret: 2, reject: 1, backup: 1}},
	{name: "archive, two gateways", mirrors: 1, gates: 2, due: true, b: budget{create: 2, away: 1, ret: 2, reject: 1, backup: 2}},
	{name: "repeats", mirrors: 1, gates: 2, due: true, b: budget{create: 3, away: 2, ret: 1, backup: 1}},
	{name: "repeats, two mirrors, from a backup", mirrors: 2, gates: 1, first: deletedSinceTheBackup, b: budget{create: 2, away: 2, ret: 1, restore: 1}},
	{name: "archive and delete", mirrors: 1, gates: 1, due: true, sweep: true, b: budget{create: 1, ret: 1, del: 1, backup: 1}},
	{name: "archive, database from a backup", mirrors: 1, gates: 1, due: true, b: budget{create: 2, away: 1, ret: 1, backup: 2, restore: 1}},
	{name: "set back, noticed late", mirrors: 1, gates: 1, b: budget{create: 1, ret: 1, del: 1, backup: 1, restore: 1}, late: true},
	{name: "forced away", mirrors: 1, gates: 1, sweep: true, ends: true, b: budget{create: 2, away: 1, force: 1}},
	{name: "forced away, two mirrors", mirrors: 2, gates: 1, ends: true, b: budget{create: 1, ret: 1, force: 1}},
	{name: "ends", mirrors: 2, gates: 1, ends: true, b: budget{create: 1, ret: 1, del: 1}},
	{name: "ends of archived orders", mirrors: 1, gates: 1, due: true, sweep: true, ends: true, b: budget{create: 2, away: 1, ret: 1, backup: 1}},
	{name: "named by people", mirrors: 1, gates: 0, named: true, due: true, b: budget{create: 2, del: 1, force: 1, backup: 1}},
	{name: "named by people, swept", mirrors: 1, gates: 0, named: true, sweep: true, b: budget{create: 2, force: 1}},
	{name: "adopted", mirrors: 1, gates: 0, named: true, bare: true, due: true, b: budget{create: 2, del: 1, backup: 1}},
	{name: "adopted, two mirrors", mirrors: 2, gates: 0, named: true, bare: true, b: budget{create: 1, ret: 1, del: 1}},
	{name: "finalizers taken off by hand", mirrors: 1, gates: 1, due: true, b: budget{create: 1, ret: 1, backup: 1, strip: 1, del: 1}},
	{name: "database lost, topics lost", mirrors: 2, gates: 1, b: budget{create: 1, ret: 1, reject: 1, lost: 1, topics: 1}},
}

// mutants are rules that are removed, each in a world that has to find out.
var mutants = []struct {
	name, config string
	without      removed
}{
	{"events of the newest entry only", "life", removed{newestOnly: true}},
	{"rows not guarded by seq", "life", removed{noGuard: true}},
	{"row and events in two transactions", "life", removed{twoTx: true}},
	{"events rendered from the newest status", "life", removed{lateRender: true}},
	{"memory kept over a reconnect", "life, database from a backup", removed{keepMemory: true}},
	{"no finalizer of the mirror's", "life", removed{noFinalizer: true}},
	{"the mirror lets go before the controller", "life", removed{mirrorFirst: true}},
	{"let go before the version is in the row", "set back, noticed late", removed{uncommitted: true}},
	{"finalizers taken off without version", "archive and delete", removed{dropUnfenced: true}},
	{"archived before it is mirrored", "archive and return", removed{unmirrored: true}},
	{"deleted before the finalizers are off", "archive and return", removed{deleteFirst: true}},
	{"deleted by uid only", "archive and return", removed{deleteUnfenced: true}},
	{"finalizers not put back", "archive and delete", removed{noReFin: true}},
	{"archived before it is in a backup", "archive, database from a backup", removed{noBackup: true}},
	{"deleted before the row says archived", "archive and return", removed{unmarked: true}},
	{"archived while somebody creates", "repeats", removed{shortDelay: true}},
	{"the gateway does not ask", "repeats", removed{noAsk: true}},
	{"the mirror does not refuse repeats", "repeats", removed{noRefuse: true}},
	{"unasked orders are shipped", "repeats", removed{noMark: true}},
	{"people's orders are not marked", "named by people", removed{noMark: true}},
	{"a refusal without version", "repeats, two mirrors, from a backup", removed{refuseUnfenced: true}},
	{"rows swept by a cache", "life", removed{sweepCache: true}},
	{"rows swept by an earlier list", "life", removed{sweepOrder: true}},
	{"rows swept that have changed", "named by people, swept", removed{sweepUnguarded: true}},
	{"what a sweep misses is archived", "life, database from a backup", removed{sweepArchives: true}},
	{"an end makes the row live", "ends of archived orders", removed{endIsLive: true}},
	{"an end counts whatever the row has", "ends", removed{endUnguarded: true}},
	{"an end makes an archived row gone", "ends of archived orders", removed{endUnarchives: true}},
	{"a leaving order is adopted", "archive and return", removed{adoptLeaving: true}},
	{"orders are never adopted", "adopted", removed{noAdopt: true}},
	{"a rebuild tells all", "database lost, topics lost", removed{rebuildAll: true}},
	{"a rebuild tells nothing", "database lost, topics lost", removed{rebuildNone: true}},
	{"events forgotten once published", "database lost, topics lost", removed{trimmed: true}},
}

// deletedSinceTheBackup is a world in which there was an order that somebody deleted, and a
// backup of before that order.
func deletedSinceTheBackup(s *state) {
	s.UIDs, s.Text[0], s.Len[0] = 1, [mostText]uint8{created, cancelled}, 2
	s.DB = database{UID: 1, RV: 1, Seq: 2, St: gone, Ins: [identities]uint8{2}, Rel: [identities]uint8{2}}
	s.Pub[0], s.Told, s.PDel, s.HasBackup = 2, bit(1), bit(1), 1
}

const limit = 8_000_000

func exploreWorld(c config, without removed) explore.Result {
	w, first := &world{config: c, without: without}, state{B: c.b}
	if c.first != nil {
		c.first(&first)
	}
	return explore.Explore(explore.Model[state]{
		First:  first,
		Next:   w.next,
		Broken: func(s *state) string { return problems[s.Bad] },
		Rest:   w.rest,
	}, limit)
}

func TestTheRulesHold(t *testing.T) {
	for _, c := range configs {
		t.Run(c.name, func(t *testing.T) {
			got := exploreWorld(c, removed{})
			t.Logf("%d states", got.States)
			if got.Problem != "" || got.Incomplete {
				t.Errorf("%s (incomplete: %t) after\n  %s", got.Problem, got.Incomplete, strings.Join(got.Trace, "\n  "))
			}
		})
	}
}

// A rule that can be removed unnoticed is none, or the model does not look.
func TestEveryRuleIsNeeded(t *testing.T) {
	byName := map[string]config{}
	for _, c := range configs {
		byName[c.name] = c
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			c, known := byName[m.config]
			if !known {
				t.Fatalf("no world is called %q", m.config)
			}
			got := exploreWorld(c, m.without)
			if got.Problem == "" {
				t.Errorf("%d states, and nothing is wrong (incomplete: %t)", got.States, got.Incomplete)
			}
			t.Logf("%d states: %s after\n  %s", got.States, got.Problem, strings.Join(got.Trace, "\n  "))
		})
	}
}
