package commands

func (Auth) sealed()         {}
func (AuthCancel) sealed()   {}
func (AuthResponse) sealed() {}
func (Bdat) sealed()         {}
func (Custom) sealed()       {}
func (Data) sealed()         {}
func (Ehlo) sealed()         {}
func (Expn) sealed()         {}
func (Helo) sealed()         {}
func (Help) sealed()         {}
func (Lhlo) sealed()         {}
func (Mail) sealed()         {}
func (Noop) sealed()         {}
func (Quit) sealed()         {}
func (Rcpt) sealed()         {}
func (Rset) sealed()         {}
func (StartTLS) sealed()     {}
func (Vrfy) sealed()         {}
