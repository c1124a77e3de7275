// Package sqlite keeps the inventory in a SQLite file.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"time"

	"github.com/openorder/openorder/services/internal/database"
	"github.com/openorder/openorder/services/inventory"
)

// Migrations are goose's, in migrations/.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Store is an inventory.Store. There is one writer at a time, so nothing needs to be locked row by row.
type Store struct{ db *database.SQLite }

// New uses tables that are migrated.
func New(db *database.SQLite) *Store { return &Store{db} }

// transact runs do in a transaction that writes.
func (s *Store) transact(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := s.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // of no effect after Commit
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// querier is the file itself or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readStock(ctx context.Context, q querier, sku string) (inventory.Stock, error) {
	stock := inventory.Stock{SKU: sku}
	err := q.QueryRowContext(ctx, `SELECT on_hand, reserved, version FROM stock WHERE sku = ?`, sku).
		Scan(&stock.OnHand, &stock.Reserved, &stock.Version)
	return stock, orNotFound(err)
}

func orNotFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return inventory.ErrNotFound
	}
	return err
}

func fromMicros(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
