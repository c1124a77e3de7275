package sqlite_test

import (
	"testing"

	"github.com/openorder/openorder/services/order/storetest"
)

func TestStore(t *testing.T) { storetest.Run(t, storetest.SQLite) }
