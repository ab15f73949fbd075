package main

import (
	"github.com/go-logr/logr"
	uberzap "go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/orderplane/orderplane/internal/redis"
)

// logger makes one sink for all that this process logs.
func (f *componentFlags) logger() logr.Logger {
	log := zap.New(zap.UseFlagOptions(&f.zap), zap.RawZapOpts(uberzap.WrapCore(func(c zapcore.Core) zapcore.Core { return lazyCore{c} })))
	ctrl.SetLogger(log)
	klog.SetLogger(log)
	redis.LogTo(log)
	return log
}

// lazyCore encodes the fields of a logger when something is logged with them, not
// when it is made: a reconciler is handed a logger of its own each time and mostly
// has nothing to say.
type lazyCore struct{ zapcore.Core }

func (c lazyCore) With(fields []zapcore.Field) zapcore.Core {
	return lazyCore{zapcore.NewLazyWith(c.Core, fields)}
}
