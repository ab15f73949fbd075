package bench

// Level is what is in the cluster before load comes.
type Level struct {
	// Orders that are live: Confirmed, each with its reservation.
	Orders int `json:"orders"`
	// Reservations without an order.
	Reservations int `json:"reservations"`
}

// GrowthResult is what a level does to the system.
type GrowthResult struct {
	Level Level `json:"level"`
}

func printGrowth(func(string, ...any), []GrowthResult) {}
