package notificationdb

// ClaimSQL is for a test of its plan.
const ClaimSQL = claimSQL
