package main

import (
	"io"
	"testing"

	uberzap "go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// counted is a value that counts how often it is encoded.
type counted struct{ times *int }

func (c counted) MarshalLogObject(e zapcore.ObjectEncoder) error {
	*c.times++
	e.AddString("name", "ord-1")
	return nil
}

func TestFieldsOfALoggerAreEncodedWhenItLogs(t *testing.T) {
	sink, seen := observer.New(zapcore.InfoLevel)
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{})
	times := 0
	log := uberzap.New(lazyCore{zapcore.NewTee(sink, zapcore.NewCore(encoder, zapcore.AddSync(io.Discard), zapcore.InfoLevel))}).
		With(uberzap.Object("order", counted{&times})).With(uberzap.String("reconcileID", "7"))
	log.Debug("nothing to say")
	if times != 0 {
		t.Errorf("a logger that logged nothing encoded its fields %d times", times)
	}
	log.Info("order moved")
	if times != 1 {
		t.Errorf("the fields were encoded %d times for one line", times)
	}
	got := seen.All()[0].ContextMap()
	if order, _ := got["order"].(map[string]any); order["name"] != "ord-1" || got["reconcileID"] != "7" {
		t.Errorf("logged with %v", got)
	}
}
