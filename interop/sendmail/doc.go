// Package sendmail hands mail to the sendmail commands of Postfix, Exim and msmtp.
package sendmail
