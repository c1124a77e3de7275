// Package postgres keeps the inventory in PostgreSQL.
package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Migrations are goose's, in migrations/.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Store is an inventory.Store. Any number of processes may work on the same tables.
type Store struct{ pool *pgxpool.Pool }

// New uses tables that are migrated.
func New(pool *pgxpool.Pool) *Store { return &Store{pool} }

// limits bound what a process that freezes does to the others: whoever waits for a lock gives up after 3 s, and a
// transaction whose client says nothing, or takes nothing in, ends after 2 s. So nobody holds stock for more than 5 s.
const limits = `SELECT set_config('lock_timeout', '3s', true),
	set_config('idle_in_transaction_session_timeout', '2s', true),
	set_config('tcp_user_timeout', '2s', true)`

// patience bounds how long a server that has vanished keeps a caller waiting.
const patience = 30 * time.Second

// transact runs do in a transaction under the limits.
func (s *Store) transact(ctx context.Context, do func(tx pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, limits); err != nil {
			return fmt.Errorf("set limits: %w", err)
		}
		return do(tx)
	})
}

// violates tells whether err is a violation of a constraint by a row that somebody else wrote meanwhile.
func violates(err error, constraint string) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.Code == "23505" && refusal.ConstraintName == constraint
}
