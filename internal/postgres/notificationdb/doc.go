// Package notificationdb reads what customers were told about their orders, or are to be told,
// from the database ops_notifications, and keeps it there.
package notificationdb
