package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Database is one of Orderplane's databases, by the name it has on the server unless its URL says another.
type Database string

// The databases, one a concern.
const (
	Orders        Database = "ops_orders"
	Inventory     Database = "ops_inventory"
	Notifications Database = "ops_notifications"
)

// Databases gives all of them.
func Databases() []Database { return []Database{Orders, Inventory, Notifications} }

// TLS says how connections are encrypted, in libpq's words. What a URL says wins over it.
type TLS struct {
	// Mode is disable, allow, prefer, require, verify-ca or verify-full. When empty it is verify-full
	// if RootCert is set, else prefer.
	Mode string
	// RootCert is a file with the certificates of the authorities that servers are verified by, as PEM;
	// "system" takes those of the machine.
	RootCert string
	// Cert and Key are files with the client certificate and its key, as PEM. They are read again for
	// each connection.
	Cert, Key string
}

// Config says where the databases are. Each URL is postgres://, postgresql:// or jdbc:postgresql://, and
// may hold user, password and the parameters of libpq, pool_max_conns of pgxpool and those of the
// JDBC driver that have a meaning here.
type Config struct {
	// URL of the server. Its path is not looked at: each database is found by its own name.
	URL string
	// Orders, Inventory and Notifications are URLs of single databases; URL serves for what is empty.
	Orders, Inventory, Notifications string
	// User and Password are for URLs that have none of their own.
	User, Password string
	// PasswordFile holds the password, instead of Password. It is read again for each connection.
	PasswordFile string
	TLS          TLS
}

// DefaultConfig is a server on this machine.
func DefaultConfig() Config {
	return Config{URL: "postgres://localhost:5432", User: "ops", Password: "changeme"}
}

// Validate refuses what can't work. An error names the environment variable that is wrong.
func (c Config) Validate() error {
	var errs []error
	for _, db := range Databases() {
		if _, err := c.pool(db); err != nil && !slices.ContainsFunc(errs, func(e error) bool { return e.Error() == err.Error() }) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// source is the URL of a database and the environment variable it comes from.
func (c Config) source(db Database) (variable, text string) {
	own := map[Database]string{Orders: c.Orders, Inventory: c.Inventory, Notifications: c.Notifications}[db]
	if own == "" {
		return "DB_URL", c.URL
	}
	return "DB_URL_" + strings.ToUpper(strings.TrimPrefix(string(db), "ops_")), own
}

// pool reads the configuration of a database's connections. It opens none, but reads the files of
// passwords and certificates.
func (c Config) pool(db Database) (*pgxpool.Config, error) {
	text, err := c.connection(db)
	if err != nil {
		return nil, err
	}
	variable, _ := c.source(db)
	cfg, err := pgxpool.ParseConfig(text)
	if err != nil {
		// What was read is not repeated: it may hold a password.
		return nil, fmt.Errorf("%s, or DB_SSL*: %w", variable, withoutText(err))
	}
	return cfg, nil
}

// connection gives the URL of a database with all that the configuration says, as pgx reads it.
func (c Config) connection(db Database) (string, error) {
	variable, text := c.source(db)
	u, err := parse(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", variable, err)
	}
	if variable == "DB_URL" || strings.Trim(u.Path, "/") == "" {
		u.Path = "/" + string(db)
	}
	if u.User, err = c.credentials(u.User); err != nil {
		return "", fmt.Errorf("%s: %w", variable, err)
	}
	query := u.Query()
	if err := c.TLS.complete(query); err != nil {
		return "", err
	}
	complete(query, "application_name", "orderplane")
	complete(query, "connect_timeout", "5")
	complete(query, "pool_max_conns", "8")
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// credentials completes what a URL says.
func (c Config) credentials(own *url.Userinfo) (*url.Userinfo, error) {
	user := c.User
	if name := own.Username(); name != "" {
		user = name
	}
	if user == "" {
		return nil, errors.New("no user; name one in it or by DB_USER")
	}
	password, given := own.Password()
	switch {
	case given && c.PasswordFile != "":
		return nil, errors.New("it has a password, and DB_PASSWORD_FILE is set as well; leave one out")
	case given:
		return url.UserPassword(user, password), nil
	case c.PasswordFile != "":
		read, err := readPassword(c.PasswordFile)
		if err != nil {
			return nil, err
		}
		return url.UserPassword(user, read), nil
	case c.Password != "":
		return url.UserPassword(user, c.Password), nil
	default:
		return url.User(user), nil
	}
}

// complete adds what the parameters of a URL leave open.
func (t TLS) complete(query url.Values) error {
	complete(query, "sslrootcert", t.RootCert)
	complete(query, "sslcert", t.Cert)
	complete(query, "sslkey", t.Key)
	mode := t.Mode
	if mode == "" && query.Get("sslrootcert") != "" {
		mode = "verify-full"
	}
	complete(query, "sslmode", mode)
	if (query.Get("sslcert") == "") != (query.Get("sslkey") == "") {
		return errors.New("DB_SSLCERT and DB_SSLKEY: one without the other; a client certificate needs both")
	}
	return nil
}

func complete(query url.Values, name, value string) {
	if value != "" && query.Get(name) == "" {
		query.Set(name, value)
	}
}
