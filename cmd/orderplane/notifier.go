package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/orderplane/orderplane/adapters/notifier"
)

// notifierOptions configure the notifier.
type notifierOptions struct {
	component componentFlags
	postgres  postgresFlags
	kafka     kafkaFlags
	notifier  notifier.Options
}

func (o *notifierOptions) register(flags *pflag.FlagSet) {
	o.component.register(flags)
	o.postgres.register(flags)
	o.kafka.register(flags)
	o.notifier = notifier.DefaultOptions()
	n := &o.notifier
	flags.StringVar(&n.BindAddress, "bind-address", n.BindAddress, "address to serve health and metrics on; every one when empty")
	flags.IntVar(&n.Port, "http-port", n.Port, "port of /actuator/health, /healthz, /readyz and /metrics; 0 for any free one")
	flags.DurationVar(&n.MaxAge, "notify-max-age", n.MaxAge, "what happened longer ago than that is recorded, and nobody is told")
	flags.DurationVar(&n.Retention, "notify-retention", n.Retention, "how long notifications are kept; at least twice --notify-max-age")
	flags.IntVar(&n.Concurrency, "notify-concurrency", n.Concurrency, "how many messages of a channel are sent at once at most")
	flags.DurationVar(&n.SendTimeout, "notify-send-timeout", n.SendTimeout, "how long a message may take, whatever its channel's own time-out is")
	flags.StringVar(&n.Templates, "notify-templates", "", "folder with texts that take the place of the built-in ones")
	for name, variable := range map[string]string{
		"bind-address":        "BIND_ADDRESS",
		"http-port":           "HTTP_PORT",
		"notify-max-age":      "NOTIFY_MAX_AGE",
		"notify-retention":    "NOTIFY_RETENTION",
		"notify-concurrency":  "NOTIFY_CONCURRENCY",
		"notify-send-timeout": "NOTIFY_SEND_TIMEOUT",
		"notify-templates":    "NOTIFY_TEMPLATES",
	} {
		fromEnvironment(flags, name, variable)
	}
	o.registerMail(flags)
	o.registerOthers(flags)
}

func (o *notifierOptions) registerMail(flags *pflag.FlagSet) {
	m := &o.notifier.Channels.Mail
	flags.StringVar(&m.Host, "smtp-host", m.Host, "mail server; without one, and without --mail-dir, no mails are sent")
	flags.IntVar(&m.Port, "smtp-port", m.Port, "port of the mail server; 0 is 587, 465 for tls, 25 for none")
	flags.StringVar(&m.TLS, "smtp-tls", m.TLS, "starttls, tls or none")
	flags.StringVar(&m.CAFile, "smtp-ca-file", m.CAFile, "certificates, PEM, that the mail server's must come from; the system's when empty")
	flags.StringVar(&m.User, "smtp-user", m.User, "user of the mail server; no AUTH when empty")
	flags.StringVar(&m.Password, "smtp-password", m.Password, "password of that user; better by the variable or by a file")
	flags.StringVar(&m.PasswordFile, "smtp-password-file", m.PasswordFile, "file whose first line is that password, read again for each connection")
	flags.DurationVar(&m.Timeout, "smtp-timeout", m.Timeout, "how long the first words on a connection may take, and again a mail")
	flags.StringVar(&m.From, "mail-from", m.From, "sender of mails, such as Shop <orders@shop.example>")
	flags.StringVar(&m.ReplyTo, "mail-reply-to", m.ReplyTo, "where answers go, if elsewhere")
	flags.StringVar(&m.Dir, "mail-dir", m.Dir, "folder that mails are written to as .eml files, where there is no --smtp-host")
	for name, variable := range map[string]string{
		"smtp-host":          "SMTP_HOST",
		"smtp-port":          "SMTP_PORT",
		"smtp-tls":           "SMTP_TLS",
		"smtp-ca-file":       "SMTP_CA_FILE",
		"smtp-user":          "SMTP_USER",
		"smtp-password":      "SMTP_PASSWORD",
		"smtp-password-file": "SMTP_PASSWORD_FILE",
		"smtp-timeout":       "SMTP_TIMEOUT",
		"mail-from":          "MAIL_FROM",
		"mail-reply-to":      "MAIL_REPLY_TO",
		"mail-dir":           "MAIL_DIR",
	} {
		fromEnvironment(flags, name, variable)
	}
}

