package smtptest

// ReadPath lets the fuzz target reach the reader of addresses without a connection.
var ReadPath = readPath
