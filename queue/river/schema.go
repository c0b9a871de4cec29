package river

import "time"

// schema is what River's tables lack, by name: [Open] makes what is not there. It does not ask PostgreSQL to make an index "if not
// exists", which waits for every transaction that has written to the table before it finds the index there, and lets no other one write meanwhile.
var schema = []struct{ name, statement string }{
	{"depeche_mail", `create table depeche_mail (
		key text primary key, digest bytea not null, job_id bigint, relay text not null, priority integer not null,
		entry jsonb not null, payload bytea, reason text not null default '', outcome smallint not null default 0,
		token bigint not null default 0, owner bigint not null default 0, until timestamptz, ended_at timestamptz
	)`},
	{"depeche_mail_job", "create index depeche_mail_job on depeche_mail (job_id)"},
	{"depeche_mail_ended", "create index depeche_mail_ended on depeche_mail (ended_at) where ended_at is not null"},
	{"depeche_limit", "create table depeche_limit (relay text primary key, cell timestamptz not null)"},
	{"depeche_meta", "create table depeche_meta (name text primary key, value bytea not null)"},
	{"depeche_ledger", `create table depeche_ledger (
		key text not null, recipient bytea not null, fence bigint not null, over boolean not null, entry bytea not null, keep_until timestamptz,
		primary key (key, recipient)
	)`},
	{"depeche_ledger_keep", "create index depeche_ledger_keep on depeche_ledger (keep_until) where keep_until is not null"},
	{"depeche_ledger_recipient", "create index depeche_ledger_recipient on depeche_ledger (recipient)"},
	{"depeche_owner", "create sequence depeche_owner"},
	{"depeche_token", "create sequence depeche_token"},
}

// isThere reports whether a name stands for a table, an index or a sequence of the schema in which a new one is made. Another schema of the
// search path may be that of another queue.
const isThere = "select to_regclass(quote_ident(current_schema()) || '.' || $1) is not null"

// The numbers of advisory locks: Open while it makes tables, and each process while it lives.
const (
	schemaLock = 0x64657065
	ownerLock  = 0x64657066
)

// restart is for how long after the start of the server a process counts that has not opened its session again: a server that is started
// anew has forgotten who lives.
var restart = 10 * time.Second

// live are the numbers of the processes that live. $1 is ownerLock.
const live = `select objid::bigint from pg_locks where locktype = 'advisory' and classid = $1 and objsubid = 2 and granted
	and database = (select oid from pg_database where datname = current_database())`

// started reports whether the server has been there for as long as the parameter says.
func started(parameter string) string {
	return "now() > pg_postmaster_start_time() + " + parameter + "::interval"
}

// standing is when a key of depeche_mail m without an end is a job: it is in River's table, or a worker has it.
const standing = `m.job_id is null or m.token <> 0 and m.until > now() or
	exists (select from river_job j where j.id = m.job_id and j.finalized_at is null)`
