package guard_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/mirrordb"
)

// says holds a refusal to words of it; none at all when there are no words.
func says(t *testing.T, err error, words ...string) {
	t.Helper()
	if len(words) == 0 {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	var refusal *guard.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a refusal", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
}

func TestADatabaseBelongsToOneNamespaceOfOneCluster(t *testing.T) {
	here := guard.Cluster{Namespace: "shop", NamespaceUID: "u1", ResourceVersion: 100}
	owner := func(edit func(*mirrordb.Owner)) *mirrordb.Owner {
		o := &mirrordb.Owner{Namespace: "shop", NamespaceUID: "u1", ResourceVersion: 90}
		edit(o)
		return o
	}
	tests := map[string]struct {
		owner  *mirrordb.Owner
		newest int64
		accept guard.Accept
		want   []string
	}{
		"nobody's":               {owner: nil},
		"ours":                   {owner: owner(func(*mirrordb.Owner) {})},
		"of this very version":   {owner: owner(func(o *mirrordb.Owner) { o.ResourceVersion = 100 }), newest: 100},
		"of another namespace":   {owner: owner(func(o *mirrordb.Owner) { o.Namespace = "other" }), want: []string{"namespace other", "DB_URL_ORDERS"}},
		"that nobody can accept": {owner: owner(func(o *mirrordb.Owner) { o.Namespace = "other" }), accept: guard.Accept{Cluster: true}, want: []string{"namespace other"}},
		"of a namespace before this one": {
			owner: owner(func(o *mirrordb.Owner) { o.NamespaceUID = "u0" }), want: []string{"uid u0", "--accept-cluster"},
		},
		"which was accepted":                  {owner: owner(func(o *mirrordb.Owner) { o.NamespaceUID = "u0" }), accept: guard.Accept{Cluster: true}},
		"whose cluster has gone back":         {owner: owner(func(o *mirrordb.Owner) { o.ResourceVersion = 101 }), want: []string{"gone back", "100", "101", "--accept-cluster"}},
		"with an order newer than its owner":  {owner: owner(func(*mirrordb.Owner) {}), newest: 101, want: []string{"gone back", "101"}},
		"whose cluster was accepted":          {owner: owner(func(o *mirrordb.Owner) { o.ResourceVersion = 101 }), accept: guard.Accept{Cluster: true}},
		"that other topics say nothing about": {owner: owner(func(*mirrordb.Owner) {}), accept: guard.Accept{Topics: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			says(t, here.Database(guard.Database{Name: postgres.Orders, Owner: tt.owner, Newest: tt.newest}, tt.accept), tt.want...)
		})
	}
}

func TestEmptyDatabasesBesideTopicsThatAreNot(t *testing.T) {
	orders := guard.Database{Name: postgres.Orders, Empty: true}
	stock := guard.Database{Name: postgres.Inventory, Empty: true}
	filled := guard.Database{Name: postgres.Orders}
	ends := func(name string, end int64) map[string]mirrordb.Topic {
		return map[string]mirrordb.Topic{name: {Name: name, ID: "1", End: end}}
	}
	tests := map[string]struct {
		databases []guard.Database
		ends      map[string]mirrordb.Topic
		want      []string
	}{
		"nothing anywhere":                   {[]guard.Database{orders, stock}, nil, nil},
		"topics that are empty, too":         {[]guard.Database{orders, stock}, ends("order.created", 0), nil},
		"a database that is filled":          {[]guard.Database{filled}, ends("order.created", 9), nil},
		"orders lost":                        {[]guard.Database{orders, stock}, ends("order.confirmed", 9), []string{"ops_orders is empty", "order.confirmed", "9 records", "restore its backup", "backup"}},
		"stock lost":                         {[]guard.Database{filled, stock}, ends("inventory.updated", 5), []string{"ops_inventory is empty", "restore its backup"}},
		"stock told does not concern orders": {[]guard.Database{orders}, ends("inventory.updated", 5), nil},
		"cancels that others asked for":      {[]guard.Database{orders}, ends("order.cancel.requested", 5), nil},
		"mails are no event of an order":     {[]guard.Database{orders}, ends("notif.sent", 5), nil},
		"nor are dead letters":               {[]guard.Database{orders}, ends("order.created.DLT", 5), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { says(t, guard.Empty(tt.databases, tt.ends), tt.want...) })
	}
}

func TestTopicsThatLostRecords(t *testing.T) {
	one := func(id string, end int64) map[string]mirrordb.Topic {
		return map[string]mirrordb.Topic{"order.created": {Name: "order.created", ID: id, End: end}}
	}
	tests := map[string]struct {
		was, is map[string]mirrordb.Topic
		accept  guard.Accept
		want    []string
	}{
		"never looked at":          {nil, one("a", 4), guard.Accept{}, nil},
		"as it was":                {one("a", 4), one("a", 4), guard.Accept{}, nil},
		"went on":                  {one("a", 4), one("a", 5), guard.Accept{}, nil},
		"made anew":                {one("a", 4), one("b", 9), guard.Accept{}, []string{"order.created was deleted", "--replay order.created", "--accept-topics"}},
		"gone":                     {one("a", 4), nil, guard.Accept{}, []string{"order.created was deleted"}},
		"gone back":                {one("a", 4), one("a", 3), guard.Accept{}, []string{"gone back", "--replay order.created"}},
		"accepted":                 {one("a", 4), one("b", 0), guard.Accept{Topics: true}, nil},
		"a new one that was empty": {one("a", 0), one("b", 0), guard.Accept{}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { says(t, guard.Topics(tt.was, tt.is, tt.accept), tt.want...) })
	}
}

func TestEveryEventHasTheTopicsOfOneDatabase(t *testing.T) {
	want := map[postgres.Database][]string{
		postgres.Orders: {
			"order.created", "order.cancelled", "order.cancel.requested", "order.return.requested", "order.returned",
			"refund.requested", "order.confirmed", "order.fulfilled", "order.return.rejected",
		},
		postgres.Inventory:     {"inventory.updated"},
		postgres.Notifications: nil,
	}
	for db, topics := range want {
		if diff := cmp.Diff(topics, guard.TopicsOf(db)); diff != "" {
			t.Errorf("%s: %s", db, diff)
		}
	}
}
