package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// aCommand is a command of the REST API on an order that allows it.
type aCommand struct {
	method, path, body string
	ops                bool
	phase              v1alpha1.OrderPhase
	// open says that somebody asked for a return before.
	open bool
}

// everyCommand is each command there is, by what it does.
func everyCommand() map[string]aCommand {
	return map[string]aCommand{
		"cancel":  {method: "DELETE", path: "", phase: v1alpha1.OrderConfirmed},
		"fulfill": {method: "POST", path: "/fulfill", ops: true, phase: v1alpha1.OrderConfirmed},
		"return":  {method: "POST", path: "/return", body: `{"reason":"too small"}`, phase: v1alpha1.OrderFulfilled},
		"approve": {method: "PUT", path: "/return/approve", ops: true, open: true},
		"reject":  {method: "PUT", path: "/return/reject", ops: true, open: true, body: `{"reason":"worn"}`},
	}
}

// ready makes an order that allows the command, and returns its id.
func (c aCommand) ready(g *gateway) string {
	g.t.Helper()
	id := g.create("cust-1")
	if !c.open {
		g.setStatus(id, phase(c.phase))
		return id
	}
	g.setStatus(id, phase(v1alpha1.OrderFulfilled))
	g.controller(id, returnAsked("too small"), answerReturn(v1alpha1.OrderReturnRequested, v1alpha1.ReturnRequested, ""))
	g.do(request{method: "POST", path: "/api/orders/" + id + "/return", token: g.token("cust-1"), body: `{"reason":"too small"}`})
	g.eventually("the return is requested", func() bool { return g.order(id).Status.Phase == v1alpha1.OrderReturnRequested })
	return id
}

func (c aCommand) of(g *gateway, id string, header ...string) request {
	r := request{method: c.method, path: "/api/orders/" + id + c.path, token: g.token("cust-1"), body: c.body, header: header}
	if c.ops {
		r.token = g.ops()
	}
	return r
}

// An ETag is opaque. Whatever a client makes up is compared here and fails its
// precondition; none of it reaches the API server, and none is a failure of it.
func TestIfMatchOfNoVersionFailsThePrecondition(t *testing.T) {
	t.Parallel()
	g := startGateway(t, impatient)
	for name, c := range everyCommand() {
		t.Run(name, func(t *testing.T) {
			id := c.ready(g)
			before := g.order(id)
			tag := `"` + before.ResourceVersion + `"`
			for _, none := range []string{
				`"5555"`, `"0"`, `"-1"`, `""`, `"x"`, `"99999999999999999999999999"`, `"9223372036854775807"`, `"{}"`,
				`"a","b"`, `"a" , "b",`, `W/"5555"`, "W/" + tag, `"` + strings.Repeat("7", 3000) + `"`, `"*"`,
				`"` + before.ResourceVersion + ` "`, `"two words"`, `"0` + before.ResourceVersion + `"`, "\"\u00e4\"",
			} {
				g.do(c.of(g, id, "If-Match", none)).wants(t, http.StatusPreconditionFailed, "PRECONDITION_FAILED")
			}
			for _, bad := range []string{"5555", before.ResourceVersion, `"5555`, `5555"`, `"a""b"`, `*, "a"`, `"a" b`, `w/"a"`, "W/", ",", "null", ""} {
				a := g.do(c.of(g, id, "If-Match", bad))
				a.wants(t, http.StatusBadRequest, "INVALID_REQUEST")
				if got := a.text("error.fieldErrors.0.field"); got != "If-Match" {
					t.Errorf("If-Match: %s: field = %q", bad, got)
				}
			}
			if after := g.order(id); after.ResourceVersion != before.ResourceVersion {
				t.Error("the order was changed all the same")
			}
		})
	}
	g.breakersAreUntouched()
}

func TestIfMatchOfTheVersionLetsTheCommandThrough(t *testing.T) {
	t.Parallel()
	g := startGateway(t, impatient)
	for name, c := range everyCommand() {
		for form, header := range map[string]func(tag string) string{
			"the tag":      func(tag string) string { return tag },
			"in a list":    func(tag string) string { return `"x", ` + tag + ` ,W/"y"` },
			"list, commas": func(tag string) string { return `"a,b",,` + tag },
			"any":          func(string) string { return "*" },
		} {
			t.Run(name+"/"+form, func(t *testing.T) {
				id := c.ready(g)
				tag := `"` + g.order(id).ResourceVersion + `"`
				// At once: the cache need not have what the client has.
				if a := g.do(c.of(g, id, "If-Match", header(tag))); a.status != http.StatusAccepted {
					t.Errorf("If-Match: %s: %d %s", header(tag), a.status, a.raw)
				}
			})
		}
	}
	g.breakersAreUntouched()
}

// A list may be spread over several lines, and means the same (RFC 9110, 5.3).
func TestIfMatchMayHaveSeveralLines(t *testing.T) {
	t.Parallel()
	g := startGateway(t, impatient)
	cancel := everyCommand()["cancel"]
	id := cancel.ready(g)
	send := func(lines ...string) int {
		r, err := http.NewRequest(cancel.method, g.url+"/api/orders/"+id, nil)
		must(t, err)
		r.Header.Set("Authorization", "Bearer "+g.token("cust-1"))
		r.Header["If-Match"] = lines
		response, err := http.DefaultClient.Do(r)
		must(t, err)
		must(t, response.Body.Close())
		return response.StatusCode
	}
	if got := send(`"1"`, `"2"`); got != http.StatusPreconditionFailed {
		t.Errorf("two wrong tags: %d", got)
	}
	if got := send(`"1"`, `"`+g.order(id).ResourceVersion+`"`); got != http.StatusAccepted {
		t.Errorf("the second is right: %d", got)
	}
}

// breakersAreUntouched fails the test unless every breaker is closed and has seen no failure.
func (g *gateway) breakersAreUntouched() {
	g.t.Helper()
	a := g.do(request{path: "/actuator/circuitbreakers"})
	breakers, _ := a.body["circuitBreakers"].(map[string]any)
	if len(breakers) < 2 {
		g.t.Errorf("breakers = %s, want one for reads and one for writes", a.raw)
	}
	for name := range breakers {
		path := "circuitBreakers." + name
		if a.text(path+".state") != "CLOSED" || a.text(path+".failedCalls") != "0" {
			g.t.Errorf("breaker %s: %s", name, a.raw)
		}
	}
}
