package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestFlagsWinOverTheEnvironmentAndThatOverDefaults(t *testing.T) {
	tests := map[string]struct {
		args        []string
		environment map[string]string
		want        int
		wantError   string
	}{
		"default":              {nil, nil, 8080, ""},
		"environment":          {nil, map[string]string{"HTTP_PORT": "9090"}, 9090, ""},
		"flag":                 {[]string{"--http-port=7070"}, map[string]string{"HTTP_PORT": "9090"}, 7070, ""},
		"empty is not set":     {nil, map[string]string{"HTTP_PORT": ""}, 8080, ""},
		"nonsense is told":     {nil, map[string]string{"HTTP_PORT": "http"}, 0, "HTTP_PORT"},
		"others do not matter": {nil, map[string]string{"PORT": "1"}, 8080, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
			port := flags.Int("http-port", 8080, "port")
			fromEnvironment(flags, "http-port", "HTTP_PORT")
			if err := flags.Parse(tt.args); err != nil {
				t.Fatal(err)
			}
			err := applyEnvironment(flags, func(name string) (string, bool) {
				value, ok := tt.environment[name]
				return value, ok
			})
			if tt.wantError != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantError) {
					t.Errorf("got %v, want it to name %s", err, tt.wantError)
				}
				return
			}
			if err != nil || *port != tt.want {
				t.Errorf("got %d, %v, want %d", *port, err, tt.want)
			}
		})
	}
}

// Every role's flags can be registered together: no name is taken twice, and
// every variable belongs to a flag.
func TestEveryCommandHelps(t *testing.T) {
	for _, name := range []string{"manager", "gateway", "mirror", "token", "local", "topic", "version"} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			root := newRoot()
			root.SetOut(&out)
			root.SetArgs([]string{name, "--help"})
			if err := root.Execute(); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), "orderplane "+name) {
				t.Errorf("help of %s:\n%s", name, &out)
			}
		})
	}
}

func TestManagerOptionsNameTheFlag(t *testing.T) {
	tests := map[string]struct{ args, want string }{
		"no port":                   {"--http-port=70000", "--http-port"},
		"lease shorter than a look": {"--leader-election-lease-duration=1s", "--leader-election"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root := newRoot()
			root.SetArgs([]string{"manager", tt.args})
			err := root.Execute()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to name %s", err, tt.want)
			}
		})
	}
}
