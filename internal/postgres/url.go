package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// parse reads a URL in either spelling. Its errors never repeat the text, which may hold a password.
func parse(text string) (*url.URL, error) {
	if text == "" {
		return nil, errors.New("empty; use postgres://host:5432")
	}
	plain, jdbc := strings.CutPrefix(text, "jdbc:")
	u, err := url.Parse(plain)
	if err != nil {
		return nil, errors.New("no URL; use postgres://host:5432, with what is special in user and password percent-encoded")
	}
	if u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, fmt.Errorf("scheme %q; use postgres://, postgresql:// or jdbc:postgresql://", u.Scheme)
	}
	if u.Opaque != "" {
		// jdbc:postgresql:database, the short form for localhost.
		u.Path, u.Opaque = "/"+u.Opaque, ""
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("its parameters can't be read; percent-encode what is special in them")
	}
	if jdbc {
		if query, err = fromJDBC(query); err != nil {
			return nil, err
		}
	}
	takeCredentials(u, query)
	u.RawQuery = query.Encode()
	return u, nil
}

// takeCredentials moves user and password from the parameters to where they are looked for.
func takeCredentials(u *url.URL, query url.Values) {
	user, password := query.Get("user"), query.Get("password")
	query.Del("user")
	query.Del("password")
	if user == "" {
		user = u.User.Username()
	}
	if own, given := u.User.Password(); given && password == "" {
		password = own
	}
	switch {
	case password != "":
		u.User = url.UserPassword(user, password)
	case user != "":
		u.User = url.User(user)
	}
}

// fromJDBC translates the parameters of the JDBC driver to libpq's. What only tunes that driver is
// dropped; what would change the meaning of a connection is refused.
func fromJDBC(query url.Values) (url.Values, error) {
	names := map[string]string{
		"user": "user", "password": "password", "options": "options",
		"sslmode": "sslmode", "sslrootcert": "sslrootcert", "sslcert": "sslcert", "sslkey": "sslkey",
		"ApplicationName": "application_name", "currentSchema": "search_path",
		"connectTimeout": "connect_timeout", "loginTimeout": "connect_timeout",
	}
	tuning := []string{
		"binaryTransfer", "defaultRowFetchSize", "loggerLevel", "preparedStatementCacheQueries", "preparedStatementCacheSizeMiB",
		"prepareThreshold", "reWriteBatchedInserts", "socketTimeout", "stringtype", "tcpKeepAlive",
	}
	translated := url.Values{}
	for name := range query {
		value := query.Get(name)
		switch to := names[name]; {
		case name == "ssl" && (value == "" || value == "true"):
			complete(query, "sslmode", "verify-full") // as the driver does
			translated.Set("sslmode", query.Get("sslmode"))
		case name == "ssl":
			complete(query, "sslmode", "disable")
			translated.Set("sslmode", query.Get("sslmode"))
		case to != "":
			translated.Set(to, value)
		case !slices.Contains(tuning, name):
			return nil, fmt.Errorf("parameter %q of the JDBC driver means nothing here; leave it out", name)
		}
	}
	return translated, nil
}

// readPassword reads a password from a file, without the line's end.
func readPassword(file string) (string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("DB_PASSWORD_FILE: %w", err)
	}
	return strings.TrimRight(string(raw), "\r\n"), nil
}

// withoutText gives what pgx says about a connection string, without the string.
func withoutText(err error) error {
	var parsing *pgconn.ParseConfigError
	if !errors.As(err, &parsing) {
		return err
	}
	if cause := errors.Unwrap(parsing); cause != nil {
		return cause
	}
	return errors.New("sslmode or another parameter has a value that is not known")
}
