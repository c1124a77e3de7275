package order

// What the service takes. The API's document and its refusals state these numbers.
const (
	MaxItems     = 100       // items an order, before duplicate skus are merged
	MaxQty       = 1_000_000 // of one sku, after duplicates are merged
	MaxSKU       = 64        // characters of a sku
	MaxUserID    = 1<<53 - 1 // the largest integer that JavaScript holds exactly
	MaxKey       = 255       // characters of an Idempotency-Key
	MaxBody      = 64 << 10  // bytes of a request: 100 items with skus of 64 escaped characters fit
	MaxPage      = 200       // orders a page
	DefaultPage  = 50
	maxReason    = 1 << 10 // bytes of an outcome's reason or a dead letter's error that are kept
	maxHistory   = 100     // entries kept of an order that is dead-lettered over and over
	maxGroup     = 512     // orders a transaction
	maxQueued    = 4096    // orders that wait for a transaction; beyond, requests are turned away
	maxUnsent    = 8192    // committed orders that wait in memory to be published; beyond, the sweeper finds them
	maxPublish   = 2000    // orders produced at once
	maxStreams   = 10_000  // open event streams a replica
	maxClaim     = 1024    // publications claimed at once
	idBlock      = 4096    // order ids claimed at once
	keySweepStep = 1000    // expired idempotency keys deleted in one statement
)
