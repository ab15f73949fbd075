package chart_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
)

// The pods are let out to the ports that their settings name, besides the usual ones.
func TestThePodsReachWhatTheirSettingsName(t *testing.T) {
	t.Parallel()
	usual := map[string][]int{
		"manager": nil, "gateway": {5432, 6379}, "mirror": {5432, 6379, 9092, 9093}, "notifier": {25, 465, 587, 5432, 9092, 9093},
	}
	for name, c := range map[string]struct {
		values, component string
		more              []int
	}{
		"the usual ports":    {"mirror: {enabled: true}", "mirror", nil},
		"a manager":          {"", "manager", nil},
		"databases":          {"mirror: {enabled: true, config: {DB_URL: 'postgres://a:6432,b:6433/?sslmode=require', DB_URL_ORDERS: 'jdbc:postgresql://ops@c:6434/x:1'}}", "mirror", []int{6432, 6433, 6434}},
		"an address of IPv6": {"mirror: {enabled: true, config: {DB_URL: 'postgres://[fd00::1]:6432', KAFKA_BOOTSTRAP: '[fd00::2]:9092'}}", "mirror", []int{6432}},
		"no port":            {"mirror: {enabled: true, config: {DB_URL: 'postgres://db', KAFKA_BOOTSTRAP: kafka}}", "mirror", nil},
		"brokers":            {"mirror: {enabled: true, config: {KAFKA_BOOTSTRAP: 'a:9094,b:9095,c:9094'}}", "mirror", []int{9094, 9095}},
		"a port of Redis":    {"gateway: {config: {REDIS_HOST: redis, REDIS_PORT: 6380}}", "gateway", []int{6380}},
		"an issuer":          {"gateway: {jwt: {jwksURL: 'https://login.example.com:8443/keys'}}", "gateway", []int{8443}},
		"an issuer by 443":   {"gateway: {jwt: {jwksURL: 'https://login.example.com/keys'}}", "gateway", nil},
		"providers":          {"notifier: {enabled: true, config: {SMTP_PORT: '2525', PUSH_URL: 'https://push.example.com:9443/x', TWILIO_URL: 'https://api.example.com'}}", "notifier", []int{2525, 9443}},
		"a rule":             {"manager: {networkPolicy: {extraEgress: [{ports: [{port: 4317}]}]}}", "manager", []int{4317}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := slices.Concat(usual[c.component], c.more)
			slices.Sort(want)
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
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("ports: -want +got\n%s", diff)
			}
		})
	}
}
