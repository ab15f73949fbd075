package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Open makes the pool of a database. The server need not be there: connections are made when they are
// asked for. Files of passwords and certificates are read again for each of them, so that they may be
// exchanged while the process runs.
func Open(ctx context.Context, c Config, db Database) (*pgxpool.Pool, error) {
	cfg, err := c.pool(db)
	if err != nil {
		return nil, err
	}
	cfg.BeforeConnect = func(_ context.Context, conn *pgx.ConnConfig) error {
		now, err := c.pool(db)
		if err != nil {
			return err
		}
		fresh := now.ConnConfig
		conn.Password = fresh.Password
		// These four depend on each other.
		conn.Host, conn.Port, conn.TLSConfig, conn.Fallbacks = fresh.Host, fresh.Port, fresh.TLSConfig, fresh.Fallbacks
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", db, err)
	}
	return pool, nil
}

// IsAway says whether an error means that the server can't be reached or takes no connections just now,
// so that it is worth trying again.
func IsAway(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch {
		case len(refused.Code) >= 2 && refused.Code[:2] == "08": // connection exceptions
			return true
		case refused.Code == "57P01", refused.Code == "57P02", refused.Code == "57P03": // shut down, crashed, starting
			return true
		default:
			return refused.Code == "53300" // too many connections
		}
	}
	var network net.Error
	var connecting *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connecting) || errors.Is(err, net.ErrClosed)
}

// wayOut adds to an error of a database what a person can do about it.
func wayOut(err error, pool *pgxpool.Pool) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	conn := pool.Config().ConnConfig
	database, user := pgx.Identifier{conn.Database}.Sanitize(), pgx.Identifier{conn.User}.Sanitize()
	switch refused.Code {
	case "3D000": // no such database
		return fmt.Errorf("%w; make it once, as a superuser: CREATE DATABASE %s OWNER %s", err, database, user)
	case "42501": // not allowed
		return fmt.Errorf("%w; make the user its owner: ALTER DATABASE %s OWNER TO %s", err, database, user)
	case "28P01", "28000": // wrong password, or not let in
		return fmt.Errorf("%w; see DB_USER, DB_PASSWORD or DB_PASSWORD_FILE, DB_SSLCERT, and the server's pg_hba.conf", err)
	default:
		return err
	}
}
