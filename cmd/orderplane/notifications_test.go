package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/test/testenv"
)

func TestACustomersNotificationsAreErased(t *testing.T) {
	pool := testenv.Database(t, postgres.Notifications)
	if _, err := pool.Exec(t.Context(), `INSERT INTO notifications (id, order_id, channel, recipient, template, status, customer_id, created_at)
		VALUES (gen_random_uuid(), 'o-1', 'EMAIL', 'ines@example.com', 'order.created', 'DELIVERED', 'cust-1', now()),
			(gen_random_uuid(), 'o-2', 'EMAIL', 'li@example.com', 'order.created', 'DELIVERED', 'cust-2', now())`); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	for _, want := range []string{"erased: 1\n", "erased: 0\n"} {
		got, err := run(ctx, "notifications", "erase", "--customer=cust-1", "--db-url-notifications="+pool.Config().ConnString())
		if err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	var left string
	if err := pool.QueryRow(ctx, "SELECT string_agg(recipient || coalesce(customer_id, ''), ' ' ORDER BY order_id) FROM notifications").Scan(&left); err != nil || left != " li@example.comcust-2" {
		t.Errorf("%q, %v", left, err)
	}
	if _, err := run(ctx, "notifications", "erase"); err == nil || !strings.Contains(err.Error(), "--customer") {
		t.Errorf("without a customer: %v", err)
	}
}

func TestTheNotifierSaysWhatIsWrong(t *testing.T) {
	for args, want := range map[string]string{
		"--notify-max-age=-1s":                        "NOTIFY_MAX_AGE",
		"--notify-retention=1h":                       "NOTIFY_RETENTION",
		"--smtp-host=mail --smtp-tls=maybe":           "SMTP_TLS",
		"--push-url=http://example.com":               "PUSH_URL",
		"--twilio-account-sid=AC1":                    "TWILIO_AUTH_TOKEN",
		"--kafka-bootstrap=nowhere":                   "KAFKA_BOOTSTRAP",
		"--smtp-host=m --smtp-user=u --smtp-tls=none": "SMTP_USER",
	} {
		if _, err := run(t.Context(), append([]string{"notifier"}, strings.Fields(args)...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}
