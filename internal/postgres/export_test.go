package postgres

// MigrateFiles is Migrate with other files.
var MigrateFiles = migrate
