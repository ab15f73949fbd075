package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

// withoutEnvironment keeps libpq's variables and files of this machine out of a test.
func withoutEnvironment(t *testing.T) {
	t.Helper()
	for _, line := range os.Environ() {
		if name, _, _ := strings.Cut(line, "="); strings.HasPrefix(name, "PG") {
			t.Setenv(name, "")
			_ = os.Unsetenv(name)
		}
	}
	t.Setenv("HOME", t.TempDir())
}

func TestAURLSaysWhereADatabaseIs(t *testing.T) {
	withoutEnvironment(t)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	type where struct{ host, database, user, password, search string }
	for name, test := range map[string]struct {
		edit func(*Config)
		db   Database
		want where
	}{
		"default": {
			edit: func(*Config) {}, db: Orders,
			want: where{"localhost", "ops_orders", "ops", "changeme", ""},
		},
		"the base URL's database is replaced": {
			edit: func(c *Config) { c.URL = "postgres://db:6432/postgres" }, db: Inventory,
			want: where{"db", "ops_inventory", "ops", "changeme", ""},
		},
		"JDBC spelling, parameters of that driver": {
			edit: func(c *Config) {
				c.Orders = "jdbc:postgresql://db/shop?user=jane&password=s%26cret&currentSchema=ops&reWriteBatchedInserts=true"
			}, db: Orders,
			want: where{"db", "shop", "jane", "s&cret", "ops"},
		},
		"JDBC spelling, short": {
			edit: func(c *Config) { c.Orders = "jdbc:postgresql:shop" }, db: Orders,
			want: where{"", "shop", "ops", "changeme", ""},
		},
		"an own URL keeps its name": {
			edit: func(c *Config) { c.Notifications = "postgresql://jane:secret@db/mails" }, db: Notifications,
			want: where{"db", "mails", "jane", "secret", ""},
		},
		"an own URL without a name has the usual one": {
			edit: func(c *Config) { c.Orders = "postgresql://db" }, db: Orders,
			want: where{"db", "ops_orders", "ops", "changeme", ""},
		},
		"password from a file": {
			edit: func(c *Config) { c.PasswordFile = file }, db: Orders,
			want: where{"localhost", "ops_orders", "ops", "from file", ""},
		},
		"unix socket": {
			edit: func(c *Config) { c.URL = "postgres:///?host=/run/pg" }, db: Orders,
			want: where{"/run/pg", "ops_orders", "ops", "changeme", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := DefaultConfig()
			test.edit(&c)
			cfg := mustRead(t, c, test.db)
			conn := cfg.ConnConfig
			got := where{conn.Host, conn.Database, conn.User, conn.Password, conn.RuntimeParams["search_path"]}
			if test.want.host == "" {
				got.host = ""
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			for param := range conn.RuntimeParams {
				if param != "search_path" && param != "application_name" {
					t.Errorf("%s is sent to the server", param)
				}
			}
		})
	}
}

func mustRead(t *testing.T, c Config, db Database) *pgxpool.Config {
	t.Helper()
	cfg, err := c.pool(db)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestTLSIsVerifiedOnceAnAuthorityIsNamed(t *testing.T) {
	withoutEnvironment(t)
	for name, test := range map[string]struct {
		edit                func(*Config)
		encrypted, verified bool
		fallback            bool
	}{
		"nothing said: encrypted if the server can": {edit: func(*Config) {}, encrypted: true, fallback: true},
		"disable":          {edit: func(c *Config) { c.TLS.Mode = "disable" }},
		"require":          {edit: func(c *Config) { c.TLS.Mode = "require" }, encrypted: true},
		"an authority":     {edit: func(c *Config) { c.TLS.RootCert = "system" }, encrypted: true, verified: true},
		"JDBC's ssl":       {edit: func(c *Config) { c.URL = "jdbc:postgresql://db/?ssl=true" }, encrypted: true, verified: true},
		"JDBC's ssl=false": {edit: func(c *Config) { c.URL = "jdbc:postgresql://db/?ssl=false" }},
		"the URL wins":     {edit: func(c *Config) { c.TLS.Mode = "verify-full"; c.URL = "postgres://db/?sslmode=disable" }},
		"a mode that JDBC's ssl has to stand back": {edit: func(c *Config) { c.URL = "jdbc:postgresql://db/?ssl=true&sslmode=require" }, encrypted: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := DefaultConfig()
			test.edit(&c)
			conn := mustRead(t, c, Orders).ConnConfig
			encrypted := conn.TLSConfig != nil
			if encrypted != test.encrypted {
				t.Fatalf("encrypted %v, want %v", encrypted, test.encrypted)
			}
			if verified := encrypted && !conn.TLSConfig.InsecureSkipVerify; verified != test.verified {
				t.Errorf("verified %v, want %v", verified, test.verified)
			}
			plain := false
			for _, f := range conn.Fallbacks {
				plain = plain || f.TLSConfig == nil
			}
			if plain != test.fallback {
				t.Errorf("goes on without TLS: %v, want %v", plain, test.fallback)
			}
		})
	}
}

func TestWhatCantWorkIsRefusedByName(t *testing.T) {
	withoutEnvironment(t)
	for name, test := range map[string]struct {
		edit func(*Config)
		want []string
	}{
		"empty":        {func(c *Config) { c.URL = "" }, []string{"DB_URL:", "empty; use postgres://host:5432"}},
		"scheme":       {func(c *Config) { c.Inventory = "mysql://db" }, []string{"DB_URL_INVENTORY:", `scheme "mysql"`, "jdbc:postgresql://"}},
		"no URL":       {func(c *Config) { c.URL = "postgres://jane:top/secret@db" }, []string{"DB_URL:", "percent-encoded"}},
		"no user":      {func(c *Config) { c.User = "" }, []string{"DB_URL:", "DB_USER"}},
		"two":          {func(c *Config) { c.URL = "postgres://a:secret@db"; c.PasswordFile = "/dev/null" }, []string{"DB_PASSWORD_FILE", "leave one out"}},
		"no file":      {func(c *Config) { c.PasswordFile = "/nowhere" }, []string{"DB_PASSWORD_FILE: open /nowhere"}},
		"mode":         {func(c *Config) { c.TLS.Mode = "sometimes" }, []string{"DB_SSL", "sslmode"}},
		"no authority": {func(c *Config) { c.TLS.RootCert = "/nowhere.pem" }, []string{"DB_SSL", "/nowhere.pem"}},
		"half a pair":  {func(c *Config) { c.TLS.Cert = "/client.pem" }, []string{"DB_SSLCERT and DB_SSLKEY", "needs both"}},
		"JDBC only":    {func(c *Config) { c.Orders = "jdbc:postgresql://db/x?targetServerType=primary" }, []string{"DB_URL_ORDERS:", `"targetServerType"`, "leave it out"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := DefaultConfig()
			test.edit(&c)
			err := c.Validate()
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "changeme") {
				t.Errorf("the password is told: %v", err)
			}
			if strings.Contains(err.Error(), "\n") && name != "two" {
				t.Errorf("one fault is told more than once:\n%v", err)
			}
		})
	}
}
