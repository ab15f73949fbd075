package redis_test

// Libraries that the next steps use; each line goes with its first real import.
import (
	_ "github.com/alicebob/miniredis/v2"
	_ "github.com/go-redis/redis_rate/v10"
	_ "go.uber.org/goleak"
)
