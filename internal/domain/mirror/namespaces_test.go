package mirror_test

import (
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/domain/mirror"
)

func TestNamespaces(t *testing.T) {
	for name, c := range map[string]struct {
		mirrored mirror.Namespaces
		// has is whether "shop" is mirrored.
		has bool
		// wrong is what the error names; empty when there is none.
		wrong string
	}{
		"nothing is mirrored":     {nil, false, ""},
		"another":                 {mirror.Namespaces{"default"}, false, ""},
		"one of two":              {mirror.Namespaces{"default", "shop"}, true, ""},
		"all":                     {mirror.Namespaces{"*"}, true, ""},
		"a pattern is none":       {mirror.Namespaces{"sho*"}, false, `"sho*"`},
		"an empty name":           {mirror.Namespaces{""}, false, `""`},
		"all that is wrong":       {mirror.Namespaces{"shop", "A", "b_c"}, true, `"b_c"`},
		"white space is not name": {mirror.Namespaces{" shop"}, false, `" shop"`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.mirrored.Has("shop"); got != c.has {
				t.Errorf("Has: %t", got)
			}
			err := c.mirrored.Validate()
			if (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("Validate: %v, want one that names %q", err, c.wrong)
			}
		})
	}
}
