package postgres_test

import (
	"testing"

	"github.com/openorder/openorder/services/inventory/storetest"
)

func TestStore(t *testing.T) { storetest.Run(t, storetest.PostgreSQL) }
