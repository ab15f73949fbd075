package rest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/adapters/rest"
)

// Errors from every part of the gateway have both forms, and both say the same.
func TestErrorsHaveTwoForms(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *rest.Config) { c.MaxBodyBytes = 100 })
	customer := g.token("cust-1")
	for name, tc := range map[string]struct {
		request
		status int
	}{
		"no token":            {request{path: "/api/orders"}, 401},
		"no such path":        {request{path: "/nowhere"}, 404},
		"no such method":      {request{method: "PATCH", path: "/api/orders", token: customer}, 405},
		"no such order":       {request{path: "/api/orders/nothing", token: customer}, 404},
		"unknown parameter":   {request{path: "/api/orders?color=red", token: customer}, 400},
		"malformed parameter": {request{path: "/api/orders?page=x", token: customer}, 400},
		"no key":              {request{method: "POST", path: "/api/orders", token: customer, body: "{}"}, 400},
		"too long":            {request{method: "POST", path: "/api/orders", token: customer, body: strings.Repeat(" ", 101)}, 413},
		"no JSON":             {request{method: "POST", path: "/api/orders", token: customer, body: "x", header: []string{"Content-Type", "text/plain"}}, 415},
		"a customer ships":    {request{method: "POST", path: "/api/orders/nothing/fulfill", token: customer}, 403},
		"no movements":        {request{path: "/api/inventory/prod-001/movements", token: g.ops()}, 503},
	} {
		t.Run(name, func(t *testing.T) {
			asked := tc.request
			asked.header = append(slices.Clone(asked.header), "X-Trace-Id", "trace-1")
			contract := g.do(asked)
			contract.wants(t, tc.status, contract.text("error.code"))
			asked.header = append(asked.header, "Accept", "application/json, application/problem+json")
			problem := g.do(asked)
			if got := problem.header.Get("Content-Type"); problem.status != tc.status || got != "application/problem+json" {
				t.Fatalf("the problem is %d %s %s", problem.status, got, problem.raw)
			}
			for member, want := range map[string]string{
				"type": "tag:orderplane.dev,2026:" + contract.text("error.code"), "title": http.StatusText(tc.status),
				"detail": contract.text("error.message"), "code": contract.text("error.code"), "traceId": "trace-1",
				"path": contract.text("error.path"), "fieldErrors": contract.text("error.fieldErrors"),
			} {
				if got := problem.text(member); got != want {
					t.Errorf("%s = %q, want %q", member, got, want)
				}
			}
			for form, a := range map[string]answer{"contract": contract, "problem": problem} {
				if !slices.Contains(a.header.Values("Vary"), "Accept") {
					t.Errorf("%s: Vary = %q", form, a.header.Values("Vary"))
				}
			}
		})
	}
}

// What is no error is JSON, whatever form of errors a client prefers.
func TestAnAnswerIsNoProblem(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	a := g.do(request{path: "/api/orders", token: g.token("cust-1"), header: []string{"Accept", "application/problem+json"}})
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s %s", a.status, a.header.Get("Content-Type"), a.raw)
	}
}
