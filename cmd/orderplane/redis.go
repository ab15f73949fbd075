package main

import (
	"github.com/spf13/pflag"

	"github.com/orderplane/orderplane/internal/redis"
)

// redisFlags say where Redis is.
type redisFlags struct{ redis.Config }

func (f *redisFlags) register(flags *pflag.FlagSet) {
	f.Config = redis.DefaultConfig()
	flags.StringVar(&f.Host, "redis-host", f.Host, "host of Redis; without one: none")
	flags.IntVar(&f.Port, "redis-port", f.Port, "port of Redis")
	flags.StringVar(&f.Addr, "redis-addr", "", "host:port of Redis, instead of the two")
	flags.StringVar(&f.Username, "redis-username", "", "user of Redis; the default one when empty")
	flags.StringVar(&f.Password, "redis-password", "", "password of Redis; better by the variable or by a file")
	flags.StringVar(&f.PasswordFile, "redis-password-file", "", "file with the password, read again for each connection")
	flags.BoolVar(&f.TLS, "redis-tls", false, "talk to Redis by TLS")
	flags.StringVar(&f.CAFile, "redis-ca-file", "", "file with the authorities that Redis' certificate is verified by; the system's when empty")
	flags.StringVar(&f.CertFile, "redis-cert-file", "", "file with the client certificate, for a Redis that asks for one; read again for each connection")
	flags.StringVar(&f.KeyFile, "redis-key-file", "", "file with the key of the client certificate")
	for name, variable := range map[string]string{
		"redis-host":          "REDIS_HOST",
		"redis-port":          "REDIS_PORT",
		"redis-addr":          "REDIS_ADDR",
		"redis-username":      "REDIS_USERNAME",
		"redis-password":      "REDIS_PASSWORD",
		"redis-password-file": "REDIS_PASSWORD_FILE",
		"redis-tls":           "REDIS_TLS",
		"redis-ca-file":       "REDIS_CA_FILE",
		"redis-cert-file":     "REDIS_CERT_FILE",
		"redis-key-file":      "REDIS_KEY_FILE",
	} {
		fromEnvironment(flags, name, variable)
	}
}
