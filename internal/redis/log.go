package redis

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	goredis "github.com/redis/go-redis/v9"
)

// LogTo sends what the Redis library logs to a log, as detail (V(1)): while Redis is away it has
// a line for each connection that could not be made. That it is away is said by health and by the
// breaker. The library has one log for the whole process.
func LogTo(log logr.Logger) { goredis.SetLogger(detail{log.V(1)}) }

// detail is a log as the library writes to it.
type detail struct{ log logr.Logger }

// Printf writes a line.
func (d detail) Printf(_ context.Context, format string, args ...any) {
	if d.log.Enabled() {
		d.log.Info("redis client: " + fmt.Sprintf(format, args...))
	}
}
