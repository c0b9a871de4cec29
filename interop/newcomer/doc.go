// Package newcomer does with the command depeche what a person does who meets it for the first time, with programs that are not Go.
package newcomer
