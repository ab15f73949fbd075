package stockdb

// Queries are all there are.
func Queries() []string {
	all := []string{
		cursorSQL, lockSQL, moveSQL, movementsSQL, balancesSQL, balancesUpToSQL, bookSQL,
		putItemsSQL, putReservationsSQL, putDocumentsSQL,
	}
	for _, t := range Tables() {
		all = append(all, t.goneSQL(), t.liveSQL())
	}
	return all
}

const MovementsSQL = movementsSQL
