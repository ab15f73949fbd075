package testenv_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/orderplane/orderplane/test/testenv"
)

func TestOnePostgresServesTheWholeBinary(t *testing.T) {
	p := testenv.Postgres(t)
	if testenv.Postgres(t) != p {
		t.Error("a second one was started")
	}
	conn, err := pgx.Connect(t.Context(), p.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // it was only asked
	var user string
	if err := conn.QueryRow(t.Context(), "SELECT current_user").Scan(&user); err != nil || user != "ops" {
		t.Errorf("it serves %q, %v", user, err)
	}
}
