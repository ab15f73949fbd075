package local

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func servicesOf(t *testing.T, last rememberedPorts, environ ...string) *services {
	t.Helper()
	o := good()
	o.Dir, o.Environ = t.TempDir(), environ
	if err := o.rememberPorts(last); err != nil {
		t.Fatal(err)
	}
	return newServices(o, t.Logf)
}

func TestAServiceThatTheEnvironmentNamesIsUsed(t *testing.T) {
	last := rememberedPorts{Postgres: 40001, Kafka: 40002, Redis: 40003}
	tests := map[string]struct {
		environ []string
		want    []export
	}{
		"nothing is named":    {nil, nil},
		"named with nothing":  {[]string{"DB_URL=", "KAFKA_BOOTSTRAP="}, nil},
		"one Postgres":        {[]string{"DB_URL=postgresql://db:5432/x"}, []export{{"DB_URL", "postgresql://db:5432/x"}}},
		"one of its settings": {[]string{"DB_USER=me"}, nil},
		"databases here and there": {
			[]string{"DB_URL_ORDERS=postgresql://a/x", "DB_URL_INVENTORY=postgresql://b/y"},
			[]export{{"DB_URL_ORDERS", "postgresql://a/x"}, {"DB_URL_INVENTORY", "postgresql://b/y"}},
		},
		"Kafka":          {[]string{"KAFKA_BOOTSTRAP=kafka:9092"}, []export{{"KAFKA_BOOTSTRAP", "kafka:9092"}}},
		"Redis by host":  {[]string{"REDIS_HOST=redis"}, []export{{"REDIS_HOST", "redis"}}},
		"another port":   {[]string{"KAFKA_BOOTSTRAP=127.0.0.1:9092"}, []export{{"KAFKA_BOOTSTRAP", "127.0.0.1:9092"}}},
		"all of our own": {[]string{"DB_URL_ORDERS=postgresql://ops:x@127.0.0.1:40001/ops_orders?sslmode=disable", "KAFKA_BOOTSTRAP=127.0.0.1:40002", "REDIS_ADDR=127.0.0.1:40003", "REDIS_HOST=127.0.0.1"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := servicesOf(t, last, tt.environ...).exports()
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(export{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestThePortsOfTheRunBeforeAreKept(t *testing.T) {
	last := rememberedPorts{Etcd: 40000, Postgres: 40001, Kafka: 40002}
	s := servicesOf(t, last)
	if got := s.own(); got != last {
		t.Errorf("it remembers %+v, want %+v", got, last)
	}
	if got := s.opts.lastPorts(); got != last {
		t.Errorf("the next run finds %+v, want %+v", got, last)
	}
	if err := os.WriteFile(s.opts.portsFile(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := s.opts.lastPorts(); got != (rememberedPorts{}) {
		t.Errorf("a file that is half written gives %+v", got)
	}
}

// The settings of a service that is named elsewhere go along; those of one that is started
// here would spoil it.
func TestComponentsRunWithTheSettingsOfTheServicesTheyUse(t *testing.T) {
	s := servicesOf(t, rememberedPorts{}, "PATH=/bin", "DB_URL=postgresql://db/x", "DB_USER=me", "KAFKA_TLS=true", "KAFKA_SASL_USER=me")
	if err := s.startKafka(0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kafka.Stop)
	got := s.environment()
	slices.Sort(got)
	want := []string{"DB_URL=postgresql://db/x", "DB_URL=postgresql://db/x", "DB_USER=me", "KAFKA_BOOTSTRAP=" + s.kafka.Bootstrap(), "PATH=/bin"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestThePasswordOfTheDatabasesIsFoundAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "postgres-password")
	made, err := openPassword(file)
	if err != nil || len(made) < 20 {
		t.Fatalf("made %q, %v", made, err)
	}
	found, err := openPassword(file)
	if err != nil || found != made {
		t.Errorf("the second start has %q, %v, want %q", found, err, made)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
}
