package stockdb

// Queries are all there are.
func Queries() []string {
	all := []string{
		cursorSQL, lockSQL, moveSQL, movementsSQL, balancesSQL, balancesUpToSQL, bookSQL,
		putItemsSQL, putReservationsSQL, putDocumentsSQL, shownSQL, restoreSQL, bookedSQL,
	}
	for _, t := range Tables() {
		all = append(all, t.goneSQL(), t.liveSQL(), t.versionsSQL())
	}
	return all
}

const MovementsSQL = movementsSQL
