package main

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// chartSays are settings that the chart says itself, by other values or not at all.
func chartSays() map[string]bool {
	return map[string]bool{
		"HTTP_PORT": true, "BIND_ADDRESS": true, "ADMIN_PORT": true, "POD_NAMESPACE": true, "METRICS_BIND_ADDRESS": true,
		"INVENTORY_PORT": true, "WEBHOOK_PORT": true, "JWT_PUBLIC_KEY": true, "JWT_JWKS_URL": true,
	}
}

// secrets are settings that belong in a secret, not in a config map.
func secrets() map[string]bool {
	return map[string]bool{
		"DB_PASSWORD": true, "REDIS_PASSWORD": true, "KAFKA_SASL_PASSWORD": true, "SMTP_PASSWORD": true, "TWILIO_AUTH_TOKEN": true, "PUSH_SECRET": true,
	}
}

// TestTheChartKnowsEverySetting compares what the chart's schema lets into each component's config,
// secretEnv and secretFiles with the variables of the component's flags.
func TestTheChartKnowsEverySetting(t *testing.T) {
	text, err := os.ReadFile("../../charts/orderplane/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]struct {
			Properties struct {
				Config      struct{ Properties map[string]any }
				SecretEnv   names
				SecretFiles names
			}
		}
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for component, command := range map[string]*cobra.Command{
		"manager": newManagerCommand(), "gateway": newGatewayCommand(), "mirror": newMirrorCommand(), "notifier": newNotifierCommand(),
	} {
		var settings, variables, files []string
		for _, v := range variablesOf(command) {
			if chartSays()[v] || v == "ORDERS_NAMESPACE" && component != "manager" { // the value ordersNamespace
				continue
			}
			variables = append(variables, v)
			if !secrets()[v] {
				settings = append(settings, v)
			}
			if strings.HasSuffix(v, "_FILE") || v == "DB_SSLCERT" || v == "DB_SSLKEY" || v == "DB_SSLROOTCERT" {
				files = append(files, v)
			}
		}
		has := schema.Properties[component].Properties
		if diff := cmp.Diff(settings, slices.Sorted(maps.Keys(has.Config.Properties))); diff != "" {
			t.Errorf("%s.config: -flags +schema\n%s", component, diff)
		}
		if component == "manager" { // it has no secrets
			continue
		}
		if diff := cmp.Diff(variables, has.SecretEnv.Items.Properties.Name.Enum); diff != "" {
			t.Errorf("%s.secretEnv: -flags +schema\n%s", component, diff)
		}
		if diff := cmp.Diff(files, has.SecretFiles.Items.Properties.Name.Enum); diff != "" {
			t.Errorf("%s.secretFiles: -flags +schema\n%s", component, diff)
		}
	}
}

// names is a list of things whose name is one of a few.
type names struct {
	Items struct {
		Properties struct{ Name struct{ Enum []string } }
	}
}

// variablesOf are the environment variables of a command's flags, sorted.
func variablesOf(command *cobra.Command) []string {
	found := map[string]bool{}
	command.Flags().VisitAll(func(f *pflag.Flag) {
		for _, v := range f.Annotations[environmentKey] {
			found[v] = true
		}
	})
	return slices.Sorted(maps.Keys(found))
}
