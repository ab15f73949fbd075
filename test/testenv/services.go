package testenv

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/orderplane/orderplane/internal/devservices"
)

//nolint:gochecknoglobals // one server each for a test binary, whose tests come from several files
var (
	sharedKafka = sync.OnceValues(startKafka)
	sharedRedis = sync.OnceValues(startRedis)
)

// kafkaServer is a broker in a folder that goes with it.
type kafkaServer struct {
	*devservices.Kafka
	folder *throwawayFolder
}

// redisServer is a server in a folder that goes with it.
type redisServer struct {
	*devservices.Redis
	folder *throwawayFolder
}

// Kafka is the address of an Apache Kafka broker for all tests of the binary: started by the
// first that asks, gone with the binary, with its topics. Outside CI the test is left out
// where there is no Java, or no Kafka to run with it.
func Kafka(t TB) string {
	t.Helper()
	k, err := sharedKafka()
	if err != nil {
		LeaveOut(t, err, devservices.ErrNoKafka)
	}
	return k.Bootstrap()
}

// Redis is the address of a Redis server for all tests of the binary: started by the first
// that asks, gone with the binary. Outside CI the test is left out where there is none.
func Redis(t TB) string {
	t.Helper()
	r, err := sharedRedis()
	if err != nil {
		LeaveOut(t, err, devservices.ErrNoRedis)
	}
	return r.Addr()
}

// LeaveOut skips a test that needs what is not installed; CI has it all.
func LeaveOut(t TB, err, missing error) {
	t.Helper()
	if errors.Is(err, missing) && os.Getenv("CI") == "" {
		t.Skipf("left out: %v", err)
	}
	t.Fatalf("start a service: %v", err)
}

func startKafka() (*kafkaServer, error) {
	libs, err := devservices.FindKafka()
	if err != nil {
		return nil, err
	}
	folder, err := newThrowawayFolder()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), servicesWithin)
	defer cancel()
	k, err := devservices.StartKafka(ctx, devservices.KafkaOptions{Libs: libs, Dir: folder.path("kafka"), LogDir: folder.path("log")})
	if err != nil {
		return nil, err
	}
	return &kafkaServer{Kafka: k, folder: folder}, nil
}

func startRedis() (*redisServer, error) {
	bin, err := devservices.FindRedis()
	if err != nil {
		return nil, err
	}
	folder, err := newThrowawayFolder()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), servicesWithin)
	defer cancel()
	r, err := devservices.StartRedis(ctx, devservices.RedisOptions{Bin: bin, LogDir: folder.path("log")})
	if err != nil {
		return nil, err
	}
	return &redisServer{Redis: r, folder: folder}, nil
}
