package fields_test

import (
	"testing"

	"github.com/orderplane/orderplane/adapters/rest/internal/fields"
)

func TestWhoPrefersAProblem(t *testing.T) {
	for name, tc := range map[string]struct {
		accept []string
		want   bool
	}{
		"nothing is asked":                    {nil, false},
		"an empty line":                       {[]string{""}, false},
		"anything":                            {[]string{"*/*"}, false},
		"any application":                     {[]string{"application/*"}, false},
		"JSON":                                {[]string{"application/json"}, false},
		"a browser":                           {[]string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, false},
		"a problem":                           {[]string{"application/problem+json"}, true},
		"in capitals":                         {[]string{"Application/Problem+JSON"}, true},
		"with a charset":                      {[]string{"application/problem+json; charset=utf-8"}, true},
		"both":                                {[]string{"application/json, application/problem+json"}, true},
		"both, in two lines":                  {[]string{"application/json", "application/problem+json"}, true},
		"JSON more":                           {[]string{"application/json, application/problem+json;q=0.9"}, false},
		"a problem more":                      {[]string{"application/json;q=0.5, application/problem+json;q=0.6"}, true},
		"a problem, else anything":            {[]string{"application/problem+json, */*;q=0.1"}, true},
		"a problem less than anything":        {[]string{"application/problem+json;q=0.1, */*"}, false},
		"JSON by name is more exact":          {[]string{"application/json;q=0.2, */*;q=1, application/problem+json;q=0.3"}, true},
		"any application is more exact":       {[]string{"application/*;q=0.2, */*;q=1, application/problem+json;q=0.3"}, true},
		"more exact, the other way round":     {[]string{"*/*;q=0.1, application/json, application/problem+json;q=0.3"}, false},
		"no problem at all":                   {[]string{"application/problem+json;q=0"}, false},
		"neither":                             {[]string{"application/problem+json;q=0, application/json;q=0"}, false},
		"the weight is no number":             {[]string{"application/problem+json;q=high"}, false},
		"the weight is above 1":               {[]string{"application/problem+json;q=7"}, false},
		"the weight is NaN":                   {[]string{"application/problem+json;q=NaN"}, false},
		"the weight is negative":              {[]string{"application/problem+json;q=-1"}, false},
		"malformed, and a good one after it":  {[]string{";;;, application/problem+json"}, true},
		"another problem":                     {[]string{"application/problem+xml"}, false},
		"the name as a part of another":       {[]string{"application/problem+json2"}, false},
		"the best of several weights counts":  {[]string{"application/problem+json;q=0.1, application/problem+json;q=0.9, application/json;q=0.5"}, true},
		"the best of several weights of JSON": {[]string{"application/json;q=0.9, application/json;q=0.1, application/problem+json;q=0.5"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fields.PrefersProblem(tc.accept); got != tc.want {
				t.Errorf("PrefersProblem(%q) = %v", tc.accept, got)
			}
		})
	}
}