// registerOthers adds the flags of text messages and of pushes.
func (o *notifierOptions) registerOthers(flags *pflag.FlagSet) {
	s, p := &o.notifier.Channels.SMS, &o.notifier.Channels.Push
	flags.StringVar(&s.URL, "twilio-url", s.URL, "address of Twilio's API")
	flags.StringVar(&s.AccountSID, "twilio-account-sid", s.AccountSID, "account at Twilio; without one no text messages are sent")
	flags.StringVar(&s.Token, "twilio-auth-token", s.Token, "secret of the account; better by the variable or by a file")
	flags.StringVar(&s.TokenFile, "twilio-auth-token-file", s.TokenFile, "file whose first line is that secret, read again for each message")
	flags.StringVar(&s.From, "twilio-from", s.From, "number that text messages come from")
	flags.StringVar(&s.Service, "twilio-messaging-service-sid", s.Service, "messaging service that has numbers, instead of one")
	flags.DurationVar(&s.Timeout, "sms-timeout", s.Timeout, "how long a text message may take")
	flags.StringVar(&p.URL, "push-url", p.URL, "webhook that passes messages on to devices; without one there is no channel PUSH")
	flags.StringVar(&p.Secret, "push-secret", p.Secret, "whsec_... that webhooks are signed with, several with spaces between; better by the variable or by a file")
	flags.StringVar(&p.SecretFile, "push-secret-file", p.SecretFile, "file whose first line is that, read again for each message")
	flags.BoolVar(&p.AllowPrivate, "push-allow-private", p.AllowPrivate, "let the webhook be of this machine or a private network, and be plain http")
	flags.DurationVar(&p.Timeout, "push-timeout", p.Timeout, "how long a webhook may take")
	for name, variable := range map[string]string{ //nolint:gosec // names of variables, no secret
		"twilio-url":                   "TWILIO_URL",
		"twilio-account-sid":           "TWILIO_ACCOUNT_SID",
		"twilio-auth-token":            "TWILIO_AUTH_TOKEN",
		"twilio-auth-token-file":       "TWILIO_AUTH_TOKEN_FILE",
		"twilio-from":                  "TWILIO_FROM",
		"twilio-messaging-service-sid": "TWILIO_MESSAGING_SERVICE_SID",
		"sms-timeout":                  "SMS_TIMEOUT",
		"push-url":                     "PUSH_URL",
		"push-secret":                  "PUSH_SECRET",
		"push-secret-file":             "PUSH_SECRET_FILE",
		"push-allow-private":           "PUSH_ALLOW_PRIVATE",
		"push-timeout":                 "PUSH_TIMEOUT",
	} {
		fromEnvironment(flags, name, variable)
	}
}

func newNotifierCommand() *cobra.Command {
	var o notifierOptions
	cmd := &cobra.Command{
		Use:   "notifier",
		Short: "Run the notifier: customers are told what happens to their orders",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runNotifier(cmd.Context(), &o) },
	}
	o.register(cmd.Flags())
	return cmd
}

func runNotifier(ctx context.Context, o *notifierOptions) error {
	log := o.component.logger()
	o.notifier.Postgres, o.notifier.Kafka = o.postgres.Config, o.kafka.Config
	server, err := notifier.New(ctx, o.notifier, notifier.Deps{Log: log, Metrics: metrics.Registry, Clock: clock.RealClock{}})
	if err != nil {
		return err
	}
	if err := servePprof(ctx, o.component.pprof, log); err != nil {
		return err
	}
	log.Info("notifier starts", "version", version())
	return server.Run(ctx)
}
