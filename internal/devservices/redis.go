package devservices

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// RedisOptions say how a Redis server is run.
type RedisOptions struct {
	// Bin is the executable; FindRedis gives it.
	Bin string
	// LogDir receives redis.log.
	LogDir string
	// Port is a loopback port; a free one when 0.
	Port int
}

// Redis is a Redis server that keeps everything in memory.
type Redis struct{ *devcluster.Server }

// StartRedis runs a Redis server and waits until it serves.
func StartRedis(ctx context.Context, o RedisOptions) (*Redis, error) {
	if err := os.MkdirAll(o.LogDir, 0o750); err != nil {
		return nil, fmt.Errorf("start redis: %w", err)
	}
	r := &Redis{Server: devcluster.NewServer(devcluster.ServerOptions{
		Name: "redis", Path: o.Bin, Port: o.Port, StartTimeout: startWithin,
		LogFile: filepath.Join(o.LogDir, "redis.log"),
		Args: func(port int) []string {
			return []string{"--bind", devcluster.Host, "--port", strconv.Itoa(port), "--save", "", "--appendonly", "no"}
		},
		Ready: redisServes,
	})}
	if err := r.Launch(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Addr is the server's address, as clients take it.
func (r *Redis) Addr() string { return address(r.Port()) }

func redisServes(ctx context.Context, port int) error {
	client := redis.NewClient(&redis.Options{Addr: address(port), MaxRetries: -1, DialTimeout: askWithin})
	defer client.Close() //nolint:errcheck // it was only asked
	return client.Ping(ctx).Err()
}
