package chart_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
)

// The pods are let out to the ports that their settings name, to the API server if they talk to it, and to no others.
func TestThePodsReachWhatTheirSettingsName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values, component string
		want              []int
	}{
		"a gateway alone":         {"", "gateway", nil},
		"a gateway with a mirror": {"mirror: {enabled: true, config: {DB_URL: 'postgres://db:6432'}}", "gateway", []int{6432}},
		"a mirror":                {"mirror: {enabled: true}", "mirror", []int{5432, 6379, 9092}},
		"a notifier":              {"notifier: {enabled: true}", "notifier", []int{587, 5432, 9092}},
		"a manager":               {"", "manager", nil},
		"databases":               {"mirror: {enabled: true, config: {DB_URL: 'postgres://a:6432,b/?sslmode=require', DB_URL_ORDERS: 'jdbc:postgresql://ops@c:6434/x:1'}}", "mirror", []int{5432, 6379, 6432, 6434, 9092}},
		"an address of IPv6":      {"mirror: {enabled: true, config: {DB_URL: 'postgres://[fd00::1]:6432', KAFKA_BOOTSTRAP: '[fd00::2]'}}", "mirror", []int{6379, 6432, 9092}},
		"no port":                 {"mirror: {enabled: true, config: {DB_URL: 'postgres://db', KAFKA_BOOTSTRAP: kafka}}", "mirror", []int{5432, 6379, 9092}},
		"no Redis":                {"mirror: {enabled: true, config: {REDIS_HOST: none}}", "mirror", []int{5432, 9092}},
		"brokers":                 {"mirror: {enabled: true, config: {KAFKA_BOOTSTRAP: 'a:9094,b:9095,c:9094'}}", "mirror", []int{5432, 6379, 9094, 9095}},
		"a Redis":                 {"gateway: {config: {REDIS_HOST: redis}}", "gateway", []int{6379}},
		"a port of Redis":         {"gateway: {config: {REDIS_HOST: redis, REDIS_PORT: 6380}}", "gateway", []int{6380}},
		"an address of Redis":     {"gateway: {config: {REDIS_ADDR: 'redis:6381'}}", "gateway", []int{6381}},
		"a database in a secret":  {"gateway: {secretEnv: [{name: DB_URL, secret: db, key: url}]}", "gateway", []int{5432}},
		"an issuer":               {"gateway: {jwt: {jwksURL: 'https://login.example.com:8443/keys'}}", "gateway", []int{8443}},
		"an issuer by 443":        {"gateway: {jwt: {jwksURL: 'https://login.example.com/keys'}}", "gateway", nil},
		"mails by TLS":            {"notifier: {enabled: true, config: {SMTP_PORT: '0', SMTP_TLS: tls}}", "notifier", []int{465, 5432, 9092}},
		"providers":               {"notifier: {enabled: true, config: {SMTP_PORT: '2525', PUSH_URL: 'https://push.example.com:9443/x', TWILIO_ACCOUNT_SID: AC0}}", "notifier", []int{443, 2525, 5432, 9092, 9443}},
		"a rule":                  {"manager: {networkPolicy: {extraEgress: [{ports: [{port: 4317}]}]}}", "manager", []int{4317}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []int
			for _, o := range objects(t, c.values+"\ncrds: {enabled: false}") { // they take the most time
				policy, ok := o.Typed.(*networkingv1.NetworkPolicy)
				if !ok || policy.Name != "orderplane-"+c.component {
					continue
				}
				for _, rule := range policy.Spec.Egress {
					for _, port := range rule.Ports {
						got = append(got, port.Port.IntValue())
					}
				}
				if len(got) > 0 && !slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) {
					t.Error("its rules of egress are not looked at")
				}
			}
			slices.Sort(got)
			want := c.want
			if c.component != "notifier" {
				want = append(want, 443, 6443)
				slices.Sort(want)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("ports: -want +got\n%s", diff)
			}
		})
	}
}
