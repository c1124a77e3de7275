package sqlite_test

import (
	"testing"

	"github.com/openorder/openorder/services/inventory/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.SQLite)
}
